"""Where a search looks, and the SQL on `spans` it asks there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ananta.model.filter import STATUSES
from ananta.store.conditions import Clause, filter_clauses

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ananta.model.filter import Filter
    from ananta.store.conditions import Origin
    from ananta.store.connection import Database

_MINUTE_NANOS = 60_000_000_000
PLACES_IN_MINUTE = 1 << 16

_HAS_PARENT = 4
HAS_NO_PARENT = f"(bitAnd(presence, {_HAS_PARENT}) = 0 OR parent_span_id = toFixedString('', 8))"
"""SQL: a row of `spans` is a root."""
IS_ERROR = f"(status_code = {STATUSES.index('error')})"
"""SQL: the status of a row of `spans` is error."""
SPAN_IDS = "concat(trace_id, span_id)"
"""SQL: a row of `spans` as `SpanReference.of` takes it."""

# More places than this are searched as one stretch of time.
_MAX_PLACES_LISTED = 1000

Place = tuple[int, int]
"""First and last number of `place` in `spans`: a minute, or what begins alike of its trace ids."""


class TraceFilter(Protocol):
    """What spans are searched for."""

    @property
    def filter(self) -> Filter:
        """What must hold for one span."""

    @property
    def start_time_min_unix_nano(self) -> int:
        """First start, inclusive."""

    @property
    def start_time_max_unix_nano(self) -> int:
        """Last start, inclusive."""


class SpansOf(NamedTuple):
    """Spans that meet a filter and start between two Unix nanoseconds, both inclusive."""

    filter: Filter
    start_time_min_unix_nano: int = 0
    start_time_max_unix_nano: int = 2**63 - 1


def clauses(query: TraceFilter, database: Database) -> list[Clause]:
    """The parts of a query, all of which must hold for one span."""
    first, last = query.start_time_min_unix_nano, query.start_time_max_unix_nano
    in_time = Clause(
        f"start_time_unix_nano BETWEEN {max(first, 0)} AND {max(last, 0)}",
        minutes=(minute_of(first), minute_of(last)),
    )
    return [in_time, *filter_clauses(query.filter, database)]


def filter_spans(
    places: Sequence[Place],
    clauses: Sequence[Clause],
    origins: Collection[Origin],
    database: Database,
) -> str:
    """The end of a statement on `spans`: those in `places` that meet all clauses.

    `origins` are those of the clauses that may exist; spans are only tested for these.
    """
    early, late = [_in_places(places)], []
    for clause in clauses:
        if _always_holds(clause, places):
            continue
        table = database.table("origins")
        found = [origin.condition(table) for origin in clause.origins if origin in origins]
        condition = " OR ".join([clause.condition, *found])
        if clause.hint and not found:
            early.append(f"({clause.hint})")
            late.append(f"({condition})")
        else:
            early.append(f"({condition})")
    return f"PREWHERE {' AND '.join(early)}" + (f" WHERE {' AND '.join(late)}" if late else "")


def _always_holds(clause: Clause, places: Sequence[Place]) -> bool:
    """Whether all spans in these places meet a clause."""
    first, last = clause.minutes
    return all(first < minute_of_place(place) < last for place, _ in places)


def start_of_minute(minute: int) -> int:
    """When a minute since 1970 begins, Unix nanoseconds."""
    return minute * _MINUTE_NANOS


def minute_of(time_unix_nano: int) -> int:
    """The minute a time lies in, since 1970; times before are in the first."""
    return max(time_unix_nano, 0) // _MINUTE_NANOS


def minute_of_place(place: int) -> int:
    """The minute of a number of `place`, or of a place in `postings`."""
    return place // PLACES_IN_MINUTE


def place_of(minute: int, trace_id: bytes) -> int:
    """Where the spans of a trace that start in a minute are."""
    return minute * PLACES_IN_MINUTE + int.from_bytes(trace_id[:2], "big")


def in_minutes(first: int, last: int) -> str:
    """SQL: a row of `spans` starts in these minutes, both inclusive."""
    return f"place BETWEEN {first * PLACES_IN_MINUTE} AND {(last + 1) * PLACES_IN_MINUTE - 1}"


def _in_places(places: Sequence[Place]) -> str:
    """SQL: a row of `spans` lies in one of these places, which the index finds.

    Of very many places it is the stretch of time they lie in.
    """
    if len(places) > _MAX_PLACES_LISTED:
        minutes = [minute_of_place(first) for first, _ in places]
        return in_minutes(min(minutes), max(minutes))
    of_width: dict[int, list[str]] = {}
    for first, last in places:
        width = last - first + 1
        of_width.setdefault(width, []).append(str(first // width))
    conditions = (
        f"intDiv(place, {width}) IN ({', '.join(numbers)})" for width, numbers in of_width.items()
    )
    return f"({' OR '.join(conditions)})"
