"""OTLP in, durable store behind: the cost of a span until it is stored, and of asking for it.

`store` sends as fast as spans are accepted and counts all CPU until the last of them is found and
the system rests again; `acknowledge` sends slowly and evenly and times the answers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.cases import Options, working_directory
from bench.payloads import (
    DULL_RANDOM,
    RICH,
    SPANS_PER_TRACE,
    payload_file,
    read_payload_file,
    renewed_trace_id,
    trace_ids,
)
from bench.query import PendingError, QueryClient
from bench.results import Measurement
from bench.runner import send, wait_until, watch
from bench.systems import ANANTA, JAEGER, start_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.payloads import Shape

_SENDERS = {10: 32, 100: 16, 1000: 4}


def store(options: Options) -> Iterator[Measurement]:
    """Measure OTLP to store, Ananta beside Jaeger with Badger."""
    for shape, spans in ((DULL_RANDOM, 1000), (RICH, 1000), (DULL_RANDOM, 10)):
        for system in options.present(ANANTA, JAEGER):
            row = f"{shape.name}, {spans:,} a request"
            with options.trying(f"{system}, {row}"):
                cpu, rate = _run(options, shape, spans, system)
                yield Measurement(row, system, "cpu", cpu)
                yield Measurement(row, system, "rate", rate)


def _run(options: Options, shape: Shape, spans: int, system: str) -> tuple[float, float]:
    payloads = payload_file(shape, spans, 32_000 // spans)
    with working_directory() as directory:
        running, doors = start_store(system, directory)
        with running:
            plan = {
                "target": f"127.0.0.1:{doors.grpc}",
                "protocol": "grpc",
                "payloads": str(payloads),
                "senders": _SENDERS[spans],
                "connections": _SENDERS[spans],
                "retry": True,
            }
            send(**plan, fresh={"seed": 1}, seconds=2)
            running.wait_idle()
            with watch(running) as usage:
                begun = time.monotonic()
                sent = send(**plan, fresh={"seed": 2}, seconds=5 if options.quick else 20)
                _wait_found(QueryClient(doors.query), payloads, seed=2, requests=sent.requests)
                rested = running.wait_idle()
            return (
                usage.cpu_seconds / sent.accepted_spans * 1e6,
                sent.accepted_spans / (rested - begun),
            )


def _wait_found(query: QueryClient, payloads: Path, seed: int, requests: int) -> None:
    """Return once the last trace sent is found, which makes a store write what it still holds."""
    bodies = read_payload_file(payloads)
    template = trace_ids(bodies[(requests - 1) % len(bodies)])[-1]
    last = renewed_trace_id(template, seed, requests - 1)

    def found() -> bool:
        try:
            return query.trace(last)[1] == SPANS_PER_TRACE
        except PendingError:
            return False

    wait_until(found, "the last trace being found", timeout_seconds=600)


def acknowledge(options: Options) -> Iterator[Measurement]:
    """Time acknowledgements at 1,000 spans/s in requests of ten."""
    payloads = payload_file(RICH, 10, 3200)
    row = "1,000 spans/s, 10 a request"
    for system in options.present(ANANTA, JAEGER):
        with options.trying(f"{system}, {row}"), working_directory() as directory:
            running, doors = start_store(system, directory)
            with running:
                sent = send(
                    target=f"127.0.0.1:{doors.grpc}",
                    protocol="grpc",
                    payloads=str(payloads),
                    fresh={"seed": 1},
                    senders=32,
                    connections=8,
                    spans_per_second=1000,
                    seconds=10 if options.quick else 60,
                )
            yield Measurement(row, system, "p50", sent.latency_milliseconds["p50"])
            yield Measurement(row, system, "p99", sent.latency_milliseconds["p99"])
