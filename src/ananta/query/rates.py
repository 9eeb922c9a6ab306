"""What services did at points in time, each told by the spans of a while before it.

This is how monitors ask: the while is longer than the points lie apart, so that rates are smooth.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ananta.model.statistics import SpanStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta.query.service import TraceReader

MAX_OPERATIONS = 100
"""Most operations of a service that are told; those with the most spans."""


@dataclass(frozen=True, slots=True)
class RateQuery:
    """What is asked of services; times in Unix nanoseconds.

    Attributes:
        services: exact names.
        kinds: of the spans, as in `filter.KINDS`.
        by_operation: whether operations are told apart.
        start: the first point in time.
        count: number of points.
        step_nanos: how far they lie apart.
        steps: for how many steps before it a point tells.
    """

    services: Sequence[str]
    kinds: Sequence[str]
    by_operation: bool
    start: int
    count: int
    step_nanos: int
    steps: int


@dataclass(frozen=True, slots=True)
class ServiceRate:
    """What a service, or an operation of it, did.

    Attributes:
        service: its name.
        operation: name of the spans; empty for all.
        points: what was counted before each point.
    """

    service: str
    operation: str
    points: list[SpanStatistics]


async def find_rates(reader: TraceReader, query: RateQuery) -> list[ServiceRate]:
    """What services, or their operations, did: of each service the busiest operations first."""
    start = query.start - query.steps * query.step_nanos
    end = query.start + (query.count - 1) * query.step_nanos
    found = []
    for service in query.services:
        operations = await reader.operation_step_statistics(
            service, query.kinds, start, end, query.step_nanos, by_operation=query.by_operation
        )
        busiest = sorted(
            operations.items(), key=lambda item: (-sum(step.spans for step in item[1]), item[0])
        )
        for operation, steps in busiest[:MAX_OPERATIONS]:
            points = await asyncio.to_thread(merge_each, steps, query.steps)
            found.append(ServiceRate(service, operation, points))
    return found


def merge_each(steps: Sequence[SpanStatistics], width: int) -> list[SpanStatistics]:
    """The sum of each `width` neighbouring steps.

    Steps are cut into blocks of this width and summed up from both ends of each block, so that
    every sum is one of the end of a block and the beginning of the next, however wide it is.
    """
    forward: list[SpanStatistics] = []
    backward: list[SpanStatistics] = []
    for start in range(0, len(steps), width):
        block = steps[start : start + width]
        forward += _running(block)
        backward += reversed(_running(block[::-1]))
    return [
        forward[last] if first % width == 0 else _sum(backward[first], forward[last])
        for first, last in enumerate(range(width - 1, len(steps)))
    ]


def _running(steps: Sequence[SpanStatistics]) -> list[SpanStatistics]:
    sums: list[SpanStatistics] = []
    for step in steps:
        sums.append(_sum(sums[-1], step) if sums else step)
    return sums


def _sum(one: SpanStatistics, other: SpanStatistics) -> SpanStatistics:
    total = SpanStatistics()
    total.merge(one)
    total.merge(other)
    return total
