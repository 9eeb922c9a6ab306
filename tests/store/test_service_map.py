"""Who calls whom: calls and messages between services, with the called spans' statistics."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ananta.model import SpanBatch
from ananta.model.filter import Comparison
from ananta.query import TraceQuery
from ananta.store import backends, dependencies
from tests.store.test_service_metrics import (
    END,
    HOUR,
    MINUTE,
    SECOND,
    WINDOWS,
    asked,
    assert_same,
    both,
)
from tests.unit.api.otlp_spans import (
    CLIENT,
    CONSUMER,
    ERROR,
    INTERNAL,
    MILLISECOND,
    PRODUCER,
    SERVER,
    START,
    link,
    of,
    request,
    span,
)
from tests.unit.query.memory_reader import MemoryReader

if TYPE_CHECKING:
    import pytest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from ananta.query.answers import MapEdge
    from tests.store.conftest import Store

__all__ = ["both"]


async def edges_of(store: Store, service: str = "") -> list[tuple[str, str, int, int, int]]:
    answer = await asked(store).service_map(START, END, service)
    return [(e.caller, e.callee, e.calls, e.messages, e.errors) for e in answer.edges]


async def map_edges(store: Store) -> list[MapEdge]:
    return (await asked(store).service_map(START, END)).edges


async def test_calls_and_messages_are_those_of_the_model(both: tuple[Store, MemoryReader]) -> None:
    store, model = both
    messages = 0
    for window in WINDOWS:
        found, expected = (
            {(one.caller, one.callee, one.is_request, one.is_message): one.calls for one in calls}
            for calls in (
                await store.reader.call_statistics(*window),
                await model.call_statistics(*window),
            )
        )
        assert found.keys() == expected.keys()
        for call, statistics in found.items():
            assert_same(statistics, expected[call])
            messages += call[3] * statistics.spans
    assert messages > 50


async def test_the_map_has_edges_with_the_called_spans_statistics(store: Store) -> None:
    await store.write(
        request(
            of("front", span(1, kind=SERVER), span(2, parent=1, kind=CLIENT)),
            of(
                "größe",
                span(3, parent=2, kind=SERVER, duration=5_000_001, status=ERROR),
                span(4, parent=2, kind=SERVER, duration=7_000_001),
                span(5, parent=4, kind=INTERNAL),
            ),
            of("alone", span(6, trace_id=6)),
        )
    )
    answer = await asked(store).service_map(START, END)
    assert [edge.model_dump() for edge in answer.edges] == [
        {
            "caller": "front",
            "callee": "größe",
            "calls": 2,
            "messages": 0,
            "errors": 1,
            "p50_nanos": 5_000_001,
            "p95_nanos": 7_000_001,
        }
    ]
    assert [(node.service, node.spans, node.requests, node.kind) for node in answer.nodes] == [
        ("alone", 1, 1, "service"),
        ("front", 2, 1, "service"),
        ("größe", 3, 2, "service"),
    ]


async def test_a_service_calls_itself_only_by_requests(store: Store) -> None:
    await store.write(
        request(
            of(
                "shop",
                span(1, kind=SERVER),
                span(2, parent=1, kind=CLIENT),
                span(3, parent=2, kind=SERVER),
                span(4, parent=3, kind=INTERNAL),
            )
        )
    )
    assert await edges_of(store) == [("shop", "shop", 1, 0, 0)]
    assert await asked(store).dependencies(START, END) == [("shop", "shop", 3)]


async def test_the_map_of_a_service_is_who_it_deals_with(store: Store) -> None:
    await store.write(
        request(
            of("a", span(1, kind=CLIENT)),
            of("b", span(2, parent=1, kind=SERVER)),
            of("c", span(3, parent=2, kind=SERVER)),
            of("d", span(4, parent=3, kind=SERVER)),
            of("alone", span(5, trace_id=5)),
        )
    )
    answer = await asked(store).service_map(START, END, "b")
    assert [node.service for node in answer.nodes] == ["a", "b", "c"]
    assert [(edge.caller, edge.callee) for edge in answer.edges] == [("a", "b"), ("b", "c")]
    alone = await asked(store).service_map(START, END, "alone")
    assert ([node.service for node in alone.nodes], alone.edges) == (["alone"], [])


async def test_a_caller_from_before_the_window_is_found_and_on_the_map(store: Store) -> None:
    early = START - 5 * HOUR
    await store.write(
        request(
            of("scheduler", span(1, kind=PRODUCER, start=early, duration=6 * HOUR)),
            of("worker", span(2, parent=1, kind=CONSUMER, duration=123_456_789, status=ERROR)),
            of("worker", span(3, parent=1, kind=CONSUMER, duration=123_456_700)),
        )
    )
    answer = await asked(store).service_map(START, END)
    assert [(node.service, node.spans) for node in answer.nodes] == [
        ("scheduler", 0),
        ("worker", 2),
    ]
    (edge,) = answer.edges
    assert (edge.calls, edge.errors, edge.p50_nanos, edge.p95_nanos) == (
        2,
        1,
        123_456_700,
        123_456_789,
    )


async def test_a_receiver_that_links_to_its_sender_is_an_edge_of_messages(store: Store) -> None:
    sent = [
        span(n, "send", trace_id=0x5E00 + n, kind=PRODUCER, start=START - n * HOUR)
        for n in range(3)
        if n
    ]
    batch = span(
        9,
        "process",
        trace_id=0xCC,
        kind=CONSUMER,
        duration=55,
        status=ERROR,
        links=[link(0x5E01, 1), link(0x5E02, 2, {"a": "b"}), link(0x5E03, 3), link(0xCC, 8)],
    )
    internal = span(10, trace_id=0xCD, kind=INTERNAL, links=[link(0x5E01, 1)])
    await store.write(
        request(of("sender", *sent), of("receiver", batch, internal, span(8, trace_id=0xCC)))
    )
    (edge,) = await map_edges(store)
    assert (edge.caller, edge.callee, edge.calls, edge.messages, edge.errors, edge.p95_nanos) == (
        "sender",
        "receiver",
        2,
        2,
        2,
        55,
    )
    assert await asked(store).dependencies(START, END) == []


async def test_what_sends_no_spans_is_known_by_its_clients(store: Store) -> None:
    def client(number: int, attributes: dict[str, str], **fields: Any) -> Span:
        return span(number, kind=CLIENT, attributes=attributes, **({"parent": 1} | fields))

    postgres = {"db.system.name": "postgresql", "server.address": "db.größe.example"}
    await store.write(
        request(
            of(
                "shop",
                span(1, kind=SERVER, attributes={"server.address": "shop.example"}),
                client(2, postgres, duration=77),
                client(3, postgres, duration=99, status=ERROR),
                client(4, {"db.system": "redis"}),
                client(5, {"server.address": "api.example", "http.request.method": "GET"}),
                client(6, {"server.address": "mail.svc", "peer.service": "mail"}),
                client(7, {"server.address": "cart.svc"}),
                client(8, {"server.address": "cart.svc"}, status=ERROR),
                client(9, {"net.peer.name": "cart"}),
                client(10, {"server": "address", "text": "server.address\0x"}),
            ),
            of("cart", span(11, parent=7, kind=SERVER), client(12, postgres, parent=11, start=END)),
            of("other", client(13, {"server.address": "later.example"}, parent=0, start=END + 1)),
        )
    )
    answer = await asked(store).service_map(START, END)
    nodes = {node.service: (node.kind, node.requests, node.errors) for node in answer.nodes}
    assert nodes == {
        "cart": ("service", 1, 0),
        "shop": ("service", 1, 0),
        "db.größe.example": ("database", 3, 1),
        "redis": ("database", 1, 0),
        "api.example": ("external", 1, 0),
        "mail": ("external", 1, 0),
    }
    edges = {(e.caller, e.callee): (e.calls, e.errors, e.p50_nanos) for e in answer.edges}
    assert edges == {
        ("cart", "db.größe.example"): (1, 0, MILLISECOND),
        ("shop", "api.example"): (1, 0, MILLISECOND),
        ("shop", "cart"): (1, 0, MILLISECOND),
        ("shop", "db.größe.example"): (2, 1, 77),
        ("shop", "mail"): (1, 0, MILLISECOND),
        ("shop", "redis"): (1, 0, MILLISECOND),
    }
    of_cart = await asked(store).service_map(START, END, "cart")
    assert [node.service for node in of_cart.nodes] == ["cart", "shop", "db.größe.example"]
    assert of_cart.nodes[2].requests == 1


async def test_no_more_addresses_are_told_than_a_map_can_show(store: Store) -> None:
    spans = [
        span(n, kind=CLIENT, attributes={"server.address": f"host-{n % 60}"}) for n in range(1, 171)
    ]
    await store.write(request(of("shop", *spans)))
    answer = await asked(store).service_map(START, END)
    assert len(answer.nodes) == 51
    assert len(answer.edges) == 50
    assert min(edge.calls for edge in answer.edges) == 3


async def test_addresses_without_end_are_not_all_remembered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "_MAX_REMEMBERED", 2)
    monkeypatch.setattr(dependencies, "_SPANS_AT_ONCE", 6)
    for minute in range(3):
        hosts = ["often", "often", "at times", f"once-{minute}", "often", "at times"]
        spans = [
            span(
                minute * 10 + n,
                kind=CLIENT,
                start=START + minute * MINUTE,
                attributes={"server.address": host},
            )
            for n, host in enumerate(hosts, 1)
        ]
        await store.write(request(of("shop", *spans)))
    found = await store.reader.backend_statistics(START, END)
    assert {one.name: one.calls.spans for one in found} == {"often": 9, "at times": 6}


async def test_backends_are_those_of_the_model(store: Store) -> None:
    generator = random.Random(3)
    keys = ("db.system", "db.system.name", "server.address", "peer.service", "net.peer.name", "x")
    model = MemoryReader()
    for number in range(60):
        ids = [number * 100 + place for place in range(1, 9)]
        spans = [
            span(
                span_id,
                trace_id=number + 1,
                parent=generator.choice([0, *ids]),
                start=START + generator.randrange(6) * MINUTE,
                kind=generator.choice([CLIENT, CLIENT, SERVER, CONSUMER]),
                duration=generator.randrange(SECOND),
                status=generator.randrange(3),
                attributes={
                    key: generator.choice(["", 5, *(f"name {n}" for n in range(30))])
                    for key in generator.sample(keys, generator.randrange(4))
                },
            )
            for span_id in ids
        ]
        model.add(SpanBatch.from_otlp(request(of(f"service {number % 3}", *spans))))
    await store.writer.write(SpanBatch.concat(model.batches))
    for window in ((START, END), (START + MINUTE, START + 3 * MINUTE)):
        found, expected = (
            {(one.caller, one.name, one.is_database): one.calls for one in answers}
            for answers in (
                await store.reader.backend_statistics(*window),
                await model.backend_statistics(*window),
            )
        )
        assert found.keys() == expected.keys()
        assert len(found) > 5
        for call, statistics in found.items():
            assert_same(statistics, expected[call])
        for caller, name in {(caller, name) for caller, name, _ in found}:
            peer = Comparison("field", "peer", "=", name)
            counted = await asked(store).histogram(
                TraceQuery(*window, service=caller, where=peer), buckets=5
            )
            called = [one for (*ends, _), one in found.items() if ends == [caller, name]]
            assert counted.total_spans == sum(one.spans for one in called)
            assert sum(map(sum, counted.errors)) == sum(one.errors for one in called)
