"""Lists of whole traces on a real engine: sums, orders and what a list must not get wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ananta.query import TraceQuery, parse_filter
from ananta.store.summaries import MAX_ROOT_OPERATIONS, RootCount, Summary
from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    MILLISECOND,
    SERVER,
    START,
    of,
    raw_trace_id,
    request,
    span,
)

if TYPE_CHECKING:
    from ananta.store.summaries import Order
    from tests.store.conftest import Store

SECOND = 1000 * MILLISECOND
MINUTE = 60 * SECOND
ALWAYS = TraceQuery(0, 2**63 - 1)


async def summary(store: Store, trace_id: int) -> Summary:
    (one,) = await store.reader.summarize_traces([raw_trace_id(trace_id)])
    return one


async def found(store: Store, order: Order, query: TraceQuery = ALWAYS, limit: int = 100) -> str:
    ids = await store.reader.find_traces(query, order, limit)
    return " ".join(str(int.from_bytes(trace_id, "big")) for trace_id in ids)


async def test_a_line_sums_up_the_whole_trace(store: Store) -> None:
    await store.write(
        request(
            of("front", span(1, "GET /", trace_id=9, duration=5 * SECOND, kind=SERVER)),
            of("cart", span(2, "add", trace_id=9, parent=1, start=START + SECOND, status=ERROR)),
        )
    )
    late = span(3, "tidy", trace_id=9, parent=2, start=START + 20 * MINUTE, duration=SECOND)
    await store.write(request(of("cart", late)))
    services = [("cart", 2, 1), ("front", 1, 0)]
    assert await summary(store, 9) == Summary(
        raw_trace_id(9), ("front", "GET /"), START, 20 * MINUTE + SECOND, services
    )


async def test_a_span_delivered_twice_counts_once(store: Store) -> None:
    twice = request(of("front", span(1, trace_id=1, status=ERROR), span(2, trace_id=1, parent=1)))
    await store.write(twice, token="first")
    await store.write(twice, token="second")
    assert await store.count() == 4
    assert (await summary(store, 1)).services == [("front", 2, 1)]
    three = request(of("front", *(span(n, trace_id=2) for n in (1, 2, 3)), span(4, trace_id=3)))
    await store.write(three)
    assert await found(store, "spans") == "2 1 3"
    (roots,) = await store.reader.count_roots(ALWAYS)
    assert (roots.traces, roots.errors) == (3, 1)


async def test_a_server_that_shares_its_clients_id_counts_beside_it(store: Store) -> None:
    client, server = span(1, trace_id=1, kind=CLIENT), span(1, trace_id=1, kind=SERVER)
    await store.write(request(of("front", client), of("cart", server)))
    assert (await summary(store, 1)).services == [("cart", 1, 0), ("front", 1, 0)]


async def test_the_root_is_the_earliest_span_without_a_parent(store: Store) -> None:
    await store.write(
        request(
            of("late", span(1, "b", trace_id=1, start=START + 1)),
            of("early", span(2, "a", trace_id=1), span(3, "c", trace_id=1, parent=1, start=1)),
            of("orphan", span(4, "d", trace_id=2, parent=99)),
        )
    )
    assert (await summary(store, 1)).root == ("early", "a")
    assert (await summary(store, 2)).root is None


async def test_an_end_before_the_start_is_no_duration(store: Store) -> None:
    await store.write(request(of("front", span(1, trace_id=1, duration=-SECOND))))
    assert (await summary(store, 1)).duration_nano == 0
    assert await found(store, "longest") == "1"


async def test_lines_come_in_the_order_asked_for_and_unknown_ones_not_at_all(store: Store) -> None:
    await store.write(request(of("front", *(span(n, trace_id=n) for n in range(1, 451)))))
    ids = [raw_trace_id(n) for n in (999, *range(450, 0, -1))]
    assert [one.trace_id for one in await store.reader.summarize_traces(ids)] == ids[1:]
    assert await store.reader.summarize_traces([]) == []


@pytest.fixture
async def four(store: Store) -> Store:
    """Traces that differ in what they are ordered by; all have a span `step` of service front."""
    traces = {1: (9, 1, 0), 2: (1, 2, 2), 3: (5, 3, 1), 4: (5, 1, 1)}
    for trace_id, (seconds, count, errors) in traces.items():
        root = span(100, "step", trace_id=trace_id, start=START + trace_id, duration=SECOND)
        last = [
            span(
                number,
                "last",
                trace_id=trace_id,
                parent=100,
                start=START + trace_id,
                duration=seconds * SECOND,
                status=ERROR if number <= errors else 0,
            )
            for number in range(1, count + 1)
        ]
        await store.write(request(of("front", root), of("back", *last)))
    return store


@pytest.mark.parametrize(
    ("order", "expected"),
    [("newest", "4 3 2 1"), ("longest", "1 4 3 2"), ("errors", "2 4 3 1"), ("spans", "3 2 4 1")],
)
async def test_orders_are_of_whole_traces_and_ties_go_to_the_newest(
    four: Store, order: Order, expected: str
) -> None:
    query = TraceQuery(0, 2**63 - 1, service="front", operation="step")
    assert await found(four, order, query) == expected
    assert await found(four, order, query, limit=2) == expected[:3]


async def test_orders_are_of_traces_that_match_alone(four: Store) -> None:
    query = TraceQuery(0, 2**63 - 1, where=parse_filter("error"))
    assert await found(four, "longest", query) == "4 3 2"
    assert await found(four, "longest", TraceQuery(0, START)) == ""
    assert await found(four, "spans", TraceQuery(START + 1, START + 2)) == "2 1"


async def test_what_lies_around_the_window_counts_for_the_rank(store: Store) -> None:
    await store.write(
        request(
            of("front", span(1, trace_id=1), span(2, trace_id=1, start=START + 5 * MINUTE)),
            of("front", span(1, trace_id=2, start=START + 1, duration=MINUTE)),
        )
    )
    assert await found(store, "longest", TraceQuery(START, START + SECOND)) == "1 2"


@pytest.mark.parametrize("order", ["newest", "longest", "errors", "spans"])
async def test_ties_have_one_order_whatever_the_page(store: Store, order: Order) -> None:
    await store.write(request(of("front", *(span(1, trace_id=n) for n in range(1, 30)))))
    expected = " ".join(str(n) for n in range(1, 30))
    for limit in (29, 13, 1):
        assert await found(store, order, limit=limit) == " ".join(expected.split()[:limit])


async def test_roots_are_counted_with_the_durations_of_their_traces(store: Store) -> None:
    for number in range(1, 21):
        root = span(1, "GET /", trace_id=number, duration=MILLISECOND)
        status = ERROR if number > 15 else 0
        child = span(2, trace_id=number, parent=1, duration=number * SECOND, status=status)
        await store.write(request(of("front", root), of("back", child)))
    await store.write(request(of("back", span(2, trace_id=21, parent=1, duration=7))))
    whole = RootCount(
        "front", "GET /", 20, 5, 11 * SECOND, 20 * SECOND, 20 * SECOND, raw_trace_id(20)
    )
    rootless = RootCount("", "", 1, 0, 7, 7, 7, raw_trace_id(21))
    assert await store.reader.count_roots(ALWAYS) == [whole, rootless]
    failed = TraceQuery(0, 2**63 - 1, where=parse_filter("error duration<17s"))
    (one,) = await store.reader.count_roots(failed)
    assert (one.operation, one.traces, one.errors) == ("GET /", 1, 1)
    assert await store.reader.count_roots(TraceQuery(0, 1)) == []


async def test_root_operations_are_bounded(store: Store) -> None:
    many = MAX_ROOT_OPERATIONS + 5
    spans = [span(1, f"operation {n}", trace_id=n) for n in range(1, many + 1)]
    await store.write(request(of("front", *spans)))
    assert len(await store.reader.count_roots(ALWAYS)) == MAX_ROOT_OPERATIONS
