"""A running OTLP receiver for tests, with a sink that does as it is told."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ananta.component import Settings
from ananta.receivers.otlp import OtlpConfig, OtlpReceiver
from ananta.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ananta.model import SpanBatch

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
ON_ANY_PORT: dict[str, Any] = {"endpoint": "127.0.0.1:0"}


class Sink:
    """Keeps what it is given; refuses with `error`, and waits for `gate`, if these are set."""

    def __init__(self) -> None:
        self.batches: list[SpanBatch] = []
        self.arrived = asyncio.Event()
        self.error: BaseException | None = None
        self.gate: asyncio.Event | None = None

    async def consume(self, batch: SpanBatch) -> None:
        self.batches.append(batch)
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error

    @property
    def names(self) -> list[str]:
        return [row["name"] for batch in self.batches for row in batch.rows()]


class Door:
    """A receiver, its sink, and where it listens."""

    def __init__(self, receiver: OtlpReceiver, sink: Sink, metrics: Metrics) -> None:
        self.receiver = receiver
        self.sink = sink
        self.metrics = metrics

    @property
    def grpc(self) -> str:
        return self.receiver.addresses["grpc"]

    @property
    def http(self) -> str:
        return f"http://{self.receiver.addresses['http']}"

    @property
    def http_address(self) -> tuple[str, int]:
        host, port = self.receiver.addresses["http"].rsplit(":", 1)
        return host, int(port)

    @property
    def grpc_address(self) -> tuple[str, int]:
        host, port = self.receiver.addresses["grpc"].rsplit(":", 1)
        return host, int(port)

    @property
    def connections(self) -> float:
        return self.metrics.gauge("ananta_receiver_connections", "", ("receiver",)).value(
            receiver="otlp"
        )

    @property
    def waiting(self) -> float:
        return self.metrics.gauge("ananta_receiver_waiting_requests", "", ("receiver",)).value(
            receiver="otlp"
        )

    @property
    def pending_bytes(self) -> float:
        return self.metrics.gauge("ananta_receiver_pending_bytes", "", ("receiver",)).value(
            receiver="otlp"
        )

    def requests(self, transport: str, outcome: str) -> float:
        return self.metrics.counter(
            "ananta_receiver_requests", "", ("receiver", "transport", "outcome")
        ).value(receiver="otlp", transport=transport, outcome=outcome)

    def spans(self, transport: str, kind: str) -> float:
        return self.metrics.counter(
            f"otelcol_receiver_{kind}_spans", "", ("receiver", "transport")
        ).value(receiver="otlp", transport=transport)


@asynccontextmanager
async def open_door(
    *,
    grpc: dict[str, Any] | None = ON_ANY_PORT,
    http: dict[str, Any] | None = ON_ANY_PORT,
    **config: Any,
) -> AsyncIterator[Door]:
    """An OTLP receiver with these sections, on free ports unless they say otherwise."""
    protocols = {
        name: {**ON_ANY_PORT, **section}
        for name, section in (("grpc", grpc), ("http", http))
        if section is not None
    }
    parsed = OtlpConfig.model_validate({"protocols": protocols, **config})
    sink, metrics = Sink(), Metrics()
    settings = Settings(id="otlp", log=logging.getLogger("test.otlp"), metrics=metrics)
    receiver = OtlpReceiver(parsed, settings, sink)
    await receiver.start(None)  # type: ignore[arg-type] # the receiver asks nothing of its host
    try:
        yield Door(receiver, sink, metrics)
    finally:
        await receiver.shutdown()


def request(*names: str, attribute: str = "") -> bytes:
    """An OTLP request with one span of each name."""
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for name in names:
        span = scope.spans.add(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
        if attribute:
            span.attributes.add(key="text").value.string_value = attribute
    return message.SerializeToString()


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; TimeoutError when it never does."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 # what is awaited happens on a thread of the door
            await asyncio.sleep(0.005)
