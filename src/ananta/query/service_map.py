"""The service map: who calls whom, and what services lean on that sends no spans."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from ananta.model.statistics import ServiceStatistics, SpanStatistics
from ananta.query.answers import MapEdge, MapNode, ServiceMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta.model.statistics import BackendStatistics, CallStatistics
    from ananta.query.service import TraceReader

MAX_BACKENDS = 50
"""Most nodes that are no services: addresses may be as many as there are customers."""


async def service_map(reader: TraceReader, start: int, end: int, service: str) -> ServiceMap:
    """Who calls whom in a window of Unix nanoseconds; with `service`, only who it deals with.

    A call within a service counts where the called span is a request or a message: others are
    steps of the same work. Of what sends no spans, the 50 called most are told.
    """
    calls, statistics, backends = await asyncio.gather(
        reader.call_statistics(start, end),
        reader.service_statistics(start, end),
        reader.backend_statistics(start, end),
    )
    edges = _between_services(calls, service)
    names = {name for edge in edges for name in (edge.caller, edge.callee)}
    names |= statistics.keys() if not service else statistics.keys() & {service}
    known = {*statistics, *names}
    leaned_on = _most_called(
        [one for one in backends if one.name not in known and service in ("", one.caller)]
    )
    edges += [_edge(one.caller, one.name, one.calls) for one in leaned_on]
    return ServiceMap(
        nodes=[
            *(_node(name, statistics.get(name, ServiceStatistics())) for name in sorted(names)),
            *_backend_nodes(leaned_on),
        ],
        edges=sorted(edges, key=lambda edge: (edge.caller, edge.callee)),
    )


def _between_services(calls: Sequence[CallStatistics], service: str) -> list[MapEdge]:
    counted: defaultdict[tuple[str, str], SpanStatistics] = defaultdict(SpanStatistics)
    messages: Counter[tuple[str, str]] = Counter()
    for call in calls:
        ends = (call.caller, call.callee)
        if (call.is_request or call.caller != call.callee) and (not service or service in ends):
            counted[ends].merge(call.calls)
            messages[ends] += call.calls.spans if call.is_message else 0
    return [_edge(*ends, statistics, messages[ends]) for ends, statistics in counted.items()]


def _edge(caller: str, callee: str, statistics: SpanStatistics, messages: int = 0) -> MapEdge:
    return MapEdge(
        caller=caller,
        callee=callee,
        calls=statistics.spans,
        messages=messages,
        errors=statistics.errors,
        p50_nanos=statistics.quantile_nanos(50) or 0,
        p95_nanos=statistics.quantile_nanos(95) or 0,
    )


def _node(service: str, statistics: ServiceStatistics) -> MapNode:
    requests = statistics.requests
    return MapNode(
        service=service,
        spans=statistics.spans,
        requests=requests.spans,
        errors=requests.errors,
        p50_nanos=requests.quantile_nanos(50) or 0,
        p95_nanos=requests.quantile_nanos(95) or 0,
    )


def _most_called(backends: Sequence[BackendStatistics]) -> list[BackendStatistics]:
    calls: Counter[str] = Counter()
    for one in backends:
        calls[one.name] += one.calls.spans
    names = {name for name, _ in calls.most_common(MAX_BACKENDS)}
    return [one for one in backends if one.name in names]


def _backend_nodes(backends: Sequence[BackendStatistics]) -> list[MapNode]:
    """What was called, by the spans of those who called it; it has no spans of its own."""
    called: defaultdict[str, ServiceStatistics] = defaultdict(ServiceStatistics)
    for one in backends:
        called[one.name].requests.merge(one.calls)
    databases = {one.name for one in backends if one.is_database}
    return [
        _node(name, statistics).model_copy(
            update={"kind": "database" if name in databases else "external"}
        )
        for name, statistics in sorted(called.items())
    ]
