"""Whole traces as lines of a list: summed up, ranked, and counted by the operation they begin with.

A page of traces is summed up from the places their spans are in, however far apart. What is asked
of every trace that matches is read in one go: the minutes of the window and some around it.

A span delivered twice counts once, told by its id and start; its kind tells a server from the
client whose id it shares, as Zipkin has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from ananta.store.connection import text_of
from ananta.store.search import HAS_NO_PARENT, IS_ERROR, in_minutes, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ananta.store.connection import Database
    from ananta.store.reader import Reader
    from ananta.store.search import TraceFilter

Order = Literal["newest", "oldest", "longest", "errors", "spans"]
"""What comes first in a list of traces: the newest or oldest match, or who has the most of it."""

MAX_ROOT_OPERATIONS = 200
# How far outside the window spans of a trace that matches count for its rank.
_MARGIN_MINUTES = 10
# Traces summed up by one statement, which has to name each of them.
_TRACES_AT_ONCE = 200

_IDENTITY = "span_id, kind, start_time_unix_nano"
_END = "start_time_unix_nano + toUInt64(greatest(duration_nano, 0))"
_LASTED = f"max({_END}) - min(start_time_unix_nano)"
_ROOT_ORDER = f"(start_time_unix_nano, span_id), {HAS_NO_PARENT}"
_OPERATION = "cityHash64(toString(service), toString(name))"
# Beyond this much memory the sums of traces go to disk.
_BOUNDED = f"SETTINGS max_bytes_before_external_group_by = {128 << 20}"

# The newest and the oldest are found faster, without a look at all that match.
_RANKS: dict[Order, str] = {
    "longest": _LASTED,
    "errors": f"uniqIf({_IDENTITY}, {IS_ERROR})",
    "spans": f"uniq({_IDENTITY})",
}


class Summary(NamedTuple):
    """A whole trace in one line.

    Attributes:
        trace_id: 16 bytes.
        root: service and name of the first span without a parent; None where there is none.
        start_time_unix_nano: the first start.
        duration_nano: from there to the last end.
        services: name, number of spans and of errors of each, the most spans first.
    """

    trace_id: bytes
    root: tuple[str, str] | None
    start_time_unix_nano: int
    duration_nano: int
    services: list[tuple[str, int, int]]


class RootCount(NamedTuple):
    """Traces that begin with the same operation; names are empty where no root has arrived."""

    service: str
    operation: str
    traces: int
    errors: int
    p50_nano: int
    p95_nano: int
    max_nano: int
    slowest_trace_id: bytes


async def summarize(
    reader: Reader, database: Database, trace_ids: Sequence[bytes]
) -> list[Summary]:
    """Sum up these traces, in this order; those without spans are left out."""
    summaries: dict[bytes, Summary] = {}
    for start in range(0, len(trace_ids), _TRACES_AT_ONCE):
        where = await reader.where_traces_are(trace_ids[start : start + _TRACES_AT_ONCE])
        if where is not None:
            rows = await database.rows(_sums(database, where))
            summaries |= {one.trace_id: one for one in _summaries(rows)}
    return [summaries[trace_id] for trace_id in trace_ids if trace_id in summaries]


def _sums(database: Database, where: str) -> str:
    """SQL: one row for each trace and service."""
    return (
        f"SELECT trace_id, service, uniqExact({_IDENTITY}), uniqExactIf({_IDENTITY}, {IS_ERROR}),"
        f" min(start_time_unix_nano), max({_END}), countIf({HAS_NO_PARENT}),"
        f" argMinIf(start_time_unix_nano, {_ROOT_ORDER}), argMinIf(span_id, {_ROOT_ORDER}),"
        f" argMinIf(name, {_ROOT_ORDER})"
        f" FROM {database.table('spans')} PREWHERE {where} GROUP BY trace_id, service"
    )


def _summaries(rows: Iterable[tuple[Any, ...]]) -> Iterable[Summary]:
    of_traces: dict[bytes, list[tuple[Any, ...]]] = {}
    for trace_id, *sums in rows:
        of_traces.setdefault(trace_id, []).append(tuple(sums))
    for trace_id, services in of_traces.items():
        first = min(start for _, _, _, start, *_ in services)
        last = max(end for _, _, _, _, end, *_ in services)
        roots = [
            (start, span_id, service, name)
            for service, _, _, _, _, count, start, span_id, name in services
            if count
        ]
        root = (text_of(min(roots)[2]), text_of(min(roots)[3])) if roots else None
        shares = [(text_of(service), spans, errors) for service, spans, errors, *_ in services]
        shares.sort(key=lambda share: (-share[1], share[0]))
        yield Summary(trace_id, root, first, last - first, shares)


async def rank(
    reader: Reader, database: Database, query: TraceFilter, order: Order, limit: int
) -> list[bytes]:
    """Ids of the `limit` traces that come first among all that match.

    What lies more than ten minutes outside the query's window does not count for the rank.
    """
    traces = await _matching_traces(reader, database, query)
    if traces is None:
        return []
    rows = await database.rows(
        f"SELECT trace_id {traces} GROUP BY trace_id"
        f" ORDER BY {_RANKS[order]} DESC, max(start_time_unix_nano) DESC, trace_id LIMIT {limit}"
        f" {_BOUNDED}"
    )
    return [trace_id for (trace_id,) in rows]


async def count_roots(reader: Reader, database: Database, query: TraceFilter) -> list[RootCount]:
    """Traces that match, by the operation they begin with: those with the most traces."""
    traces = await _matching_traces(reader, database, query)
    if traces is None:
        return []
    # A number for the operation spares the memory of two texts for each trace.
    rows = await database.rows(
        "SELECT root, count() AS traces, countIf(failed), quantilesExact(0.5, 0.95)(lasted),"
        " max(lasted), argMax(trace_id, (lasted, trace_id))"
        f" FROM (SELECT trace_id, max({IS_ERROR}) AS failed, {_LASTED} AS lasted,"
        f" argMinIf({_OPERATION}, start_time_unix_nano, {HAS_NO_PARENT}) AS root"
        f" {traces} GROUP BY trace_id)"
        f" GROUP BY root ORDER BY traces DESC, root LIMIT {MAX_ROOT_OPERATIONS} {_BOUNDED}"
    )
    names = await _operation_names(database, [root for root, *_ in rows])
    counts = [
        RootCount(*names.get(root, ("", "")), traces, errors, p50, p95, longest, slowest)
        for root, traces, errors, (p50, p95), longest, slowest in rows
    ]
    return sorted(counts, key=lambda one: (-one.traces, one.service, one.operation))


async def _operation_names(
    database: Database, operations: Sequence[int]
) -> dict[int, tuple[str, str]]:
    """Service and name of operations by their numbers."""
    if not operations:
        return {}
    rows = await database.rows(
        f"SELECT DISTINCT {_OPERATION} AS operation, service, name"
        f" FROM {database.table('operations')}"
        f" WHERE operation IN ({', '.join(map(str, operations))})"
    )
    return {number: (text_of(service), text_of(name)) for number, service, name in rows}


async def _matching_traces(reader: Reader, database: Database, query: TraceFilter) -> str | None:
    """The end of a statement on `spans`: all those of traces that match; None where none do."""
    where = await reader.where_spans_match(query)
    if where is None:
        return None
    spans = database.table("spans")
    first = max(minute_of(query.start_time_min_unix_nano) - _MARGIN_MINUTES, 0)
    last = minute_of(query.start_time_max_unix_nano) + _MARGIN_MINUTES
    return (
        f"FROM {spans} WHERE {in_minutes(first, last)}"
        f" AND trace_id GLOBAL IN (SELECT trace_id FROM {spans} {where})"
    )
