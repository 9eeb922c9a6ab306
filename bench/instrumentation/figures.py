"""The bars this project set its instrumentation, and the guide's, beside what was measured.

A bar is a number, or a share of what stock OpenTelemetry took in the same run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures import verdict
from bench.instrumentation import ALWAYS, TENTH
from bench.instrumentation.application import APPLICATION
from bench.instrumentation.lifecycle import EXIT, LOSSES, START
from bench.instrumentation.programs import EXPRESS, FASTAPI
from bench.instrumentation.services import BUSY, CLOSED, OVERLOAD, SAME_RATE, WHOLE_RUN
from bench.instrumentation.span import all_in
from bench.systems import ANANTA, STOCK

if TYPE_CHECKING:
    from bench.figures import Results


@dataclass(frozen=True)
class OfStock:
    """A bar that moves with what stock took."""

    share: float
    words: str


HALF = OfStock(1 / 2, "half of stock")
Bar = float | OfStock


@dataclass(frozen=True)
class Figure:
    """One bar; of several rows the worst counts."""

    what: str
    unit: str
    at_least: Bar
    aim: Bar
    case: str
    rows: tuple[str, ...]
    measure: str

    def measured(self, results: Results, side: str) -> float | None:
        """The worst of the rows; None where one of them was not measured."""
        if self.case not in results:
            return None
        values = [results[self.case].value(row, side, self.measure) for row in self.rows]
        known = [value for value in values if value is not None]
        return max(known) if len(known) == len(values) else None


def _lost(language: str) -> tuple[str, ...]:
    return tuple(row for row in LOSSES if row.startswith(language))


_ADDED_CPU: list[tuple[str, str, Bar, Bar]] = [
    (FASTAPI, ALWAYS, HALF, 70.0),
    (FASTAPI, TENTH, HALF, 20.0),
    (EXPRESS, ALWAYS, OfStock(1, "stock"), OfStock(2 / 3, "two thirds of stock")),
]
_BY_PROTOCOL = {"gRPC": ALWAYS, "HTTP": f"{ALWAYS}, over HTTP"}

FIGURES = [
    Figure(
        "Python: CPU an exported span, 10 attributes, all in",
        *("µs", HALF, 20.0),
        *("span", (all_in("grpc"),), "cpu"),
    ),
    *(
        Figure(
            f"{framework} trivial route, CPU added a request, {sampling}, {row}",
            *("µs", at_least, aim),
            *(framework.lower(), (f"{framework}, {sampling}, {row}",), "cpu_added"),
        )
        for framework, sampling, at_least, aim in _ADDED_CPU
        for row in (APPLICATION, CLOSED, SAME_RATE.row)
        if (framework, row) != (EXPRESS, APPLICATION)
    ),
    *(
        Figure(
            f"{framework}: added p99 latency, {load.row}",
            *("ms", 1.0, 0.3),
            *(framework.lower(), (f"{framework}, {ALWAYS}, {load.row}",), "latency_added"),
        )
        for framework in (FASTAPI, EXPRESS)
        for load in (BUSY, OVERLOAD)
    ),
    *(
        Figure(
            f"added memory, {language}, {protocol}",
            *("MB", *bars),
            *(framework.lower(), (f"{framework}, {label}, {WHOLE_RUN}",), "memory_added"),
        )
        for language, framework, bars in (
            ("Python", FASTAPI, (30.0, 20.0)),
            ("Node.js", EXPRESS, (70.0, 40.0)),
        )
        for protocol, label in _BY_PROTOCOL.items()
    ),
    Figure(
        "Python: spans lost, the worst of normal exit, SIGTERM and worker recycling",
        *("%", 0.0, 0.0),
        *("lifecycle", _lost("Python"), "lost"),
    ),
    Figure(
        "Node.js: spans lost, the worse of normal exit and SIGTERM",
        *("%", 0.0, 0.0),
        *("lifecycle", _lost("Node.js"), "lost"),
    ),
    *(
        Figure(
            f"{language}: exit with the collector absent",
            *("s", 5.0, 2.0),
            *("lifecycle", (f"{language}, {EXIT}",), "seconds"),
        )
        for language in ("Python", "Node.js")
    ),
    *(
        Figure(
            f"{language}: import and init",
            *("ms", *bars),
            *("lifecycle", (f"{language}, {START}",), "time"),
        )
        for language, bars in (("Python", (300.0, 150.0)), ("Node.js", (600.0, 250.0)))
    ),
]


def figure_lines(results: Results) -> list[list[str]]:
    """The table of the bars, its header first."""
    lines = [["What", "Unit", "At least", "Aim", "Ananta", "Stock", ""]]
    for figure in FIGURES:
        ours, stock = figure.measured(results, ANANTA), figure.measured(results, STOCK)
        at_least, aim = _height(figure.at_least, stock), _height(figure.aim, stock)
        judged = "not measured"
        if at_least is not None and aim is not None:
            judged = verdict(ours, at_least, aim)
        bars = [_bar_text(figure.at_least, at_least), _bar_text(figure.aim, aim)]
        lines.append([figure.what, figure.unit, *bars, _text(ours), _text(stock), judged])
    return lines


def _height(bar: Bar, stock: float | None) -> float | None:
    if isinstance(bar, OfStock):
        return None if stock is None else bar.share * stock
    return bar


def _bar_text(bar: Bar, height: float | None) -> str:
    if isinstance(bar, OfStock):
        return bar.words if height is None else f"{bar.words}: {_text(height)}"
    return f"{bar:g}"


def _text(value: float | None) -> str:
    if value is None:
        return ""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


# The guide's table "Overhead by Component": the rows that a service pays.
_REQUEST_CPU_MICROS = 10_000
"""A request that does some work, since the guide does not say of what its shares are."""
PROMISES = {
    ("SDK, every request kept", ALWAYS): ("2-5 %", "20-50 MB", "< 1 ms"),
    ("SDK, 10 % kept", TENTH): ("< 0.5 %", "< 5 MB", "< 0.1 ms"),
}


def overhead_lines(results: Results) -> list[list[str]]:
    """The guide's overhead table beside the measured figures, its header first."""
    names = [f"{framework}, {who}" for framework in (FASTAPI, EXPRESS) for who in ("ours", "stock")]
    lines = [["Component", "Overhead", "Guide", *names]]
    for (component, sampling), promises in PROMISES.items():
        measured = [
            _overhead(results, framework, sampling, side)
            for framework in (FASTAPI, EXPRESS)
            for side in (ANANTA, STOCK)
        ]
        cpu, memory, latency = promises
        kinds = (
            ("CPU of a trivial request", cpu),
            ("CPU of a request of 10 ms", cpu),
            ("memory", memory),
            (f"p99 latency, {BUSY.row}", latency),
        )
        for number, (kind, promise) in enumerate(kinds):
            lines.append([component, kind, promise, *(cells[number] for cells in measured)])
    lines += _collector_lines(results, len(names))
    return lines


def _overhead(results: Results, framework: str, sampling: str, side: str) -> list[str]:
    def value(row: str, measure: str) -> float | None:
        if (case := results.get(framework.lower())) is None:
            return None
        return case.value(f"{framework}, {sampling}, {row}", side, measure)

    total, added = value(SAME_RATE.row, "cpu_request"), value(SAME_RATE.row, "cpu_added")
    memory, latency = value(WHOLE_RUN, "memory_added"), value(BUSY.row, "latency_added")
    if total is None or added is None or memory is None or latency is None:
        return [""] * 4
    return [
        f"{100 * added / (total - added):.0f} %",
        f"{100 * added / _REQUEST_CPU_MICROS:.1f} %",
        f"{memory:.0f} MB",
        f"{latency:.2f} ms",
    ]


def _collector_lines(results: Results, columns: int) -> list[list[str]]:
    """What a collector takes at 10,000 spans/s, from the case `memory`."""
    case, row = results.get("memory"), "collect, 10,000 spans/s"
    share = case and case.value(row, ANANTA, "core_share")
    peak_mib = case and case.value(row, ANANTA, "memory_peak")
    if not share or not peak_mib:
        return []
    measured = {
        ("CPU at 10,000 spans/s", "50-100 MB (sic)"): f"{share:.1f} % of a core",
        ("memory", "100-200 MB"): f"{peak_mib * 2**20 / 1e6:.0f} MB",
    }
    component, rest = "collector: `ananta collect`", [""] * (columns - 1)
    return [[component, *told, value, *rest] for told, value in measured.items()]
