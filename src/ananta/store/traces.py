"""One trace: its spans, those of them that are worth showing, and the traces it is compared with.

What is read of a trace is bounded, however many spans it has: beyond a limit the spans to show are
chosen from ids, times and status alone, and all of them are read a part after the other.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from ananta._native import TraceChoice, links_to
from ananta.model import SpanBatch
from ananta.store.connection import quote, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ananta.store.connection import Database
    from ananta.store.reader import Reader
    from ananta.store.search import TraceFilter

_OUTLINE_COLUMNS = "span_id, parent_span_id, start_time_unix_nano, duration_nano, status_code"
_IS_ROOT = f"parent_span_id = {quote(bytes(8))}"

# Span ids in one statement, whose text is bounded by the engine.
_IDS_AT_ONCE = 10_000
# Spans of one trace held in memory where all are read.
_SPANS_AT_ONCE = 200_000

Link = tuple[bytes, bytes, bytes, str, str, int]
"""Trace id and span id of a span, id of the span it links to, service, operation, start."""


async def read_trace(
    reader: Reader, database: Database, trace_id: bytes, limit: int, root: bytes | None
) -> tuple[SpanBatch, TraceChoice | None]:
    """A trace whole or, with more spans than `limit`, the chosen spans and the choice.

    `root` is the span below which to choose; where it is not in such a trace, there are no spans.
    """
    where = await reader.where_traces_are([trace_id])
    if where is None:
        return SpanBatch.concat([]), None
    if await _count(database, where) <= limit:
        return await reader.read_spans(f"PREWHERE {where}"), None
    outline = await database.query(
        f"SELECT {_OUTLINE_COLUMNS} FROM {database.table('spans')} PREWHERE {where}"
    )
    choice = await asyncio.to_thread(TraceChoice.choose, outline, root, limit)
    if choice is None:
        return SpanBatch.concat([]), None
    # What starts together was mostly stored together, so little is read more than once.
    chosen = (
        f"PREWHERE {where} AND start_time_unix_nano BETWEEN {first} AND {last}"
        f" AND reinterpretAsUInt64(span_id) IN ({ids})"
        for first, last, ids in choice.stretches(_IDS_AT_ONCE)
    )
    return await reader.read_spans(*chosen), choice


async def read_parts(
    reader: Reader, database: Database, trace_id: bytes
) -> AsyncIterator[SpanBatch]:
    """All spans of a trace, in batches of about `_SPANS_AT_ONCE`; of an unknown trace none."""
    where = await reader.where_traces_are([trace_id])
    if where is None:
        return
    parts = math.ceil(await _count(database, where) / _SPANS_AT_ONCE)
    for part in range(parts):
        batch = await reader.read_spans(
            f"PREWHERE {where} AND intHash64(reinterpretAsUInt64(span_id)) % {parts} = {part}"
        )
        if len(batch):
            yield batch


async def _count(database: Database, where: str) -> int:
    [[count]] = await database.rows(
        f"SELECT count() FROM {database.table('spans')} PREWHERE {where}"
    )
    return int(count)


async def root_of(
    reader: Reader, database: Database, trace_id: bytes
) -> tuple[str, str, int, int] | None:
    """Service, operation, start and duration of a trace's first root; None where it has none.

    Start in Unix nanoseconds, duration in nanoseconds.
    """
    where = await reader.where_traces_are([trace_id])
    if where is None:
        return None
    rows = await database.rows(
        "SELECT service, name, start_time_unix_nano, duration_nano"
        f" FROM {database.table('spans')} PREWHERE {where} AND {_IS_ROOT}"
        " ORDER BY start_time_unix_nano LIMIT 1"
    )
    for service, name, start, duration in rows:
        return text_of(service), text_of(name), start, max(duration, 0)
    return None


async def find_roots(
    reader: Reader, database: Database, query: TraceFilter, limit: int
) -> list[tuple[bytes, int]]:
    """Trace id and duration in nanoseconds of the newest roots that match, one a trace."""
    where = await reader.where_spans_match(query)
    if where is None:
        return []
    rows = await database.rows(
        "SELECT trace_id, min(start_time_unix_nano) AS start,"
        " argMin(duration_nano, start_time_unix_nano) FROM"
        " (SELECT trace_id, parent_span_id, start_time_unix_nano, duration_nano"
        f" FROM {database.table('spans')} {where}) WHERE {_IS_ROOT}"
        f" GROUP BY trace_id ORDER BY start DESC, trace_id LIMIT {limit}"
    )
    return [(trace_id, max(duration, 0)) for trace_id, _, duration in rows]


async def find_links_to(reader: Reader, trace_id: bytes, limit: int) -> list[Link]:
    """The newest spans of other traces with a link to this one, newest first."""
    where = await reader.where_spans_link_to(trace_id)
    if where is None:
        return []
    linking = await reader.read_spans(
        f"{where} ORDER BY start_time_unix_nano DESC, trace_id, span_id LIMIT {limit}"
    )
    found = links_to(linking, trace_id)
    return sorted(found, key=lambda link: link[-1], reverse=True)[:limit]
