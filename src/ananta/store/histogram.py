"""Spans counted by time and duration, in one statement that reads each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ananta.store.search import IS_ERROR

if TYPE_CHECKING:
    from ananta.store.connection import Database
    from ananta.store.reader import Reader
    from ananta.store.search import TraceFilter

_LONGEST = 2**63
_LOWEST = 1

DURATION_BOUNDS = (
    0,
    *(
        digit * 10**power
        for power in range(3, 19)
        for digit in (1, 2, 3, 5)
        if digit * 10**power < _LONGEST
    ),
)
"""Lower bounds of the buckets of duration, in nanoseconds: four a decade, from a microsecond on."""


class Cell(NamedTuple):
    """Spans of one bucket of time and one of duration.

    Attributes:
        time: number of the bucket of time, from 0.
        duration: lower bound of the bucket of duration, one of `DURATION_BOUNDS`.
    """

    time: int
    duration: int
    spans: int
    errors: int


class SpanCounts(NamedTuple):
    """All cells that have spans, and the number of traces these are of."""

    cells: list[Cell]
    traces: int


async def count_cells(
    reader: Reader, database: Database, query: TraceFilter, begin: int, step: int
) -> SpanCounts:
    """Count the spans that match.

    Args:
        reader: knows where they are.
        database: where they are.
        query: which spans.
        begin: when the first bucket of time begins, Unix nanoseconds; not after the window does.
        step: how long each is, nanoseconds.
    """
    where = await reader.where_spans_match(query)
    if where is None:
        return SpanCounts([], 0)
    # No bucket is called 0 here: that is what a rollup writes into its sums.
    bounds = ", ".join(map(str, (_LOWEST, *DURATION_BOUNDS[1:])))
    rows = await database.rows(
        f"SELECT intDiv(start_time_unix_nano - {begin}, {step}) + 1 AS time,"
        f" roundDown(toUInt64(greatest(duration_nano, {_LOWEST})), [{bounds}]) AS duration,"
        f" count(), countIf{IS_ERROR}, uniq(trace_id)"
        f" FROM {database.table('spans')} {where} GROUP BY ROLLUP(time, duration)"
    )
    cells = [
        Cell(time - 1, 0 if duration == _LOWEST else duration, spans, errors)
        for time, duration, spans, errors, _ in rows
        if time and duration
    ]
    return SpanCounts(cells, max((traces for *_, traces in rows), default=0))
