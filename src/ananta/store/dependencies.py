"""Who calls whom: counted from the spans themselves, whenever it is asked.

A call is a span whose parent is known, or a message: a consumer's span that links to a span of
another trace. Callers and called are joined a stretch of time after the other, so that memory stays
bounded; callers that started long before the spans they called are fetched by their traces.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ananta.model.filter import KINDS
from ananta.model.statistics import SpanStatistics
from ananta.store.search import HAS_NO_PARENT, IS_ERROR, PLACES_IN_MINUTE, in_minutes, minute_of
from ananta.store.service_metrics import (
    COUNTED,
    DURATION,
    IS_REQUEST,
    Window,
)

if TYPE_CHECKING:
    from ananta.store.connection import Database
    from ananta.store.reader import Reader

LOOK_BACK_MINUTES = 2
"""How much earlier than its children a parent is looked for first."""
# Spans joined at once.
_SPANS_AT_ONCE = 300_000
# Parents fetched by their traces in one stretch; beyond, calls of such long traces go uncounted.
_MAX_FETCHED = 10_000

# A link as `rest` holds it, an OTLP message: field 1, 16 bytes of trace id; field 2, 8 of span id.
_LINK_STARTS = r"\n\x10"
_LINK = r"(?s)\\n\\x10(\\C{16}\\x12\\x08\\C{8})"
_SPAN_ID_IN_LINK = 19


class Call(NamedTuple):
    """What calls have in common: services as bytes, the kind of called span, how it is tied."""

    caller: bytes
    callee: bytes
    is_request: bool
    is_message: bool


class _Orphan(NamedTuple):
    """A called span whose caller wasn't found: that one's (trace id, span id), and its own."""

    caller: tuple[bytes, bytes]
    callee: bytes
    is_request: bool
    is_message: bool
    duration_class: int
    nanos: int
    errors: int


async def count_calls(
    reader: Reader, database: Database, window: Window, *, messages: bool
) -> dict[Call, SpanStatistics]:
    """Calls by spans that start in a window, with the called spans' errors and durations.

    A called span that was delivered twice counts twice.

    Args:
        reader: finds the spans of a trace.
        database: where they are.
        window: first and last start of the called spans.
        messages: whether messages are counted, too: one for each link.
    """
    calls: defaultdict[Call, SpanStatistics] = defaultdict(SpanStatistics)
    for first, last in await find_stretches(database, window):
        missing: list[_Orphan] = []
        sql = _join(database, first, last, window, messages=messages)
        for (
            caller,
            callee,
            is_request,
            is_message,
            ids,
            nanos,
            errors,
            *counted,
        ) in await database.rows(sql):
            ties = (callee, bool(is_request), bool(is_message))
            if caller:
                calls[Call(caller, *ties)].add(*counted)
                continue
            for id_, *values in zip(ids, nanos, errors, strict=True):
                missing.append(_Orphan((id_[:16], id_[16:]), *ties, counted[0], *values))
        await _count_fetched(reader, missing[:_MAX_FETCHED], calls)
    return dict(calls)


async def find_stretches(database: Database, window: Window) -> list[tuple[int, int]]:
    """First and last minute of stretches with a bounded number of spans each."""
    rows = await database.rows(
        f"SELECT intDiv(place, {PLACES_IN_MINUTE}) AS minute, count()"
        f" FROM {database.table('spans')}"
        f" WHERE {in_minutes(minute_of(window.start), minute_of(window.end))}"
        " GROUP BY minute ORDER BY minute"
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


def _join(database: Database, first: int, last: int, window: Window, *, messages: bool) -> str:
    """SQL: calls by services and what else they share; no caller where it wasn't found."""
    spans = database.table("spans")
    called = _children(spans, first, last, window)
    if messages:
        called += f" UNION ALL {_receivers(spans, first, last, window)}"
    orphans = ", ".join(
        f"groupArrayIf({_MAX_FETCHED})({value}, caller = '')"
        for value in ("concat(called.trace_id, called.caller_id)", DURATION, IS_ERROR)
    )
    return f"""SELECT callers.service AS caller, called.service AS callee, is_request, is_message,
 {orphans}, {COUNTED}
FROM ({called}) AS called
ANY LEFT JOIN (SELECT trace_id, span_id, toString(service) AS service FROM {spans}
 WHERE {in_minutes(max(first - LOOK_BACK_MINUTES, 0), last)}) AS callers
ON called.trace_id = callers.trace_id AND called.caller_id = callers.span_id
GROUP BY caller, callee, is_request, is_message, class"""


def _children(spans: str, first: int, last: int, window: Window) -> str:
    """SQL: spans with a parent, under the trace and span id of who called them."""
    return f"""SELECT trace_id, parent_span_id AS caller_id, {IS_REQUEST} AS is_request,
 0 AS is_message, toString(service) AS service, status_code, duration_nano FROM {spans}
WHERE {in_minutes(first, last)} AND {window.starts} AND NOT {HAS_NO_PARENT}"""


def _receivers(spans: str, first: int, last: int, window: Window) -> str:
    """SQL: consumers' spans, once for each link to another trace, under the linked ids."""
    return f"""SELECT toFixedString(substring(link, 1, 16), 16) AS trace_id,
 toFixedString(substring(link, {_SPAN_ID_IN_LINK}, 8), 8) AS caller_id, 1 AS is_request,
 1 AS is_message, toString(service) AS service, status_code, duration_nano
FROM (SELECT trace_id AS own_trace_id, service, status_code, duration_nano,
 arrayJoin(extractAll(rest, '{_LINK}')) AS link
 FROM {spans} PREWHERE {in_minutes(first, last)} AND {window.starts}
 AND kind = {KINDS.index("consumer")} WHERE position(rest, '{_LINK_STARTS}') > 0)
WHERE trace_id != own_trace_id"""


async def _count_fetched(
    reader: Reader, missing: list[_Orphan], calls: dict[Call, SpanStatistics]
) -> None:
    if not missing:
        return
    services = await reader.services_of_spans({orphan.caller[0] for orphan in missing})
    for caller, callee, is_request, is_message, number, nanos, errors in missing:
        service = services.get(caller)
        if service is not None:
            call = Call(service, callee, is_request, is_message)
            calls[call].add(number, 1, errors, nanos, nanos, nanos)
