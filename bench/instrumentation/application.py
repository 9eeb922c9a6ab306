"""A trivial FastAPI application called without a server, so that nothing but its code is measured.

There is no socket and no waiting for one, so the figures hardly depend on load and machine. The
exporting thread runs in the same process and is part of the cost.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from bench.instrumentation import ALWAYS, TENTH, settings
from bench.instrumentation.platform import Platform, running_platform
from bench.instrumentation.programs import FASTAPI, run_probe
from bench.results import Measurement
from bench.systems import ANANTA, BARE, STOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.cases import Options

APPLICATION = "no server"


def application(options: Options) -> Iterator[Measurement]:
    """Measure the CPU of a request; of all rounds the median, of the differences in each too."""
    sides = options.present(STOCK, ANANTA)
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    with options.trying(f"{FASTAPI}, {APPLICATION}"), running_platform() as platform:
        for _ in range(3 if options.quick else 7):
            bare = _request(options, BARE, ALWAYS, platform)
            for sampling in (ALWAYS, TENTH):
                found[sampling, BARE, "cpu_request"].append(bare)
                for side in sides:
                    cost = _request(options, side, sampling, platform)
                    found[sampling, side, "cpu_request"].append(cost)
                    found[sampling, side, "cpu_added"].append(cost - bare)
        for (sampling, side, measure), costs in found.items():
            row = f"{FASTAPI}, {sampling}, {APPLICATION}"
            yield Measurement(row, side, measure, statistics.median(costs))


def _request(options: Options, side: str, sampling: str, platform: Platform) -> float:
    """CPU microseconds of a request."""
    requests, service = (1_000 if options.quick else 6_000), platform.new_service()
    platform.settle()
    environment = settings(side, service, platform.ports, sampling=sampling)
    return run_probe("Python", environment, "requests", str(requests))["micros"]
