"""The cost of one Python span with ten attributes, from its creation to its bytes and beyond."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from bench.instrumentation import settings
from bench.instrumentation.platform import Platform, running_platform
from bench.instrumentation.programs import run_probe
from bench.results import Measurement
from bench.systems import ANANTA, BARE, STOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.cases import Options

STAGES = {
    "create": "create, activate and end",
    "attributes": "its attributes",
    "encode": "to OTLP bytes",
}
REST = "hand over, send and all else"


def all_in(protocol: str) -> str:
    """The row of a whole span."""
    return f"all in, {protocol}"


def span(options: Options) -> Iterator[Measurement]:
    """Measure the stages by themselves, and whole processes at 2,000 spans/s."""
    sides = options.present(ANANTA, STOCK)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with options.trying("Python span"), running_platform() as platform:
        for _ in range(3 if options.quick else 5):
            found[all_in("grpc"), BARE].append(_all_in(options, BARE, "grpc", platform))
            for side in sides:
                for protocol in ("grpc", "http"):
                    cost = _all_in(options, side, protocol, platform)
                    found[all_in(protocol), side].append(cost)
                stages = run_probe("Python", settings(side, "bench", platform.ports), "stages")
                for stage, cost in stages.items():
                    found[STAGES[stage], side].append(cost)
        yield from _summarize(sides, found)


def _all_in(options: Options, side: str, protocol: str, platform: Platform) -> float:
    """CPU microseconds a span of a process whose spans have all arrived."""
    spans, service = (1_000 if options.quick else 4_000), platform.new_service()
    environment = settings(side, service, platform.ports, protocol)
    printed = run_probe("Python", environment, "all", str(spans))
    if side != BARE and (stored := platform.spans(service)) != printed["made"]:
        options.note(f"Python span, {side}, {protocol}: {stored} of {printed['made']} arrived")
    return printed["micros"]


def _summarize(
    sides: list[str], found: dict[tuple[str, str], list[float]]
) -> Iterator[Measurement]:
    medians = {key: statistics.median(costs) for key, costs in found.items()}
    for side in sides:
        stages = sum(medians[stage, side] for stage in STAGES.values())
        medians[REST, side] = medians[all_in("grpc"), side] - stages
    for row in (*STAGES.values(), REST, all_in("grpc"), all_in("http")):
        for side in (*sides, BARE):
            if (row, side) in medians:
                yield Measurement(row, side, "cpu", medians[row, side])
