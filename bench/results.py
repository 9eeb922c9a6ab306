"""What a case measured: plain values, kept as JSON from run to run.

A case yields `Measurement`s; `Results` holds those of all cases and answers questions about them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Measure:
    """How a kind of value is named, printed and compared."""

    title: str
    unit: str
    digits: int = 1
    more_is_better: bool = False
    is_compared: bool = True  # no: a ratio would say nothing

    def text(self, value: float) -> str:
        """The value as a reader wants it."""
        return f"{value:,.{self.digits}f}"


MEASURES = {
    "cpu": Measure("CPU a span", "µs", 2),
    "rate": Measure("throughput", "spans/s", 0, more_is_better=True),
    "decode": Measure("decode", "ns a span", 0),
    "encode": Measure("encode", "ns a span", 0),
    "p50": Measure("p50", "ms"),
    "p99": Measure("p99", "ms"),
    "disk": Measure("on disk", "B a span"),
    "memory_average": Measure("memory, average", "MiB", 0),
    "memory_peak": Measure("memory, peak", "MiB", 0),
    "core_share": Measure("CPU", "% of a core"),
    "size": Measure("JavaScript, gzip", "kB"),
    "time": Measure("time", "ms"),
    "refused": Measure("refused", "% of spans"),
    "requests": Measure("throughput", "requests/s", 0, more_is_better=True),
    "cpu_request": Measure("CPU a request", "µs"),
    "cpu_added": Measure("CPU added a request", "µs"),
    "latency_p50": Measure("p50", "ms", 2),
    "latency_p99": Measure("p99", "ms", 2),
    "latency_added": Measure("p99 added", "ms", 2, is_compared=False),
    "memory": Measure("memory", "MB"),
    "memory_added": Measure("memory added", "MB"),
    "spans": Measure("spans stored", "spans", 0, is_compared=False),
    "lost": Measure("spans lost", "%", 2, is_compared=False),
    "seconds": Measure("time", "s", 2),
    "visible": Measure("acknowledged and found at once", "%", more_is_better=True),
}


@dataclass(frozen=True)
class Measurement:
    """One value: what was done (`row`), by which system, which measure of it."""

    row: str
    system: str
    measure: str
    value: float


@dataclass
class CaseResults:
    """Everything one run of a case found out."""

    case: str
    date: str
    revision: str
    measurements: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def value(self, row: str, system: str, measure: str) -> float | None:
        """The value measured, if it was."""
        for found in self.measurements:
            if (found.row, found.system, found.measure) == (row, system, measure):
                return found.value
        return None

    def lines(self) -> Iterator[tuple[str, str]]:
        """The rows and measures in the order they were measured."""
        yield from dict.fromkeys((found.row, found.measure) for found in self.measurements)

    def save(self, directory: Path) -> None:
        """Keep this as the latest results of the case."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{self.case}.json").write_text(json.dumps(asdict(self), indent=1))


def load_results(directory: Path) -> dict[str, CaseResults]:
    """The latest results of every case that was run."""
    results = {}
    for path in sorted(directory.glob("*.json")):
        kept = json.loads(path.read_text())
        kept["measurements"] = [Measurement(**value) for value in kept["measurements"]]
        results[kept["case"]] = CaseResults(**kept)
    return results
