"""The exceptions of a service: what is counted, what is alike, and texts of every length."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ananta.model import SpanBatch
from ananta.query import QueryService
from ananta.store import exceptions
from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    SERVER,
    START,
    event,
    link,
    of,
    request,
    span,
)
from tests.unit.query.memory_reader import MemoryReader

if TYPE_CHECKING:
    import pytest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from ananta.query.answers import ExceptionOverview
    from tests.store.conftest import Store

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
END = START + 60 * MINUTE
WINDOW = (START, END)
STACK = 'Traceback (most recent call last):\n  File "shop.py", line 7, in buy\n' * 40


async def flushed() -> None:
    """Nothing is pending: spans are written to the store itself."""


async def exceptions_of(
    store: Store, operation: str = "", kind: str = "", window: tuple[int, int] = WINDOW
) -> list[ExceptionOverview]:
    service = QueryService(lambda: store.reader, flushed)
    return (await service.service_exceptions("shop", operation, kind, *window)).exceptions


def raised(type_: Any = None, message: Any = None, **others: Any) -> Span.Event:
    """The event that records an exception; what is None is not told."""
    told = {"exception.type": type_, "exception.message": message, **others}
    told = {key: value for key, value in told.items() if value is not None}
    return event("exception", START, **told)


def spans_of(*of_spans: list[Span.Event], **fields: Any) -> list[Span]:
    """A span for each list of events, a second after each other, each in a trace of its own."""
    return [
        span(n, trace_id=n, start=START + n * SECOND, events=events, status=ERROR, **fields)
        for n, events in enumerate(of_spans, 1)
    ]


async def test_exceptions_are_told_apart_by_type_and_message(store: Store) -> None:
    closed = raised("ShopClosed", "come back later", **{"exception.stacktrace": STACK})
    spans = spans_of(
        [closed],
        [event("retry", START, attempt="2"), closed, event("give up", START)],
        [raised("ShopClosed", "gone for good")],
        [raised("Sold.Out", "come back later")],
        [event("closing"), event("exceptions", START, **{"exception.type": "ShopClosed"})],
    )
    other = span(9, trace_id=9, events=[raised("ShopClosed", "come back later")])
    await store.write(request(of("shop", *spans), of("elsewhere", other)))
    found = await exceptions_of(store)
    assert [(one.type, one.message, one.spans) for one in found] == [
        ("ShopClosed", "come back later", 2),
        ("Sold.Out", "come back later", 1),
        ("ShopClosed", "gone for good", 1),
    ]
    assert found[0].model_dump(include={"messages", "last_micros", "trace_id", "span_id"}) == {
        "messages": 1,
        "last_micros": (START + 2 * SECOND) // 1000,
        "trace_id": f"{2:032x}",
        "span_id": f"{2:016x}",
    }


async def test_messages_that_differ_in_numbers_are_one(store: Store) -> None:
    messages = ("no order 17 in 10.0.0.1", "no order 4 in 10.0.0.2", "no order 17 in 10.0.0.1")
    cases = [[raised("NotFound", text)] for text in messages]
    unique = [[raised("Lost", f"span {n:08x}-1f of {n}")] for n in range(50)]
    words = [[raised("Bad", "a bad face")], [raised("Bad", "a dead cafe")]]
    await store.write(request(of("shop", *spans_of(*cases, *unique, *words))))
    found = await exceptions_of(store)
    assert [(one.message, one.messages, one.spans) for one in found] == [
        ("span 00000031-1f of 49", 50, 50),
        ("no order 17 in 10.0.0.1", 2, 3),
        ("a dead cafe", 1, 1),
        ("a bad face", 1, 1),
    ]


async def test_texts_of_any_length_are_told_and_long_ones_cut(store: Store) -> None:
    lengths = (1, 126, 127, 128, 129, 999, 1000, 1001, 16_383, 16_384, 2_097_151, 2_097_153)
    stack = {"exception.stacktrace": STACK}
    exceptions = [[raised("T" * length, "m" * length, **stack)] for length in lengths]
    await store.write(request(of("shop", *spans_of(*exceptions))))
    found = {(len(one.type), len(one.message)): one for one in await exceptions_of(store)}
    assert found.keys() == {(min(length, 1000), min(length, 1000)) for length in lengths}
    assert all(one.type.strip("T") == one.message.strip("m") == "" for one in found.values())


async def test_what_an_exception_does_not_tell_is_empty(store: Store) -> None:
    cases = (
        [raised("OnlyType")],
        [raised("größe", "🛒\n'\\\"")],
        [raised(None, "only a message")],
        [raised("", "")],
        [raised()],
        [raised(7, ["a"])],
        [raised("Odd", b"bytes")],
        [event("exception.type")],
    )
    spans = spans_of(*cases, status_message="exception", links=[link(77, 7)])
    await store.write(request(of("shop", *spans)))
    found = await exceptions_of(store)
    assert {(one.type, one.message, one.spans) for one in found} == {
        ("OnlyType", "", 1),
        ("größe", "🛒\n'\\\"", 1),
        ("", "only a message", 1),
        ("Odd", "", 1),
    }


async def test_a_span_counts_once_for_the_same_exception(store: Store) -> None:
    twice = raised("Again", "try 1"), raised("Again", "try 2"), raised("Given.Up")
    spans = spans_of([*twice], [*twice])
    await store.write(request(of("shop", *spans)))
    await store.write(request(of("shop", spans[0])))
    found = await exceptions_of(store)
    assert [(one.type, one.messages, one.spans) for one in found] == [
        ("Again", 2, 2),
        ("Given.Up", 1, 2),
    ]


async def test_exceptions_are_those_of_the_window_the_operation_and_the_kind(store: Store) -> None:
    spans = [
        span(n, name, trace_id=n, start=start, kind=kind, events=[raised(f"E{n}.")])
        for n, (name, kind, start) in enumerate(
            (
                ("buy", SERVER, START - 1),
                ("buy", SERVER, START),
                ("buy", CLIENT, END),
                ("sell", SERVER, START + 1),
                ("sell", SERVER, END + 1),
            )
        )
    ]
    await store.write(request(of("shop", *spans)))
    for ask, expected in (
        (("", ""), {"E1.", "E2.", "E3."}),
        (("buy", ""), {"E1.", "E2."}),
        (("buy", "client"), {"E2."}),
        (("", "server"), {"E1.", "E3."}),
        (("", "producer"), set()),
    ):
        assert {one.type for one in await exceptions_of(store, *ask)} == expected
    assert await exceptions_of(store, window=(END + 2, END + MINUTE)) == []


async def test_exceptions_are_those_of_the_model(store: Store) -> None:
    generator = random.Random(3)
    texts = [None, "", "plain", "order 12 of 0xff", "größe \n" * 30, "x" * 200, 5]
    spans = [
        span(
            n,
            generator.choice(("buy", "sell")),
            trace_id=n,
            start=START + generator.randrange(END - START),
            kind=generator.choice((SERVER, CLIENT)),
            status_message=generator.choice(("", "exception")),
            events=[
                generator.choice(
                    (
                        raised(generator.choice(texts), generator.choice(texts)),
                        event("exception ", text="exception.type"),
                    )
                )
                for _ in range(generator.randrange(4))
            ],
        )
        for n in range(1, 400)
    ]
    batch = SpanBatch.from_otlp(request(of("shop", *spans)))
    model = MemoryReader()
    model.add(batch)
    await store.writer.write(batch)
    for operation, kind in (("", ""), ("buy", "client")):
        ask = ("shop", operation, kind, START, END, 100)
        found, _ = await store.reader.exception_statistics(*ask)
        expected, _ = await model.exception_statistics(*ask)
        assert sorted(map(repr, found)) == sorted(map(repr, expected))
        assert len(found) > 5


async def test_of_very_many_the_newest_are_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = [
        span(n, trace_id=n, start=START + n * MINUTE // 10, events=[raised("Full", f"queue {n}")])
        for n in range(1, 100)
    ]
    await store.write(request(of("shop", *spans)))
    everything, since = await store.reader.exception_statistics("shop", "", "", *WINDOW, 9)
    assert ([one.spans for one in everything], since) == ([99], START)
    monkeypatch.setattr(exceptions, "_MAX_SPANS", 25)
    (newest,), since = await store.reader.exception_statistics("shop", "", "", *WINDOW, 9)
    assert since % MINUTE == 0
    assert newest.spans == sum(1 for one in spans if one.start_time_unix_nano >= since)
    assert 25 <= newest.spans < 35
    assert newest.message == "queue 99"
