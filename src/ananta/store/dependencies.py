"""Who calls whom: counted from the spans themselves, whenever it is asked.

A call is a span whose parent is known. Children and parents are joined a stretch of time after the
other, so that memory stays bounded; parents that started long before their children are fetched by
their traces.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ananta.store.search import HAS_NO_PARENT, PLACES_IN_MINUTE, in_minutes, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.store.connection import Database
    from ananta.store.reader import Reader

# Spans joined at once, and how much earlier than its children a parent is looked for first.
_SPANS_AT_ONCE = 300_000
_LOOK_BACK_MINUTES = 2
# Parents fetched by their traces in one stretch; beyond, calls of such long traces go uncounted.
_MAX_FETCHED = 10_000

Calls = Counter[tuple[bytes, bytes]]


async def count_calls(reader: Reader, database: Database, start: int, end: int) -> Calls:
    """Calling service, called service and number of calls by spans that start in a window.

    Args:
        reader: finds the spans of a trace.
        database: where they are.
        start: first start, Unix nanoseconds, inclusive.
        end: last start, inclusive.
    """
    calls: Calls = Counter()
    for first, last in await _stretches(database, start, end):
        missing: list[tuple[bytes, bytes, bytes]] = []
        for parent, child, count, orphans in await database.rows(
            _join(database, first, last, start, end)
        ):
            if parent:
                calls[parent, child] += count
            else:
                missing.extend((*orphan, child) for orphan in _pairs(orphans))
        await _count_fetched(reader, missing[:_MAX_FETCHED], calls)
    return calls


async def _stretches(database: Database, start: int, end: int) -> list[tuple[int, int]]:
    """First and last minute of stretches with a bounded number of spans each."""
    rows = await database.rows(
        f"SELECT intDiv(place, {PLACES_IN_MINUTE}) AS minute, count()"
        f" FROM {database.table('spans')}"
        f" WHERE {in_minutes(minute_of(start), minute_of(end))} GROUP BY minute ORDER BY minute"
    )
    stretches: list[tuple[int, int]] = []
    spans = _SPANS_AT_ONCE
    for minute, count in rows:
        if spans + count > _SPANS_AT_ONCE:
            stretches.append((minute, minute))
            spans = 0
        stretches[-1] = (stretches[-1][0], minute)
        spans += count
    return stretches


def _join(database: Database, first: int, last: int, start: int, end: int) -> str:
    """SQL: calls by parent and child service; no parent service where the parent wasn't found."""
    spans = database.table("spans")
    return f"""SELECT parents.service AS parent, children.service AS child, count() AS calls,
 groupArrayIf({_MAX_FETCHED})(concat(children.trace_id, children.parent_span_id),
 parent = '') AS orphans
FROM (SELECT trace_id, parent_span_id, toString(service) AS service FROM {spans}
 WHERE {in_minutes(first, last)} AND start_time_unix_nano BETWEEN {start} AND {end}
 AND NOT {HAS_NO_PARENT}) AS children
ANY LEFT JOIN (SELECT trace_id, span_id, toString(service) AS service FROM {spans}
 WHERE {in_minutes(max(first - _LOOK_BACK_MINUTES, 0), last)}) AS parents
ON children.trace_id = parents.trace_id AND children.parent_span_id = parents.span_id
GROUP BY parent, child"""


def _pairs(orphans: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for orphan in orphans:
        yield orphan[:16], orphan[16:]


async def _count_fetched(
    reader: Reader, missing: list[tuple[bytes, bytes, bytes]], calls: Calls
) -> None:
    if not missing:
        return
    services = await reader.services_of_spans({trace_id for trace_id, _, _ in missing})
    for trace_id, parent_span_id, child in missing:
        parent = services.get((trace_id, parent_span_id))
        if parent is not None:
            calls[parent, child] += 1
