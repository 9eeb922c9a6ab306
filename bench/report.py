"""Prints results and writes `docs/benchmarks.md`: the figures first, then every case's table.

Only what stands between the two marks of the document is written; the words around it are ours.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import FIGURES
from bench.instrumentation.figures import figure_lines, overhead_lines
from bench.results import MEASURES
from bench.systems import ANANTA, BARE, COLLECTOR, JAEGER, PROTOBUF, ROTEL, STOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.figures import Results
    from bench.results import CaseResults, Measure

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
INSTRUMENTATION = ("fastapi", "express", "span", "lifecycle")
"""The cases that measure instrumentation."""

_NAMES = {
    ANANTA: "Ananta",
    COLLECTOR: "Collector",
    ROTEL: "Rotel",
    JAEGER: "Jaeger",
    PROTOBUF: "protobuf",
    STOCK: "stock",
    BARE: "bare",
}


def machine() -> str:
    """The machine in one line: processor, cores, memory, kernel, Python."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cpu}, {os.cpu_count()} cores, {gib:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def case_table(results: CaseResults) -> str:
    """A Markdown table: a line for each row and measure, a column for each system.

    The ratios tell how many times better we are than each peer; below 1 we are worse.
    """
    seen = {found.system for found in results.measurements}
    systems = [name for name in _NAMES if name in seen]
    peers = [name for name in systems if name not in (ANANTA, BARE)] if ANANTA in systems else []
    header = ["What", "Measure", *(_NAMES[name] for name in systems)]
    header += [f"better than {_NAMES[peer]}" for peer in peers]
    lines = []
    for row, measure in results.lines():
        kind = MEASURES[measure]
        values = {name: results.value(row, name, measure) for name in systems}
        cells = [row, f"{kind.title}, {kind.unit}"]
        cells += ["" if value is None else kind.text(value) for value in values.values()]
        for peer in peers:
            cells.append(_ratio(kind, values[ANANTA], values[peer]))
        lines.append(cells)
    return _markdown(header, lines, numbers_from=2)


def _ratio(kind: Measure, ours: float | None, theirs: float | None) -> str:
    if kind.more_is_better:
        ours, theirs = theirs, ours
    if not kind.is_compared or ours is None or theirs is None or ours <= 0 or theirs < 0:
        return ""
    return f"{theirs / ours:.1f} x"


def figures_table(results: Results) -> str:
    """The project's own bars, what was measured, and whether they are met."""
    lines = []
    for figure in FIGURES:
        value = figure.measured(results)
        lines.append(
            [
                figure.what,
                figure.unit,
                _figure_text(figure.at_least, figure.unit),
                _figure_text(figure.aim, figure.unit),
                "" if value is None else _figure_text(value, figure.unit),
                figure.verdict(value),
            ]
        )
    header = ["What", "Unit", "At least", "Aim", "Measured", ""]
    return _markdown(header, lines, numbers_from=2)


def instrumentation_tables(results: Results) -> list[str]:
    """The bars of instrumentation and the guide's overhead table; none before it was measured."""
    if not results.keys() & set(INSTRUMENTATION):
        return []
    figures, overhead = figure_lines(results), overhead_lines(results)
    return [
        "## Instrumentation: the figures",
        _markdown(figures[0], figures[1:], numbers_from=2),
        "## Instrumentation: the guide's overhead table",
        _markdown(overhead[0], overhead[1:], numbers_from=2),
    ]


def _figure_text(value: float, unit: str) -> str:
    if unit.startswith("of "):
        return f"1/{1 / value:.1f}".removesuffix(".0")
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}".removesuffix(".0")


def _markdown(header: Sequence[str], lines: Iterable[Sequence[str]], numbers_from: int) -> str:
    rule = ["---" if at < numbers_from else "--:" for at in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def write_document(results: Results, versions: dict[str, str], titles: dict[str, str]) -> None:
    """Put the results between the marks of the document."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    parts = [f"Machine: {machine()}.", "Systems: " + "; ".join(versions.values()) + "."]
    parts += ["## The figures", figures_table(results), *instrumentation_tables(results)]
    for name, title in titles.items():
        if name in results:
            case = results[name]
            parts += [f"## {title}", case_table(case)]
            parts += ["\n".join(f"- {note}" for note in case.notes)] if case.notes else []
            parts += [
                f"Measured {case.date} at revision {case.revision}: `python -m bench {name}`."
            ]
    DOCUMENT.write_text(before + "\n\n".join([BEGIN, *parts, END]) + after)
