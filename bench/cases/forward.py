"""OTLP in, OTLP out: what a span costs on its way through, as a gateway or sidecar pays it.

`forward` sends the rich payload through `batch` alone, in every request size, protocol and
compression; `process` sends it through attribute actions and a sampler too. Every span sent
must reach the sink, or with a sampler the share it is asked to keep.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.cases import Options, working_directory
from bench.payloads import RICH, payload_file
from bench.results import Measurement
from bench.runner import BenchError, Sink, send, watch
from bench.systems import ANANTA, COLLECTOR, ROTEL, Forward, start_forward

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDERS = {10: 32, 100: 16, 1000: 8}
_DISTINCT_SPANS = 32_000
_SAMPLING_PERCENTAGE = 50
PROCESSORS: dict[str, Any] = {
    "attributes": {
        "actions": [
            {"key": "deployment.region", "value": "eu-central-1", "action": "insert"},
            {"key": "server.address", "value": "redacted", "action": "update"},
            {"key": "enduser.id", "action": "hash"},
            {"key": "user_agent.original", "action": "delete"},
        ]
    },
    "probabilistic_sampler": {"sampling_percentage": _SAMPLING_PERCENTAGE},
    "batch": {},
}


@dataclass(frozen=True)
class Variant:
    """One way of sending: request size, protocol, compression, and what happens on the way."""

    spans: int
    protocol: str = "grpc"
    gzip: bool = False
    processors: dict[str, Any] | None = None

    @property
    def row(self) -> str:
        """How the result tables name it."""
        compression = ", gzip" if self.gzip else ""
        return f"{self.spans:,} a request, {self.protocol}{compression}"

    @property
    def kept_share(self) -> float:
        """The share of the spans the sink must get."""
        return _SAMPLING_PERCENTAGE / 100 if self.processors else 1.0


def forward(options: Options) -> Iterator[Measurement]:
    """Measure the plain forward of Ananta, the Collector and Rotel."""
    sizes = (1000, 10) if options.quick else (1000, 100, 10)
    compressions = (False,) if options.quick else (False, True)
    for protocol, gzip, spans in itertools.product(("grpc", "http"), compressions, sizes):
        for system in options.present(ANANTA, COLLECTOR, ROTEL):
            yield from _measured(options, Variant(spans, protocol, gzip), system)


def process(options: Options) -> Iterator[Measurement]:
    """Measure the way through `attributes` and `probabilistic_sampler`, which Rotel lacks."""
    for spans in (1000,) if options.quick else (1000, 100, 10):
        for system in options.present(ANANTA, COLLECTOR):
            yield from _measured(options, Variant(spans, processors=PROCESSORS), system)


def _measured(options: Options, variant: Variant, system: str) -> Iterator[Measurement]:
    with options.trying(f"{system}, {variant.row}"):
        cpu, rate = _run(options, variant, system)
        yield Measurement(variant.row, system, "cpu", cpu)
        yield Measurement(variant.row, system, "rate", rate)


def _run(options: Options, variant: Variant, system: str) -> tuple[float, float]:
    """CPU microseconds a span and spans a second: medians of the repeats."""
    senders = SENDERS[variant.spans]
    payloads = payload_file(
        RICH, variant.spans, _DISTINCT_SPANS // variant.spans, compressed=variant.gzip
    )
    with Sink() as sink, working_directory() as directory:
        job = Forward(sink.port, variant.protocol, variant.gzip, variant.processors)
        running, doors = start_forward(system, job, directory)
        with running:
            port = doors.grpc if variant.protocol == "grpc" else doors.http
            plan = {
                "target": f"127.0.0.1:{port}",
                "protocol": variant.protocol,
                "payloads": str(payloads),
                "gzip": variant.gzip,
                "senders": senders,
                "connections": senders,
            }
            send(**plan, seconds=1 if options.quick else 2)
            cpu, rates = [], []
            for _ in range(1 if options.quick else 3):
                before = sink.wait_steady()
                with watch(running) as usage:
                    sent = send(**plan, seconds=2 if options.quick else 5)
                    arrived = sink.wait_steady() - before
                _check(arrived, sent.accepted_spans, variant.kept_share)
                cpu.append(usage.cpu_seconds / sent.accepted_spans * 1e6)
                rates.append(sent.accepted_spans / sent.seconds)
    return statistics.median(cpu), statistics.median(rates)


def _check(arrived: int, accepted: int, kept_share: float) -> None:
    """Refuse a measurement in which spans were lost or doubled."""
    tolerance = 0 if kept_share == 1 else 0.05
    if accepted == 0 or abs(arrived - accepted * kept_share) > accepted * tolerance:
        message = f"{accepted:,} spans accepted, {arrived:,} arrived, {kept_share:.0%} expected"
        raise BenchError(message)
