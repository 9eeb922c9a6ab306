"""What the components have been doing lately: counts, latencies, errors, for zpages.

One `Operation` is one thing a component does, such as `exporter/otlp`. Recording costs about a
microsecond a batch.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

LATENCY_BOUNDS_SECONDS = (0.0, 10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1.0, 10.0, 100.0)
"""Lower bounds of the latency buckets."""

_KEPT_ERRORS = 10


class Sample(NamedTuple):
    """One run of an operation.

    Attributes:
        ended_at: Unix seconds.
        seconds: how long it took.
        spans: how many spans it was about.
        error: why it failed, or "".
    """

    ended_at: float
    seconds: float
    spans: int
    error: str = ""


@dataclass(slots=True)
class Operation:
    """The record of one operation.

    Attributes:
        name: kind and component id.
        running: how many runs have begun and not ended.
        spans: how many spans all successful runs were about.
        counts: successful runs in each latency bucket.
        latest: the last run in each bucket.
        num_errors: failed runs.
        failed_spans: how many spans these were about.
        errors: the last failed runs.
    """

    name: str
    running: int = 0
    spans: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * len(LATENCY_BOUNDS_SECONDS))
    latest: dict[int, Sample] = field(default_factory=dict)
    num_errors: int = 0
    failed_spans: int = 0
    errors: deque[Sample] = field(default_factory=lambda: deque(maxlen=_KEPT_ERRORS))

    @property
    def failing_with(self) -> Sample | None:
        """The last error, where no run has succeeded since."""
        succeeded_at = max((sample.ended_at for sample in self.latest.values()), default=0.0)
        last = self.errors[-1] if self.errors else None
        return last if last and last.ended_at > succeeded_at else None

    def begin(self) -> float:
        """Note that a run begins; returns what `end` or `fail` needs."""
        self.running += 1
        return time.perf_counter()

    def end(self, began: float, spans: int) -> None:
        """Note that a run has succeeded."""
        self.running -= 1
        seconds = time.perf_counter() - began
        bucket = bisect_right(LATENCY_BOUNDS_SECONDS, seconds) - 1
        self.counts[bucket] += 1
        self.latest[bucket] = Sample(time.time(), seconds, spans)
        self.spans += spans

    def fail(self, began: float, spans: int, error: BaseException) -> None:
        """Note that a run has failed."""
        self.running -= 1
        seconds = time.perf_counter() - began
        self.num_errors += 1
        self.failed_spans += spans
        text = str(error) or type(error).__name__
        self.errors.append(Sample(time.time(), seconds, spans, text))


class Operations:
    """Every operation of the process, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """The record of this operation, the same each time."""
        return self._by_name.setdefault(name, Operation(name))

    def all(self) -> list[Operation]:
        """All records, by name."""
        return [operation for _, operation in sorted(self._by_name.items())]
