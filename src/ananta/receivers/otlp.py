"""Receiver `otlp`: spans by OTLP over gRPC and HTTP.

The sockets, the limits and the checks are the native door's (`ananta._native.OtlpDoor`). It hands
over groups: everything that arrived since the last one was taken. This module takes a group, has
the pipeline accept its batch, and answers; the cost of Python is shared by all senders in a group.
"""

from __future__ import annotations

import asyncio
import errno
import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ananta._native import OtlpDoor
from ananta.config.model import NULL_MEANS_DEFAULTS, BrokenRule, Config, Duration
from ananta.config.shared import GrpcServerConfig, HttpServerConfig
from ananta.errors import DeliveryError, StartupError
from ananta.receivers.refusal import UNAVAILABLE, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ananta._native import Group, GrpcDoorOptions, HttpDoorOptions
    from ananta.component import Host, Settings, SpanSink

DEFAULT_MAX_PENDING_BYTES = 64 * 2**20
DEFAULT_MAX_BODY_BYTES = 20 * 2**20
DEFAULT_MAX_STREAMS = 1024
MAX_GROUP_BYTES = 8 * 2**20
MAX_GROUPS_IN_FLIGHT = 16
MAX_CONNECTIONS = 4096
STALL_SECONDS = 60.0
KEEPALIVE_TIME_SECONDS = 2 * 3600.0
KEEPALIVE_TIMEOUT_SECONDS = 20.0
SHUTDOWN_SECONDS = 5.0
REPORT_SECONDS = 10.0


class OtlpGrpcConfig(GrpcServerConfig):
    """OTLP over gRPC."""

    endpoint: str = Field("localhost:4317", description="Address to listen on, `host:port`.")


class OtlpHttpConfig(HttpServerConfig):
    """OTLP over HTTP, protobuf or JSON."""

    endpoint: str = Field("localhost:4318", description="Address to listen on, `host:port`.")
    traces_url_path: str = Field("/v1/traces", description="Path spans are posted to.")
    metrics_url_path: str = Field("/v1/metrics", description="Accepted; metrics are not received.")
    logs_url_path: str = Field("/v1/logs", description="Accepted; logs are not received.")
    read_header_timeout: Duration = Field(
        0.0, description="Longest time to read the headers; 0 means no limit."
    )
    write_timeout: Duration = Field(
        0.0, description="Longest time until a request is answered; 0 means no limit."
    )
    idle_timeout: Duration = Field(
        0.0, description="How long an idle connection is kept; 0 means no limit."
    )

    def check(self) -> Iterator[BrokenRule]:
        """The paths are paths."""
        yield from super().check()
        for signal in ("traces", "metrics", "logs"):
            path = getattr(self, f"{signal}_url_path")
            if not path or any(character in path for character in " ?#"):
                yield BrokenRule(
                    f"{signal}_url_path",
                    f'invalid HTTP URL path set for signal: "{path}"; write a path, such as'
                    f" /v1/{signal}",
                )


class OtlpProtocolsConfig(Config):
    """The protocols to receive by; a protocol that is not named is off."""

    grpc: Annotated[OtlpGrpcConfig | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="OTLP over gRPC; a bare `grpc:` takes the defaults."
    )
    http: Annotated[OtlpHttpConfig | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="OTLP over HTTP; a bare `http:` takes the defaults."
    )


class OtlpConfig(Config):
    """Receiver `otlp`."""

    protocols: OtlpProtocolsConfig = Field(
        OtlpProtocolsConfig(), description="The protocols to receive by; at least one."
    )
    max_pending_bytes: int = Field(
        0,
        description="Most bytes of requests not yet answered; more are refused and told to retry."
        " 0 is 64 MiB, or three times the largest request where that is more.",
        ge=0,
    )

    def check(self) -> Iterator[BrokenRule]:
        """At least one protocol is on."""
        yield from super().check()
        if self.protocols.grpc is None and self.protocols.http is None:
            yield BrokenRule(
                "protocols",
                "must specify at least one protocol when using the OTLP receiver;"
                " write grpc:, http: or both below protocols",
            )
        if 0 < self.max_pending_bytes < self._max_request_bytes:
            yield BrokenRule(
                "max_pending_bytes",
                f"{self.max_pending_bytes} is less than one request may have,"
                f" {self._max_request_bytes}; raise it, or lower"
                " protocols::grpc::max_recv_msg_size_mib and"
                " protocols::http::max_request_body_size",
            )

    @property
    def _max_request_bytes(self) -> int:
        grpc, http = self.protocols.grpc, self.protocols.http
        return max(
            grpc.max_message_bytes if grpc else 0,
            (http.max_request_body_size or DEFAULT_MAX_BODY_BYTES) if http else 0,
        )

    @property
    def pending_bytes(self) -> int:
        """The limit in bytes, default applied: a body counts compressed and decompressed."""
        return self.max_pending_bytes or max(DEFAULT_MAX_PENDING_BYTES, 3 * self._max_request_bytes)


class OtlpReceiver:
    """Receives spans by OTLP and answers each sender when the pipeline has accepted its spans.

    Attributes:
        addresses: where it listens since `start`, by protocol: `{"grpc": "127.0.0.1:4317"}`.
    """

    def __init__(self, config: OtlpConfig, settings: Settings, next_sink: SpanSink) -> None:
        self._config = config
        self._settings = settings
        self._log = settings.log
        self._next = next_sink
        self._door: OtlpDoor | None = None
        self._stopping = False
        self._watching = False
        self._deliveries: set[asyncio.Task[None]] = set()
        self._drained = asyncio.Event()
        self._reported = 0
        self._report: asyncio.TimerHandle | None = None
        self.addresses: dict[str, str] = {}

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Listen.

        Raises:
            StartupError: an endpoint can't be bound, or a certificate can't be used.
        """
        self._loop = asyncio.get_running_loop()
        self._door = door = OtlpDoor(self._config.pending_bytes, MAX_GROUP_BYTES)
        self._watch(door)
        grpc, http = self._config.protocols.grpc, self._config.protocols.http
        try:
            if grpc is not None:
                self._serve("grpc", grpc.endpoint, lambda: door.serve_grpc(grpc_options(grpc)))
            if http is not None:
                self._serve("http", http.endpoint, lambda: door.serve_http(http_options(http)))
        except StartupError:
            await self.shutdown()
            raise
        self._publish(door)
        self._report = self._loop.call_later(REPORT_SECONDS, self._report_again, door)

    async def shutdown(self) -> None:
        """Stop listening, answer what is under way, and close every connection."""
        door = self._door
        if door is None or self._stopping:
            return
        self._stopping = True
        door.stop()
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await self._drained.wait()
                while self._deliveries:
                    await asyncio.wait(self._deliveries)
        except TimeoutError:
            self._log.warning(
                "%d connections were still busy after %g s and are closed",
                door.connections,
                SHUTDOWN_SECONDS,
            )
            for delivery in self._deliveries:
                delivery.cancel()
            door.close()
            await self._drained.wait()
        if self._report is not None:
            self._report.cancel()
        self._report_spans(door)

    def _serve(self, protocol: str, endpoint: str, serve: Callable[[], str]) -> None:
        path = f"receivers::{self._settings.id}::protocols::{protocol}"
        if getattr(self._config.protocols, protocol).include_metadata:
            self._log.warning(
                "%s::include_metadata has no effect: headers do not travel with spans", path
            )
        try:
            self.addresses[protocol] = serve()
        except ValueError as error:
            message = f"{path}::{error}"
            raise StartupError(message) from error
        except OSError as error:
            message = f"{path}::endpoint: {_why_not_bound(endpoint, error)}"
            raise StartupError(message) from error
        self._log.info("Listening for OTLP over %s on %s", protocol, self.addresses[protocol])

    def _watch(self, door: OtlpDoor) -> None:
        self._watching = True
        self._loop.add_reader(door.fileno(), self._take, door)

    def _unwatch(self, door: OtlpDoor) -> None:
        self._watching = False
        self._loop.remove_reader(door.fileno())

    def _take(self, door: OtlpDoor) -> None:
        """Start the delivery of one group; the loop calls again while another waits."""
        group = door.take()
        if group is not None:
            delivery = self._loop.create_task(self._deliver(group))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._delivered)
            if len(self._deliveries) >= MAX_GROUPS_IN_FLIGHT:
                self._unwatch(door)
        elif door.drained:
            self._unwatch(door)
            self._drained.set()

    def _delivered(self, delivery: asyncio.Task[None]) -> None:
        self._deliveries.discard(delivery)
        if not delivery.cancelled() and (error := delivery.exception()) is not None:
            # A component broke its contract.
            self._log.error("The pipeline failed on spans received by OTLP", exc_info=error)
        if not self._watching and not self._drained.is_set() and self._door is not None:
            self._watch(self._door)

    async def _deliver(self, group: Group) -> None:
        try:
            await self._next.consume(group.batch)
        except DeliveryError as error:
            group.refuse(*refusal(error))
        except BaseException:
            group.refuse(UNAVAILABLE, "the receiver failed before it could answer; try again")
            raise
        else:
            group.accept()

    def _publish(self, door: OtlpDoor) -> None:
        """Show the door's counters among the process's metrics."""
        metrics, receiver = self._settings.metrics, self._settings.id
        labels = ("receiver", "transport")
        accepted = metrics.counter(
            "otelcol_receiver_accepted_spans", "Spans the pipeline accepted.", labels
        )
        refused = metrics.counter(
            "otelcol_receiver_refused_spans", "Spans the pipeline did not accept.", labels
        )
        requests = metrics.counter(
            "ananta_receiver_requests", "Requests by what became of them.", (*labels, "outcome")
        )
        for transport in self.addresses:
            series = {"receiver": receiver, "transport": transport}
            accepted.watch(partial(door.spans, transport, accepted=True), **series)
            refused.watch(partial(door.spans, transport, accepted=False), **series)
            for outcome in door.outcomes():
                requests.watch(
                    partial(door.requests, transport, outcome), **series, outcome=outcome
                )
        gauges: dict[str, tuple[str, Callable[[], float]]] = {
            "connections": ("Connections open now.", lambda: door.connections),
            "waiting_requests": ("Requests not yet taken up.", lambda: door.waiting),
            "pending_bytes": ("Bytes of requests not yet answered.", lambda: door.pending_bytes),
        }
        for name, (help_text, read) in gauges.items():
            gauge = metrics.gauge(f"ananta_receiver_{name}", help_text, ("receiver",))
            gauge.watch(read, receiver=receiver)

    def _report_again(self, door: OtlpDoor) -> None:
        self._report_spans(door)
        self._report = self._loop.call_later(REPORT_SECONDS, self._report_again, door)

    def _report_spans(self, door: OtlpDoor) -> None:
        """Log how many spans arrived since the last report, if any did."""
        accepted = sum(door.spans(transport, accepted=True) for transport in self.addresses)
        if accepted > self._reported:
            self._log.info("Spans received: %d, %d in all", accepted - self._reported, accepted)
        self._reported = accepted


def _why_not_bound(endpoint: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{endpoint} is taken by another process; set another port there or stop that process"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{endpoint} is no address of this machine; write one that is, or 0.0.0.0 for all"
    if error.errno == errno.EACCES:
        return f"{endpoint} may not be listened on by this user; use a port of 1024 or above"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"can't listen on {endpoint}: {reason}"


def grpc_options(config: OtlpGrpcConfig) -> GrpcDoorOptions:
    """What the door needs to know of the gRPC section, defaults applied."""
    keepalive = config.keepalive.server_parameters if config.keepalive else None
    return {
        "endpoint": config.endpoint,
        "transport": config.transport,
        "tls": config.tls,
        "max_connections": MAX_CONNECTIONS,
        "max_message_bytes": config.max_message_bytes,
        "max_concurrent_streams": config.max_concurrent_streams or DEFAULT_MAX_STREAMS,
        "max_connection_idle_seconds": (keepalive and keepalive.max_connection_idle) or None,
        "max_connection_age_seconds": (keepalive and keepalive.max_connection_age) or None,
        "max_connection_age_grace_seconds": (keepalive and keepalive.max_connection_age_grace)
        or None,
        "keepalive_time_seconds": (keepalive and keepalive.time) or KEEPALIVE_TIME_SECONDS,
        "keepalive_timeout_seconds": (keepalive and keepalive.timeout) or KEEPALIVE_TIMEOUT_SECONDS,
        "stall_seconds": STALL_SECONDS,
    }


def http_options(config: OtlpHttpConfig) -> HttpDoorOptions:
    """What the door needs to know of the HTTP section, defaults applied."""
    return {
        "endpoint": config.endpoint,
        "transport": config.transport,
        "tls": config.tls,
        "max_connections": MAX_CONNECTIONS,
        "traces_path": f"/{config.traces_url_path.lstrip('/')}",
        "max_body_bytes": config.max_request_body_size or DEFAULT_MAX_BODY_BYTES,
        "compression_algorithms": list(config.compression_algorithms),
        "cors": config.cors,
        "response_headers": [
            (name, value.get_secret_value()) for name, value in config.response_headers.items()
        ],
        "keep_alives": config.keep_alives_enabled,
        "read_timeout_seconds": config.read_timeout or None,
        "read_header_timeout_seconds": config.read_header_timeout or None,
        "write_timeout_seconds": config.write_timeout or None,
        "idle_timeout_seconds": config.idle_timeout or None,
        "stall_seconds": STALL_SECONDS,
    }
