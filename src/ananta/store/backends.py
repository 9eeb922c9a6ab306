"""What services lean on that sends no spans: databases, and systems of others.

They are known by the spans of their clients alone. A client's span tells of one when it names a
database or an address, and when no span at that address has answered any client in the window:
else it is a service whose spans are missing here and there, or are still on their way.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import nlargest
from typing import TYPE_CHECKING, NamedTuple

from ananta.model.filter import DATABASE_KEYS, KINDS
from ananta.model.statistics import SpanStatistics
from ananta.store.conditions import field_text, first_text
from ananta.store.dependencies import LOOK_BACK_MINUTES, find_stretches
from ananta.store.search import HAS_NO_PARENT, in_minutes
from ananta.store.service_metrics import COUNTED, IS_REQUEST

if TYPE_CHECKING:
    from ananta.store.connection import Database
    from ananta.store.service_metrics import Window

# Pairs of caller and called kept from one stretch of time to the next, those with the most calls:
# addresses may be as many as there are customers.
_MAX_REMEMBERED = 10_000
_CLIENT = KINDS.index("client")


class Backend(NamedTuple):
    """Something called: its name, and whether it is a database."""

    name: bytes
    is_database: bool


async def count_backends(
    database: Database, window: Window
) -> dict[tuple[bytes, Backend], SpanStatistics]:
    """Calls by clients' spans that start in a window, by calling service and what is called.

    The name is the `peer` that searches know: `peer.service`, else the address without its port,
    else the database's system.

    Args:
        database: where the spans are.
        window: first and last start of the clients' spans.
    """
    calls: defaultdict[tuple[bytes, Backend], SpanStatistics] = defaultdict(SpanStatistics)
    answered: set[bytes] = set()
    for first, last in await find_stretches(database, window):
        for service, name, is_database, is_answered, *counted in await database.rows(
            _clients(database, first, last, window)
        ):
            if is_answered:
                answered.add(name)
            else:
                calls[service, Backend(name, bool(is_database))].add(*counted)
        if len(calls) > _MAX_REMEMBERED:
            most = nlargest(_MAX_REMEMBERED, calls.items(), key=lambda call: call[1].spans)
            calls = defaultdict(SpanStatistics, most)
    return {call: counted for call, counted in calls.items() if call[1].name not in answered}


def _clients(database: Database, first: int, last: int, window: Window) -> str:
    """SQL: clients' spans by service and what they called, and whether a span answered them."""
    spans = database.table("spans")
    is_database = f"{first_text(*DATABASE_KEYS)} != ''"
    # Where clocks disagree, an answer begins before its question.
    around = in_minutes(max(first - LOOK_BACK_MINUTES, 0), last + LOOK_BACK_MINUTES)
    answers = f"{around} AND {IS_REQUEST} AND NOT {HAS_NO_PARENT}"
    return f"""SELECT service, {field_text("peer")} AS called, {is_database} AS is_database,
 (trace_id, span_id) GLOBAL IN
 (SELECT trace_id, parent_span_id FROM {spans} PREWHERE {answers}) AS is_answered, {COUNTED}
FROM {spans} PREWHERE {in_minutes(first, last)} AND {window.starts} AND kind = {_CLIENT}
WHERE called != '' GROUP BY service, called, is_database, is_answered, class"""
