"""Answers about services, put together from what the store has counted."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from ananta.model.statistics import MAX_NANOS, ServiceStatistics, SpanStatistics
from ananta.query.answers import (
    ExceptionOverview,
    OperationOverview,
    ServiceExceptions,
    ServiceMetrics,
    ServiceOverview,
    VersionStart,
)
from ananta.query.time_steps import time_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta.model.statistics import ExceptionStatistics, OperationStatistics, SeenResource
    from ananta.query.service import TraceReader

MAX_OPERATIONS = 500
MAX_EXCEPTIONS = 20
MAX_STEPS = 500
RATE_PARTS = 24
_USUAL_STEPS = 60
_MICROSECOND_NANOS = 1_000


def usual_step_micros(start: int, end: int) -> int:
    """The length of a step that cuts a window of Unix nanoseconds into about 60, or fewer."""
    return time_steps(start, end, _USUAL_STEPS).step // _MICROSECOND_NANOS


async def services_overview(reader: TraceReader, start: int, end: int) -> list[ServiceOverview]:
    """Every service there is, sorted by name, and how it did in a window of Unix nanoseconds."""
    names, statistics, rates, seen = await asyncio.gather(
        reader.services(),
        reader.service_statistics(start, end),
        reader.request_counts(start, end, RATE_PARTS),
        reader.seen_resources(start, end),
    )
    silent = [name for name in names if name not in statistics]
    last = await reader.last_starts(silent, end) if silent else {}
    last |= {name: found.last_start_unix_nano for name, found in statistics.items()}
    resources: defaultdict[str, list[SeenResource]] = defaultdict(list)
    for resource in seen:
        resources[resource.service].append(resource)
    return [
        _overview(
            name,
            statistics.get(name, ServiceStatistics()),
            last.get(name, 0),
            resources[name],
            rates.get(name, [0] * RATE_PARTS),
        )
        for name in sorted({*names, *statistics})
    ]


def _overview(
    service: str,
    statistics: ServiceStatistics,
    last_start: int,
    resources: list[SeenResource],
    rate: list[int],
) -> ServiceOverview:
    requests = statistics.requests
    told = [resource for resource in resources if resource.sdk]
    newest = max(told, key=lambda resource: resource.last_start_unix_nano, default=None)
    return ServiceOverview(
        service=service,
        spans=statistics.spans,
        requests=requests.spans,
        errors=requests.errors,
        p50_nanos=requests.quantile_nanos(50) or 0,
        p95_nanos=requests.quantile_nanos(95) or 0,
        p99_nanos=requests.quantile_nanos(99) or 0,
        last_span_micros=last_start // _MICROSECOND_NANOS,
        versions=[version for version, _ in reversed(_versions(resources))],
        sdk=newest.sdk if newest else "",
        rate=rate,
    )


def _versions(resources: Sequence[SeenResource]) -> list[tuple[str, int]]:
    """Each version and when it was first seen, the oldest first."""
    first: dict[str, int] = {}
    for resource in resources:
        if resource.version:
            start = resource.first_start_unix_nano
            first[resource.version] = min(first.get(resource.version, start), start)
    return sorted(first.items(), key=lambda item: (item[1], item[0]))


def operation_overview(operation: OperationStatistics) -> OperationOverview:
    """How an operation does."""
    calls = operation.calls
    return OperationOverview(
        operation=operation.name,
        kind=operation.kind,
        calls=calls.spans,
        errors=calls.errors,
        p50_nanos=calls.quantile_nanos(50) or 0,
        p95_nanos=calls.quantile_nanos(95) or 0,
        p99_nanos=calls.quantile_nanos(99) or 0,
        total_nanos=min(calls.total_nanos, MAX_NANOS),
        slowest_trace_id=operation.slowest.trace_id.hex(),
        slowest_span_id=operation.slowest.span_id.hex(),
        failed_trace_id=operation.failed.trace_id.hex() if operation.failed else "",
        failed_span_id=operation.failed.span_id.hex() if operation.failed else "",
    )


def service_exceptions(found: Sequence[ExceptionStatistics], start: int) -> ServiceExceptions:
    """The exceptions in spans of a service that began at `start`, Unix nanoseconds, or later."""
    return ServiceExceptions(
        exceptions=[
            ExceptionOverview(
                type=one.type,
                message=one.message,
                messages=one.messages,
                spans=one.spans,
                last_micros=one.last_start_unix_nano // _MICROSECOND_NANOS,
                trace_id=one.newest.trace_id.hex(),
                span_id=one.newest.span_id.hex(),
            )
            for one in found
        ],
        start_micros=start // _MICROSECOND_NANOS,
    )


def service_metrics(
    start: int, step_micros: int, steps: Sequence[SpanStatistics], seen: Sequence[SeenResource]
) -> ServiceMetrics:
    """Steps of a service, from `start` in Unix nanoseconds, and the versions seen in them."""
    return ServiceMetrics(
        start_micros=start // _MICROSECOND_NANOS,
        step_micros=step_micros,
        calls=[step.spans for step in steps],
        errors=[step.errors for step in steps],
        p50_nanos=[step.quantile_nanos(50) for step in steps],
        p95_nanos=[step.quantile_nanos(95) for step in steps],
        p99_nanos=[step.quantile_nanos(99) for step in steps],
        versions=[
            VersionStart(version=version, first_micros=first // _MICROSECOND_NANOS)
            for version, first in _versions(seen)
        ],
    )
