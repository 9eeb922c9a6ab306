"""Requests for one page, and what their times say; `bench/load/src/get.rs` sends them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.runner import ask_load_generator

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Answers:
    """What became of a load. The first two lists belong together, times count from its start."""

    due_micros: list[int]
    answered_micros: list[int]
    unanswered_due_micros: list[int]
    seconds: float

    @property
    def requests_per_second(self) -> float:
        """Good answers a second."""
        return len(self.answered_micros) / self.seconds

    def latency_milliseconds(self, share: float) -> float:
        """The latency that this share of all requests did not exceed.

        It counts from the time a request was due, so waiting behind a busy service is in it. A
        request that got no answer counts with the time until the end: it took at least so long.
        """
        end_micros = int(self.seconds * 1e6)
        waited = [
            answered - due
            for due, answered in zip(self.due_micros, self.answered_micros, strict=True)
        ]
        waited += [max(end_micros - due, 0) for due in self.unanswered_due_micros]
        return percentile(waited, share) / 1e3


def percentile(values: Sequence[float], share: float) -> float:
    """The value of the nearest rank: the smallest that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share), 1) - 1]


def get(
    port: int,
    path: str,
    seconds: float,
    requests_per_second: float | None = None,
    connections: int = 8,
) -> Answers:
    """Ask for a page at a fixed rate, or without one as fast as the connections allow."""
    plan: dict[str, Any] = {
        "target": f"127.0.0.1:{port}",
        "path": path,
        "connections": connections,
        "seconds": seconds,
    }
    if requests_per_second is not None:
        plan["requests_per_second"] = requests_per_second
    return Answers(**ask_load_generator("get", plan))
