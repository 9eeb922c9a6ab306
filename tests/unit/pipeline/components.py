"""Components for tests of the graph: they write down what happens to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ananta.component import Kind
from ananta.config.model import Config
from ananta.config.shared import DeliveryConfig
from ananta.config.table import ComponentFactory, ComponentTable
from ananta.errors import StartupError
from tests.unit.pipeline.batches import names_in

if TYPE_CHECKING:
    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch

EVENTS: list[str] = []
"""What happened, in order, since the test began; `fresh_events` empties it."""

INSTANCES: dict[str, list[Any]] = {}
"""Every component made since, by id."""


class PlainConfig(Config):
    """What a test wants to go wrong."""

    fail_to_make: str = Field("", description="Raise this when made.")
    fail_to_start: str = Field("", description="Raise `StartupError` with this at start.")
    crash_at_start: str = Field("", description="Raise `ValueError` with this at start.")
    fail_to_stop: str = Field("", description="Raise `ValueError` with this at shutdown.")


class Plain:
    """Writes down its life."""

    def __init__(self, config: PlainConfig, settings: Settings, next_sink: SpanSink | None = None):
        if config.fail_to_make:
            raise ValueError(config.fail_to_make)
        self.config = config
        self.settings = settings
        self.next_sink = next_sink
        self.host: Host | None = None
        self.received: list[str] = []
        INSTANCES.setdefault(settings.id, []).append(self)

    async def start(self, host: Host) -> None:
        EVENTS.append(f"start {self.settings.id}")
        self.host = host
        if self.config.fail_to_start:
            raise StartupError(self.config.fail_to_start)
        if self.config.crash_at_start:
            raise ValueError(self.config.crash_at_start)

    async def consume(self, batch: SpanBatch) -> None:
        self.received += names_in(batch)
        if self.next_sink is not None:
            await self.next_sink.consume(batch)

    async def shutdown(self) -> None:
        EVENTS.append(f"stop {self.settings.id}")
        if self.config.fail_to_stop:
            raise ValueError(self.config.fail_to_stop)


class QueuedConfig(DeliveryConfig):
    """An exporter with queue, retry and timeout."""


class Holding(Plain):
    """A processor that holds what it is given until it is flushed."""

    async def start(self, host: Host) -> None:
        self.held: list[SpanBatch] = []
        await super().start(host)

    async def consume(self, batch: SpanBatch) -> None:
        self.held.append(batch)

    async def flush(self) -> None:
        EVENTS.append(f"flush {self.settings.id}")
        while self.held:
            assert self.next_sink is not None
            await self.next_sink.consume(self.held.pop(0))


class Queued:
    """An exporter that remembers; `failures` are raised first."""

    def __init__(self, config: QueuedConfig, settings: Settings) -> None:
        self.received: list[str] = []
        self.failures: list[Exception] = []
        self.settings = settings
        INSTANCES.setdefault(settings.id, []).append(self)

    async def start(self, host: Host) -> None:
        EVENTS.append(f"start {self.settings.id}")

    async def consume(self, batch: SpanBatch) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.received += names_in(batch)

    async def shutdown(self) -> None:
        EVENTS.append(f"stop {self.settings.id}")


def factory(kind: Kind, component_type: str, config: str, component: str) -> ComponentFactory:
    module = "tests.unit.pipeline.components"
    return ComponentFactory(
        kind, component_type, f"{module}:{config}", f"{module}:{component}", "For a test."
    )


def table() -> ComponentTable:
    """A table with `plain` of every kind, the processor `holding` and the exporter `queued`."""
    from ananta.components import BUILT_IN

    return ComponentTable(
        [
            *(factory(kind, "plain", "PlainConfig", "Plain") for kind in Kind),
            factory(Kind.PROCESSOR, "holding", "PlainConfig", "Holding"),
            factory(Kind.EXPORTER, "queued", "QueuedConfig", "Queued"),
            *BUILT_IN,
        ]
    )


def the(component_id: str) -> Any:
    """The one component with this id."""
    (instance,) = INSTANCES[component_id]
    return instance
