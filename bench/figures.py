"""The figures the project set itself: what is measured against which bars.

Every figure is better when lower. A share is our value divided by a peer's in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.results import CaseResults
from bench.systems import ANANTA, COLLECTOR, JAEGER

Results = Mapping[str, CaseResults]

LIVE = "5,000 spans/s arriving"
QUESTIONS = ("trace by id", "rare attribute", "service, operation, duration")


@dataclass(frozen=True)
class Figure:
    """One bar; `measured` is None where a part of it was not measured."""

    what: str
    unit: str
    at_least: float
    aim: float
    measured: Callable[[Results], float | None]

    def verdict(self, value: float | None) -> str:
        """What a reader should take from the value."""
        return verdict(value, self.at_least, self.aim)


def verdict(value: float | None, at_least: float, aim: float) -> str:
    """Which of two bars a value reaches."""
    if value is None:
        return "not measured"
    if value <= aim:
        return "aim reached"
    return "reached" if value <= at_least else "**missed**"


def _value(case: str, row: str, measure: str) -> Callable[[Results], float | None]:
    return lambda results: _found(results, case, row, ANANTA, measure)


def _share(case: str, row: str, peer: str) -> Callable[[Results], float | None]:
    def share(results: Results) -> float | None:
        ours = _found(results, case, row, ANANTA, "cpu")
        theirs = _found(results, case, row, peer, "cpu")
        return ours / theirs if ours is not None and theirs else None

    return share


def _found(results: Results, case: str, row: str, system: str, measure: str) -> float | None:
    return results[case].value(row, system, measure) if case in results else None


def _worst(*parts: Callable[[Results], float | None]) -> Callable[[Results], float | None]:
    def worst(results: Results) -> float | None:
        values = [part(results) for part in parts]
        return (
            max((v for v in values if v is not None), default=None)
            if all(v is not None for v in values)
            else None
        )

    return worst


def _more_while_live(question: str) -> Callable[[Results], float | None]:
    def more(results: Results) -> float | None:
        quiet = _value("search", f"{question}, quiet", "p50")(results)
        live = _value("search", f"{question}, {LIVE}", "p50")(results)
        return live - quiet if live is not None and quiet is not None else None

    return more


_CODEC = "rich, 1,000 a batch"
_STORED = ("dull-random, 1,000 a request", "rich, 1,000 a request", "dull-random, 10 a request")
_OF_COLLECTOR = "of the Collector's CPU"

FIGURES = [
    Figure(
        "decode, rich payload, one thread",
        *("ns a span", 700, 400),
        _value("codec", _CODEC, "decode"),
    ),
    Figure(
        "encode, rich payload, one thread",
        *("ns a span", 600, 300),
        _value("codec", _CODEC, "encode"),
    ),
    Figure(
        "forward, 1,000 a request, gRPC",
        *(_OF_COLLECTOR, 1 / 4, 1 / 8),
        _share("forward", "1,000 a request, grpc", COLLECTOR),
    ),
    Figure(
        "forward through `attributes` and `probabilistic_sampler`",
        *(_OF_COLLECTOR, 1 / 4, 1 / 6),
        _share("process", "1,000 a request, grpc", COLLECTOR),
    ),
    Figure(
        "forward, 10 a request, gRPC",
        *(_OF_COLLECTOR, 1 / 2, 1 / 4),
        _share("forward", "10 a request, grpc", COLLECTOR),
    ),
    Figure(
        "durable store, the worst of three loads",
        *("of the CPU of Jaeger with Badger", 1 / 8, 1 / 15),
        _worst(*(_share("store", row, JAEGER) for row in _STORED)),
    ),
    Figure(
        "acknowledgement at 1,000 spans/s, p99",
        *("ms", 25, 5),
        _value("acknowledge", "1,000 spans/s, 10 a request", "p99"),
    ),
    Figure(
        "trace by id, 10M spans, p50",
        *("ms", 15, 5),
        _value("search", "trace by id, quiet", "p50"),
    ),
    Figure(
        "trace by id, 10M spans, p99",
        *("ms", 40, 12),
        _value("search", "trace by id, quiet", "p99"),
    ),
    Figure(
        "rare attribute without service, newest 20 traces, 10M spans, p50",
        *("ms", 30, 10),
        _value("search", "rare attribute, quiet", "p50"),
    ),
    Figure(
        "service, operation and duration, newest 20 traces, 10M spans, p50",
        *("ms", 60, 20),
        _value("search", "service, operation, duration, quiet", "p50"),
    ),
    Figure(
        f"the worst of these three while {LIVE}, p50",
        *("ms more", 60, 15),
        _worst(*map(_more_while_live, QUESTIONS)),
    ),
    Figure(
        "disk, dull payload, indexes included, after merges",
        *("B a span", 65, 40),
        _value("disk", "dull payload", "disk"),
    ),
    Figure(
        "memory of `collect` at 10,000 spans/s, peak",
        *("MiB", 150, 90),
        _value("memory", "collect, 10,000 spans/s", "memory_peak"),
    ),
    Figure(
        "memory of `up` at 10,000 spans/s, peak",
        *("MiB", 600, 400),
        _value("memory", "up, 10,000 spans/s", "memory_peak"),
    ),
    Figure(
        "memory of `collect` under five times its load, limit 400 MiB, peak",
        *("MiB", 480, 480),
        _value("overload", "collect, limit 400 MiB", "memory_peak"),
    ),
    Figure(
        "memory of `up` under five times its load, limit 800 MiB, peak",
        *("MiB", 960, 960),
        _value("overload", "up, limit 800 MiB", "memory_peak"),
    ),
    Figure(
        "UI: all JavaScript of the search page, gzip",
        *("kB", 220, 150),
        _value("ui", "search page", "size"),
    ),
    Figure(
        "UI: the trace page on top of it, gzip",
        *("kB", 60, 40),
        _value("ui", "trace page, on top", "size"),
    ),
    Figure(
        "UI: search page usable, cold cache",
        *("ms", 1_000, 400),
        _value("ui", "search page, usable", "time"),
    ),
    Figure(
        "UI: trace of 10,000 spans, answer of the API",
        *("ms", 300, 100),
        _value("ui", "10,000 spans, answer of the API", "time"),
    ),
    Figure(
        "UI: trace of 10,000 spans, usable after the last byte",
        *("ms", 500, 250),
        _value("ui", "10,000 spans, usable after the last byte", "time"),
    ),
    Figure(
        "UI: trace of 100,000 spans, usable after the last byte",
        *("ms", 2_500, 1_000),
        _value("ui", "100,000 spans, usable after the last byte", "time"),
    ),
    Figure(
        "UI: trace of 100,000 spans, frame while scrolling, p95",
        *("ms", 33, 16.7),
        _value("ui", "100,000 spans, frame while scrolling, p95", "time"),
    ),
    Figure(
        "UI: trace of 100,000 spans, find",
        *("ms", 100, 50),
        _value("ui", "100,000 spans, find", "time"),
    ),
    Figure(
        "UI: trace of 100,000 spans, collapse all",
        *("ms", 100, 50),
        _value("ui", "100,000 spans, collapse all", "time"),
    ),
    Figure(
        "UI: service map of 500 services and 2,000 edges, layout",
        *("ms", 1_500, 300),
        _value("ui", "map of 500 services, layout", "time"),
    ),
    Figure(
        "UI: interaction to next paint, the slowest of every page",
        *("ms", 100, 50),
        _value("ui", "interaction to next paint, slowest", "time"),
    ),
]
