"""Memory: at rest, at 10,000 spans/s, and when far more is offered than can be taken.

`overload` gives collectors a sink slower than the load and stores five times what they were seen
to store. All that have a memory limiter get the same limits; Jaeger has none.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.cases import Options, working_directory
from bench.payloads import RICH, payload_file
from bench.results import Measurement
from bench.runner import Sink, send, watch
from bench.systems import (
    ANANTA,
    COLLECTOR,
    JAEGER,
    ROTEL,
    Forward,
    start_forward,
    start_store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.runner import System
    from bench.systems import Doors

STEADY_SPANS_PER_SECOND = 10_000
COLLECT_LIMIT_MIB, UP_LIMIT_MIB = 400, 800
_SINK_SPANS_PER_SECOND = 20_000


def _limiter(limit_mib: int) -> dict[str, Any]:
    return {"check_interval": "500ms", "limit_mib": limit_mib, "spike_limit_mib": limit_mib // 5}


def memory(options: Options) -> Iterator[Measurement]:
    """Measure memory at rest and under a steady load."""
    for system in options.present(ANANTA, COLLECTOR, ROTEL):
        with options.trying(f"{system}, collect"), Sink() as sink, working_directory() as directory:
            running, doors = start_forward(system, Forward(sink.port), directory)
            with running:
                yield from _steady(options, running, doors, system, "collect")
    for system in options.present(ANANTA, JAEGER):
        with options.trying(f"{system}, up"), working_directory() as directory:
            running, doors = start_store(system, directory)
            with running:
                yield from _steady(options, running, doors, system, "up")


def _steady(
    options: Options, running: System, doors: Doors, system: str, what: str
) -> Iterator[Measurement]:
    with watch(running) as rest:
        time.sleep(3 if options.quick else 10)
    yield Measurement(f"{what}, at rest", system, "memory_average", rest.average_mib)
    with watch(running) as usage:
        send(**_plan(doors), spans_per_second=STEADY_SPANS_PER_SECOND, seconds=_seconds(options))
    row = f"{what}, {STEADY_SPANS_PER_SECOND:,} spans/s"
    yield Measurement(row, system, "memory_average", usage.average_mib)
    yield Measurement(row, system, "memory_peak", usage.peak_mib)
    yield Measurement(row, system, "core_share", usage.cpu_seconds / usage.seconds * 100)


def overload(options: Options) -> Iterator[Measurement]:
    """Offer five times what can be taken; memory must keep to the limit."""
    for system in options.present(ANANTA, COLLECTOR):
        with (
            options.trying(f"{system}, collect"),
            Sink(_SINK_SPANS_PER_SECOND) as sink,
            working_directory() as directory,
        ):
            processors = {"memory_limiter": _limiter(COLLECT_LIMIT_MIB), "batch": {}}
            job = Forward(sink.port, processors=processors)
            running, doors = start_forward(system, job, directory)
            row, pace = f"collect, limit {COLLECT_LIMIT_MIB} MiB", _SINK_SPANS_PER_SECOND
            with running:
                yield from _overloaded(options, running, doors, system, row, pace)
    for system in options.present(ANANTA, JAEGER):
        with options.trying(f"{system}, up"), working_directory() as directory:
            limit = {"processors": {"memory_limiter": _limiter(UP_LIMIT_MIB)}}
            running, doors = start_store(system, directory, limit if system == ANANTA else None)
            row = f"up, limit {UP_LIMIT_MIB} MiB"
            with running:
                capacity = _capacity(running, doors)
                yield from _overloaded(options, running, doors, system, row, capacity)


def _capacity(running: System, doors: Doors) -> float:
    """How many spans a second a store keeps up with: a burst, until all of it is stored."""
    begun = time.monotonic()
    sent = send(**_plan(doors), seconds=5)
    return sent.accepted_spans / (running.wait_idle() - begun)


def _overloaded(
    options: Options,
    running: System,
    doors: Doors,
    system: str,
    row: str,
    capacity: float,
) -> Iterator[Measurement]:
    with watch(running) as usage:
        sent = send(**_plan(doors), spans_per_second=5 * capacity, seconds=_seconds(options))
    refused = sum(sent.refused_spans.values())
    offered = sent.accepted_spans + refused
    codes = ", ".join(f"{code} {spans:,}" for code, spans in sent.refused_spans.items())
    print(f"  {system}: offered {offered / sent.seconds:,.0f} spans/s; refused {codes or 'none'}")
    yield Measurement(row, system, "memory_peak", usage.peak_mib)
    yield Measurement(row, system, "refused", 100 * refused / offered)


def _plan(doors: Doors) -> dict[str, Any]:
    return {
        "target": f"127.0.0.1:{doors.grpc}",
        "protocol": "grpc",
        "payloads": str(payload_file(RICH, 100, 320)),
        "fresh": {"seed": 3},
        "senders": 64,
        "connections": 8,
    }


def _seconds(options: Options) -> float:
    return 10 if options.quick else 60
