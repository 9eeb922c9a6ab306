"""Start and end of a traced process: the time they take, and the spans that are lost.

A collector that is absent is a port where nobody listens. What is lost is counted in the store:
spans that ended before a process did, and requests that were answered.
"""

from __future__ import annotations

import signal
import statistics
from functools import partial
from typing import TYPE_CHECKING

from bench.instrumentation import settings
from bench.instrumentation.load import get
from bench.instrumentation.platform import Platform, running_platform
from bench.instrumentation.programs import (
    EXPRESS,
    FASTAPI,
    GUNICORN,
    PATH,
    RECYCLED_AFTER,
    Probe,
    install_node_project,
    run_probe,
    running_service,
)
from bench.instrumentation.services import lost_percent
from bench.results import Measurement
from bench.runner import BenchError, free_port
from bench.systems import ANANTA, STOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.cases import Options

LANGUAGES = ("Python", "Node.js")
START, EXIT = "import and init", "exit without a collector"
PROBED = {"normal exit": ("exit", None), "SIGTERM": ("sigterm", signal.SIGTERM)}
SERVED = {
    FASTAPI: "Python, FastAPI, SIGTERM",
    GUNICORN: "Python, FastAPI under gunicorn, workers recycled",
    EXPRESS: "Node.js, Express, SIGTERM",
}
LOSSES = [f"{language}, {ending}" for language in LANGUAGES for ending in PROBED]
LOSSES += SERVED.values()
"""The rows that tell what was lost."""

_SPANS = 1_000  # fewer than any queue holds, so that only the end can lose some
_REQUESTS = 3 * RECYCLED_AFTER  # both workers have been replaced by then
_REQUESTS_PER_SECOND, _CONNECTIONS, _MOST_LOADS = 300, 4, 15


def lifecycle(options: Options) -> Iterator[Measurement]:
    """Measure starts, exits without a collector, and losses with one."""
    sides = options.present(ANANTA, STOCK)
    with options.trying("starts and exits"):
        install_node_project()
        for language in LANGUAGES:
            yield from _times(options, language, sides)
    with options.trying("losses"), running_platform() as platform:
        for side in sides:
            for language in LANGUAGES:
                with options.trying(f"{language}, {side}"):
                    yield from _lost_by_probes(language, side, platform)
            for framework in SERVED:
                with options.trying(f"{SERVED[framework]}, {side}"):
                    yield _lost_by_service(framework, side, platform)


def _times(options: Options, language: str, sides: list[str]) -> Iterator[Measurement]:
    for side in sides:
        _start(language, side)  # the first one fills the caches of files
    starts = _interleaved(3 if options.quick else 7, sides, partial(_start, language))
    yield from _medians(f"{language}, {START}", "time", starts)
    exits = _interleaved(1 if options.quick else 3, sides, partial(_exit, language))
    yield from _medians(f"{language}, {EXIT}", "seconds", exits)


def _interleaved(
    repeats: int, sides: list[str], measure: Callable[[str], float]
) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side in sides:
            values[side].append(measure(side))
    return values


def _medians(row: str, measure: str, values: dict[str, list[float]]) -> Iterator[Measurement]:
    for side, found in values.items():
        yield Measurement(row, side, measure, statistics.median(found))


def _without_collector(side: str) -> dict[str, str]:
    return settings(side, "bench", {"grpc": free_port()})


def _start(language: str, side: str) -> float:
    return run_probe(language, _without_collector(side), "start")["milliseconds"]


def _exit(language: str, side: str) -> float:
    """Seconds from the last line of a program to its end."""
    probe = Probe(language, _without_collector(side), "exit", "100")
    probe.printed()
    return probe.end()


def _lost_by_probes(language: str, side: str, platform: Platform) -> Iterator[Measurement]:
    for ending, (mode, signal_number) in PROBED.items():
        service = platform.new_service()
        probe = Probe(language, settings(side, service, platform.ports), mode, str(_SPANS))
        made = probe.printed()["spans"]
        probe.end(signal_number)
        lost = 100 * max(1 - platform.spans(service) / made, 0)
        yield Measurement(f"{language}, {ending}", side, "lost", lost)


def _lost_by_service(framework: str, side: str, platform: Platform) -> Measurement:
    service = platform.new_service()
    with running_service(framework, side, settings(side, service, platform.ports)) as (_, port):
        answered = len(get(port, PATH, 0.1, connections=1).answered_micros)  # until it is up
        for _ in range(_MOST_LOADS):
            load = get(port, PATH, 2, _REQUESTS_PER_SECOND, _CONNECTIONS)
            answered += len(load.answered_micros)
            if answered >= _REQUESTS:
                break
        else:
            message = f"{answered} of {_REQUESTS} requests were answered in {_MOST_LOADS} loads"
            raise BenchError(message)
    lost = lost_percent(platform, service, answered)
    return Measurement(SERVED[framework], side, "lost", lost)
