"""What the store counted about many traces, as answers of our own API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.query.answers import (
    AttributeKey,
    Histogram,
    RootOperation,
    ServiceShare,
    TraceList,
    TraceSummary,
)
from ananta.store.histogram import DURATION_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ananta.query.time_steps import TimeSteps
    from ananta.store.histogram import SpanCounts
    from ananta.store.summaries import RootCount, Summary

_MICROSECOND = 1_000


def newest_first(summaries: Sequence[Summary]) -> list[Summary]:
    """The same traces by when they began."""
    return sorted(summaries, key=lambda one: -one.start_time_unix_nano)


def trace_list(summaries: Sequence[Summary], *, more: bool) -> TraceList:
    """A page of a search."""
    return TraceList(traces=[trace_summary(one) for one in summaries], more=more)


def trace_summary(one: Summary) -> TraceSummary:
    """A trace in a line."""
    service, operation = one.root or ("", "")
    return TraceSummary(
        trace_id=one.trace_id.hex(),
        root_service=service,
        root_operation=operation,
        start_micros=one.start_time_unix_nano // _MICROSECOND,
        duration_nanos=one.duration_nano,
        spans=sum(spans for _, spans, _ in one.services),
        errors=sum(errors for _, _, errors in one.services),
        services=[
            ServiceShare(service=service, spans=spans, errors=errors)
            for service, spans, errors in one.services
        ],
    )


def root_operation(one: RootCount) -> RootOperation:
    """Traces that begin alike."""
    return RootOperation(
        service=one.service,
        operation=one.operation,
        traces=one.traces,
        errors=one.errors,
        p50_nanos=one.p50_nano,
        p95_nanos=one.p95_nano,
        max_nanos=one.max_nano,
        slowest_trace_id=one.slowest_trace_id.hex(),
    )


def histogram(counts: SpanCounts, steps: TimeSteps) -> Histogram:
    """Cells as a table over all steps of time and the range of durations that occurs."""
    found = [cell.duration for cell in counts.cells]
    bounds = [bound for bound in DURATION_BOUNDS if found and min(found) <= bound <= max(found)]
    spans = [[0] * len(bounds) for _ in range(steps.count)]
    errors = [[0] * len(bounds) for _ in range(steps.count)]
    column = {bound: index for index, bound in enumerate(bounds)}
    for cell in counts.cells:
        spans[cell.time][column[cell.duration]] = cell.spans
        errors[cell.time][column[cell.duration]] = cell.errors
    return Histogram(
        start_micros=steps.begin // _MICROSECOND,
        step_micros=steps.step // _MICROSECOND,
        duration_bounds_nanos=bounds,
        spans=spans,
        errors=errors,
        total_spans=sum(cell.spans for cell in counts.cells),
        total_traces=counts.traces,
    )


def attribute_keys(found: Iterable[tuple[str, str]], text: str) -> list[AttributeKey]:
    """Levels and keys as they come, but first those that begin with a text, in any case."""
    keys = [AttributeKey.model_validate({"level": level, "key": key}) for level, key in found]
    begin = text.lower()
    return sorted(keys, key=lambda one: not one.key.lower().startswith(begin))
