"""Spans counted by time and duration on a real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.query import TraceQuery
from ananta.store.histogram import DURATION_BOUNDS, SpanCounts
from tests.unit.api.otlp_spans import ERROR, MILLISECOND, START, of, request, span

if TYPE_CHECKING:
    from tests.store.conftest import Store

SECOND = 1000 * MILLISECOND
ALWAYS = TraceQuery(0, 2**63 - 1)


def test_bounds_are_round_and_ascending() -> None:
    assert DURATION_BOUNDS[:6] == (0, 1_000, 2_000, 3_000, 5_000, 10_000)
    assert list(DURATION_BOUNDS) == sorted(set(DURATION_BOUNDS))
    assert DURATION_BOUNDS[-1] < 2**63 <= 2 * DURATION_BOUNDS[-1]


async def test_each_span_is_in_one_cell(store: Store) -> None:
    begin = START - SECOND
    await store.write(
        request(
            of(
                "front",
                span(1, trace_id=1, duration=3 * MILLISECOND),
                span(2, trace_id=1, duration=5 * MILLISECOND - 1, status=ERROR),
                span(3, trace_id=1, duration=5 * MILLISECOND),
                span(4, trace_id=2, start=START - 1, duration=0),
                span(5, trace_id=2, start=START - SECOND, duration=-SECOND),
                span(6, trace_id=3, start=START + SECOND, duration=2**63 - 1 - START),
            )
        )
    )
    counts = await store.reader.count_cells(ALWAYS, begin, SECOND)
    longest = max(bound for bound in DURATION_BOUNDS if bound <= 2**63 - 1 - START)
    assert sorted(counts.cells) == [
        (0, 0, 2, 0),
        (1, 3 * MILLISECOND, 2, 1),
        (1, 5 * MILLISECOND, 1, 0),
        (2, longest, 1, 0),
    ]
    assert counts.traces == 3


async def test_every_bound_begins_its_bucket(store: Store) -> None:
    spans = [
        span(number * 2 + below, trace_id=1, duration=bound - below)
        for number, bound in enumerate(DURATION_BOUNDS)
        for below in (0, 1)
        if 1000 <= bound < 10**18
    ]
    await store.write(request(of("front", *spans)))
    counts = await store.reader.count_cells(ALWAYS, START, SECOND)
    bounds = [bound for bound in DURATION_BOUNDS if bound < 10**18]
    expected = dict.fromkeys(bounds, 2) | {0: 1, bounds[-1]: 1}
    assert {cell.duration: cell.spans for cell in counts.cells} == expected


async def test_nothing_that_matches_is_no_cells(store: Store) -> None:
    assert await store.reader.count_cells(ALWAYS, 0, SECOND) == SpanCounts([], 0)
    await store.write(request(of("front", span(1))))
    never = TraceQuery(START + 1, START + 2)
    assert await store.reader.count_cells(never, START, SECOND) == SpanCounts([], 0)
