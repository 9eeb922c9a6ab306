"""The services of the demo: each with a tracer provider of its own, all with one exporter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

# The largest trace waits whole in the queue.
_QUEUE_SPANS = 32_768
_BATCH_SPANS = 2_000
_MILLI = 1_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a service before it runs."""

    name: str
    language: str
    version: str
    instances: int = 2
    # How far the clock of its hosts is ahead.
    clock_skew_nanos: int = 0


KINDS = (
    Kind("api-gateway", "nodejs", "3.9.1"),
    Kind("tenant-management", "nodejs", "2.14.0"),
    Kind("cns-service", "python", "1.31.2", instances=3),
    Kind("enrichment-service", "python", "4.2.0", instances=3, clock_skew_nanos=180 * _MILLI),
    Kind("orchestrator", "nodejs", "1.8.3"),
    Kind("temporal-worker", "python", "1.8.3", instances=4),
    Kind("notification-service", "nodejs", "0.9.7", instances=1),
    Kind("billing-service", "python", "2.2.5", instances=1),
)


@dataclass(frozen=True, slots=True)
class Service:
    """One program of the platform; `tracers` has one for each of its instances."""

    kind: Kind
    tracers: tuple[Tracer, ...]


@dataclass
class Delivery(SpanExporter):
    """Counts what the exporter it wraps delivered, and what it could not."""

    exporter: SpanExporter
    delivered: int = 0
    lost: int = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """As `SpanExporter.export`."""
        result = self.exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.delivered += len(spans)
        else:
            self.lost += len(spans)
        return result

    def shutdown(self) -> None:
        """As `SpanExporter.shutdown`."""
        self.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """As `SpanExporter.force_flush`."""
        return self.exporter.force_flush(timeout_millis)


class SeededIds(IdGenerator):
    """Ids that come in the same order for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"ids {seed}")

    def generate_trace_id(self) -> int:
        """As `IdGenerator.generate_trace_id`."""
        return self._random.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """As `IdGenerator.generate_span_id`."""
        return self._random.getrandbits(64) or 1


@dataclass
class Platform:
    """All services, ready to trace.

    Args:
        exporter: where spans go.
        seed: of all ids.
    """

    exporter: SpanExporter
    seed: int
    delivery: Delivery = field(init=False)
    _services: dict[str, Service] = field(init=False)

    def __post_init__(self) -> None:
        self.delivery = Delivery(self.exporter)
        self._processor = BatchSpanProcessor(
            self.delivery, max_queue_size=_QUEUE_SPANS, max_export_batch_size=_BATCH_SPANS
        )
        ids = SeededIds(self.seed)
        self._services = {kind.name: self._start(kind, ids) for kind in KINDS}

    def _start(self, kind: Kind, ids: IdGenerator) -> Service:
        return Service(
            kind, tuple(self._tracer(kind, ids, number) for number in range(kind.instances))
        )

    def _tracer(self, kind: Kind, ids: IdGenerator, number: int) -> Tracer:
        host = random.Random(f"{kind.name} {number}").getrandbits(40)
        resource = Resource(
            {
                "service.name": kind.name,
                "service.namespace": "ananta",
                "service.version": kind.version,
                "service.instance.id": f"{kind.name}-{host:010x}",
                "deployment.environment.name": "demo",
                "telemetry.sdk.language": kind.language,
                "telemetry.sdk.name": "opentelemetry",
                "host.name": f"ip-10-0-{host % 8}-{host % 251}",
                "k8s.pod.name": f"{kind.name}-{host % 0xFFFF:04x}-{number}",
                "cloud.region": "eu-central-1",
            }
        )
        provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        library = "express" if kind.language == "nodejs" else "fastapi"
        return provider.get_tracer(f"opentelemetry.instrumentation.{library}", "0.58.0")

    def service(self, name: str) -> Service:
        """A service by its name."""
        return self._services[name]

    def flush(self) -> None:
        """Wait until all ended spans are delivered, or lost."""
        self._processor.force_flush()

    def close(self) -> None:
        """Deliver what is left and stop."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def otlp_exporter(endpoint: str) -> SpanExporter:
    """To an OTLP/HTTP endpoint such as `http://127.0.0.1:4318`."""
    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=30)
