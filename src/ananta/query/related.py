"""A trace among others: what is typical of those that begin alike, and who links to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.query.answers import LinkingSpan, TypicalTrace
from ananta.query.trace_query import TraceQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta.query.service import TraceReader

# How far before and after a trace others are compared with it, and how many at most.
_TYPICAL_NANOS = 12 * 3_600 * 10**9
_TYPICAL_ROOTS = 10_000
_LINKING_SPANS = 100


async def typical(reader: TraceReader, trace_id: bytes) -> TypicalTrace:
    """How the traces around this one went that begin with the same operation."""
    root = await reader.root_of(trace_id)
    if root is None:
        return _typical_of([], 0)
    service, operation, start, duration = root
    query = TraceQuery(
        start_time_min_unix_nano=max(start - _TYPICAL_NANOS, 0),
        start_time_max_unix_nano=start + _TYPICAL_NANOS,
        service=service,
        operation=operation,
    )
    roots = await reader.find_roots(query, _TYPICAL_ROOTS)
    return _typical_of([one for one in roots if one[0] != trace_id], duration)


def _typical_of(others: Sequence[tuple[bytes, int]], duration_nanos: int) -> TypicalTrace:
    """How a trace of this duration stands among `others`, given by trace id and duration.

    Percentiles are durations that occur: the smallest that so many of the traces do not exceed.
    """
    if not others:
        return TypicalTrace(traces=0, p50_nanos=0, p95_nanos=0, share_slower=0.0, trace_id="")
    durations = sorted(duration for _, duration in others)
    median = _percentile(durations, 50)
    slower = sum(1 for duration in durations if duration > duration_nanos)
    nearest, _ = min(others, key=lambda other: abs(other[1] - median))
    return TypicalTrace(
        traces=len(others),
        p50_nanos=median,
        p95_nanos=_percentile(durations, 95),
        share_slower=slower / len(others),
        trace_id=nearest.hex(),
    )


def _percentile(ascending: Sequence[int], percent: int) -> int:
    rank = -(-len(ascending) * percent // 100)
    return ascending[rank - 1]


async def linked_from(reader: TraceReader, trace_id: bytes) -> list[LinkingSpan]:
    """The newest spans of other traces with a link to this one, newest first."""
    return [
        LinkingSpan(
            trace_id=linking.hex(),
            span_id=span_id.hex(),
            target_span_id=target.hex(),
            service=service,
            operation=operation,
            start_micros=start // 1_000,
        )
        for linking, span_id, target, service, operation, start in await reader.find_links_to(
            trace_id, _LINKING_SPANS
        )
    ]
