"""A running configuration, from start to stop, and the loop that reacts to signals.

Start: telemetry, extensions, then the graph from its far end, receivers last. Stop: receivers
first, exporters last, then extensions in reverse, all within one deadline. SIGINT and SIGTERM stop,
SIGHUP stops, reads the configuration again and starts; a component that reports a fatal error stops
the process with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ananta import __version__
from ananta.component import Kind
from ananta.config.ids import type_of
from ananta.config.shared.endpoint import Address
from ananta.errors import AnantaError, StartupError
from ananta.pipeline.graph import ComponentMaker, Graph, Node
from ananta.telemetry.logs import set_up_logs
from ananta.telemetry.metrics import CONTENT_TYPE_LATEST, Metrics
from ananta.telemetry.overview import Overview
from ananta.telemetry.process import watch_process
from ananta.telemetry.server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from ananta.config.service import CollectorConfig
    from ananta.config.table import ComponentTable
    from ananta.pipeline.exporter import ExporterRunner

SHUTDOWN_TIMEOUT_SECONDS = 25.0
"""How long a stop may take: within the thirty seconds that ECS and Kubernetes grant."""

_LAST_CHANCE_SECONDS = 0.5

_log = logging.getLogger("ananta.service")


class Listening(NamedTuple):
    """An address something listens on.

    Attributes:
        name: component id, and the protocol where it has several.
        address: `host:port`.
        purpose: what it is for, in a few words.
    """

    name: str
    address: str
    purpose: str


class Service:
    """One configuration, running; what its components know as their `Host`.

    Args:
        config: resolved and checked.
        table: every component there is.
        shutdown_timeout_seconds: after which a stop leaves behind what is not done.
    """

    def __init__(
        self,
        config: CollectorConfig,
        table: ComponentTable,
        *,
        shutdown_timeout_seconds: float = SHUTDOWN_TIMEOUT_SECONDS,
    ) -> None:
        self._config = config
        self._table = table
        self._shutdown_timeout_seconds = shutdown_timeout_seconds
        self.metrics = Metrics(config.service.telemetry.metrics.level)
        self.overview = Overview(config)
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._graph: Graph | None = None
        self._extensions: dict[str, Any] = {}
        self._started: list[Node] = []
        self._servers: list[HttpServer] = []

    # What components may ask of their host

    def extension(self, component_id: str) -> Any:
        """The extension with this id; raises `StartupError` when none runs."""
        if component_id not in self._extensions:
            message = (
                f'extension "{component_id}" does not run;'
                " configure it and list it in service::extensions"
            )
            raise StartupError(message)
        return self._extensions[component_id]

    def exporter(self, component_id: str) -> Any:
        """The exporter with this id; raises `StartupError` when no pipeline uses one."""
        return self._runner(component_id).exporter

    def _runner(self, exporter_id: str) -> ExporterRunner:
        runners = self._graph.exporters if self._graph else {}
        if exporter_id not in runners:
            message = (
                f'exporter "{exporter_id}" does not run; configure it and use it in a pipeline'
            )
            raise StartupError(message)
        return runners[exporter_id]

    async def flush(self, exporter_id: str) -> None:
        """Return once all spans accepted for this exporter before the call are delivered.

        Raises:
            RetryableError: it cannot deliver at the moment.
        """
        runner = self._runner(exporter_id)
        for node in self._graph.holders_before(exporter_id) if self._graph else []:
            await node.component.flush()
        await runner.flush()

    def report_fatal(self, component_id: str, error: BaseException) -> None:
        """End the run with this error."""
        _log.error(
            "Asynchronous error received, terminating process",
            extra={"component": component_id, "error": str(error)},
            exc_info=None if isinstance(error, AnantaError) else error,
        )
        if not self.failed.done():
            self.failed.set_result(f"{component_id}: {error}")

    # Start

    async def start(self) -> None:
        """Start everything; where that fails, stop what has started.

        Raises:
            StartupError: names the component and says what to change.
        """
        try:
            await self._start_telemetry()
            self._build()
            assert self._graph is not None
            extensions = [
                Node(Kind.EXTENSION, component_id, extension, "", [])
                for component_id, extension in self._extensions.items()
            ]
            for node in [*extensions, *self._graph.nodes]:
                self._started.append(node)
                await self._start(node)
        except BaseException:
            await self.stop()
            raise
        self.overview.ready_since = time.time()
        _log.info("Everything is ready. Begin running and processing data.")

    async def _start_telemetry(self) -> None:
        telemetry = self._config.service.telemetry
        set_up_logs(telemetry.logs)
        watch_process(self.metrics)
        show_target(self.metrics, telemetry.resource)
        for number, reader in enumerate(telemetry.metrics.prometheus):
            setting = f"service::telemetry::metrics::readers[{number}]"
            endpoint = str(Address(reader.host, reader.port))
            server = HttpServer(metrics_app(self.metrics), endpoint, setting)
            self._servers.append(server)
            await server.start()

    def _build(self) -> None:
        self._graph = Graph(self._config, self._table, self.metrics, self.overview.operations)
        maker = ComponentMaker(self._table, self.metrics, {"overview": self.overview})
        for component_id in self._config.service.extensions:
            config = self._config.extensions[component_id]
            extension, _ = maker.make(Kind.EXTENSION, component_id, config)
            self._extensions[component_id] = extension

    async def _start(self, node: Node) -> None:
        try:
            await node.component.start(self)
        except StartupError as error:
            if str(error).startswith(node.path):
                raise
            message = f"{node.place}: {error}"
            raise StartupError(message) from error
        except Exception as error:  # whatever a component of somebody else's may raise
            message = f"{node.place}: cannot start: {type(error).__name__}: {error}"
            raise StartupError(message) from error
        if addresses := getattr(node.component, "addresses", {}):
            self.overview.addresses[node.path] = dict(addresses)

    def listening(self) -> list[Listening]:
        """Where everything listens, in the order of starting, receivers first."""
        found = []
        for node in sorted(self._started, key=lambda node: node.kind is not Kind.RECEIVER):
            factory = self._table.find(node.kind, type_of(node.id))
            for protocol, address in self.overview.addresses.get(node.path, {}).items():
                name = f"{node.id} {protocol}".strip()
                found.append(Listening(name, address, factory.summary if factory else ""))
        found += [
            Listening("metrics", f"http://{server.address}/metrics", "The process's own metrics.")
            for server in self._servers
        ]
        return found

    # Stop

    async def stop(self) -> None:
        """Stop everything within the deadline; what is accepted is delivered, kept or counted."""
        self.overview.ready_since = None
        deadline = asyncio.get_running_loop().time() + self._shutdown_timeout_seconds
        stopping, self._started = self._started[::-1], []
        exporters = [node for node in stopping if node.kind is Kind.EXPORTER]
        extensions = [node for node in stopping if node.kind is Kind.EXTENSION]
        for node in stopping:
            if node not in exporters and node not in extensions:
                await self._stop(node, deadline)
        await asyncio.gather(*(self._stop(node, deadline) for node in exporters))
        for node in extensions:
            await self._stop(node, deadline)
        for server in self._servers:
            await server.stop()
        if exporters:
            tell_outcome([node.component for node in exporters])

    async def _stop(self, node: Node, deadline: float) -> None:
        last_chance = asyncio.get_running_loop().time() + _LAST_CHANCE_SECONDS
        try:
            async with asyncio.timeout_at(max(deadline, last_chance)):
                await node.component.shutdown()
        except TimeoutError:
            _log.error("A component did not stop in time.", extra={"component": node.place})
        except Exception as error:  # noqa: BLE001 - the others are to be stopped all the same
            _log.error(
                "A component failed to stop.", extra={"component": node.place}, exc_info=error
            )


def tell_outcome(runners: Sequence[ExporterRunner]) -> None:
    """Log what became of all spans that were accepted."""
    delivered = sum(runner.num_sent for runner in runners)
    dropped = sum(runner.num_dropped for runner in runners)
    saved = sum(runner.pending.items for runner in runners if runner.is_durable)
    tell = _log.warning if dropped else _log.info
    tell(
        "Stopped: %d spans delivered, %d saved for the next start, %d dropped.",
        delivered,
        saved,
        dropped,
    )


def metrics_app(metrics: Metrics) -> ASGIApp:
    """The application behind port 8888."""

    async def show(_request: Request) -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/metrics", show), Route("/", show)])


def show_target(metrics: Metrics, resource: Mapping[str, str | float | bool | None]) -> None:
    """Show who this process is, as `target_info`."""
    attributes = {
        "service.name": "ananta",
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid4()),
        **resource,
    }
    shown = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in attributes.items()
        if value is not None
    }
    metrics.gauge("target_info", "Target metadata", tuple(shown)).set(1, **shown)


class Signals:
    """The signals that end a run or make it begin anew, while `caught`.

    Attributes:
        arrived: one has.
        reload: all that arrived were SIGHUP.
    """

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.reload = True

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch SIGINT, SIGTERM and SIGHUP."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._take, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _take(self, number: signal.Signals) -> None:
        _log.info("Received a signal.", extra={"signal": number.name})
        self.reload &= number is signal.SIGHUP
        self.arrived.set()


async def run(
    config: CollectorConfig,
    *,
    table: ComponentTable,
    announce: Callable[[Sequence[Listening]], None],
    reload: Callable[[], CollectorConfig] | None = None,
) -> int:
    """Run a configuration until a signal or a fatal error ends it.

    Args:
        config: resolved and checked.
        table: every component there is.
        announce: told where everything listens, each time everything has started.
        reload: reads the configuration again, for SIGHUP; without it SIGHUP stops.

    Returns:
        the exit code: 0 after a signal, 1 after a fatal error.

    Raises:
        StartupError: a component cannot start.
        ConfigError: the configuration is wrong when it is read again.
    """
    signals = Signals()
    with signals.caught():
        while True:
            service = Service(config, table)
            if await _finish_before(signals.arrived, service.start()):
                announce(service.listening())
                await _wait_for_either(signals.arrived, service.failed)
                await service.stop()
            if service.failed.done():
                return 1
            if not signals.reload or reload is None:
                return 0
            signals.arrived.clear()
            config = reload()


async def _wait_for_either(event: asyncio.Event, other: asyncio.Future[Any]) -> None:
    """Return once the event is set or the other is done."""
    waiting: asyncio.Future[Any] = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, other}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _finish_before(interruption: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work unless the event comes first; whether it was done."""
    working = asyncio.create_task(work)
    await _wait_for_either(interruption, working)
    if working.done():
        working.result()
        return True
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return False
