"""What is written is read back: whole, once, whatever it holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    MILLISECOND,
    SERVER,
    START,
    event,
    link,
    of,
    raw_trace_id,
    request,
    span,
)
from tests.unit.store.stored_spans import spans_with_headers

if TYPE_CHECKING:
    from ananta.model import SpanBatch
    from tests.store.conftest import Store

ODD_TIMES = (0, 1, 59_999_999_999, 4_294_967_295 * 10**9, 2**63, 2**64 - 1)


def same_spans(batch: SpanBatch, *requests: bytes) -> bool:
    expected = [one for payload in requests for one in spans_with_headers(payload)]
    return sorted(spans_with_headers(batch.to_otlp())) == sorted(expected)


async def test_a_span_comes_back_as_it_went_in(store: Store) -> None:
    payload = request(
        of(
            "shop",
            span(
                2,
                "buy",
                parent=1,
                kind=SERVER,
                status=ERROR,
                status_message="out of stock",
                attributes={
                    "text": "x",
                    "number": -7,
                    "share": 0.1,
                    "flag": True,
                    "raw": b"\xff\x00",
                    "list": [1, "two", [3.0]],
                    "map": {"a": None},
                    "nothing": None,
                },
                events=[event("exception", exception_type="Sold")],
                links=[link(5, 6, {"why": "retry"})],
                trace_state="a=b",
                dropped_attributes_count=1,
                flags=0x101,
            ),
            resource={"host.name": "one"},
            scope=("tracer", "1.0"),
        )
    )
    await store.write(payload)
    assert same_spans(await store.reader.read_traces([raw_trace_id(_only_trace(payload))]), payload)


def _only_trace(payload: bytes) -> int:
    data = trace.TracesData.FromString(payload)
    return int.from_bytes(data.resource_spans[0].scope_spans[0].spans[0].trace_id, "big")


async def test_spans_of_a_trace_are_found_wherever_and_whenever_they_are(store: Store) -> None:
    hour = 3600 * 10**9
    requests = [
        request(of("front", span(1, trace_id=7, start=START))),
        request(of("back", span(2, trace_id=7, start=START + hour, parent=1))),
        request(of("back", span(3, trace_id=7, start=START - 48 * hour, parent=1))),
        request(of("other", span(4, trace_id=8, start=START))),
    ]
    for payload in requests:
        await store.write(payload)
    assert same_spans(await store.reader.read_traces([raw_trace_id(7)]), *requests[:3])
    both = await store.reader.read_traces([raw_trace_id(8), raw_trace_id(7), raw_trace_id(9)])
    assert same_spans(both, *requests)


async def test_an_unknown_trace_has_no_spans(store: Store) -> None:
    assert len(await store.reader.read_traces([raw_trace_id(1)])) == 0
    assert len(await store.reader.read_traces([])) == 0


@pytest.mark.parametrize("start", ODD_TIMES)
async def test_any_time_can_be_stored(store: Store, start: int) -> None:
    end = 2**64 - 1 - start
    payload = request(of("odd", span(1, trace_id=3, start=start, duration=end - start)))
    await store.write(payload)
    assert same_spans(await store.reader.read_traces([raw_trace_id(3)]), payload)


async def test_odd_ids_names_and_sizes_can_be_stored(store: Store) -> None:
    payload = request(
        of(
            "odd",
            span(0, "", trace_id=0),
            span(1, "x" * 1_000_000, trace_id=0, attributes={"": "", "big": "y" * 1_000_000}),
            span(2, "\n'\\\"`\t", trace_id=0, attributes={"'; DROP TABLE": "\n"}),
        ),
        of(None, span(3, trace_id=0)),
    )
    await store.write(payload)
    assert same_spans(await store.reader.read_traces([bytes(16)]), payload)


async def test_a_key_given_twice_is_kept_twice(store: Store) -> None:
    twice = span(1, trace_id=4, attributes={"key": "one"})
    twice.attributes.add(key="key").value.string_value = "two"
    payload = request(of("shop", twice))
    await store.write(payload)
    assert same_spans(await store.reader.read_traces([raw_trace_id(4)]), payload)


async def test_a_large_batch_is_read_back_whole(store: Store) -> None:
    spans = [
        span(number, trace_id=1 + number % 50, start=START + number * MILLISECOND)
        for number in range(1, 5001)
    ]
    payload = request(of("shop", *spans))
    await store.write(payload)
    found = await store.reader.read_traces([raw_trace_id(number) for number in range(1, 51)])
    assert same_spans(found, payload)


async def test_a_batch_without_spans_stores_nothing(store: Store) -> None:
    await store.write(request())
    assert await store.count() == 0


async def test_one_token_stores_once(store: Store) -> None:
    payload = request(of("shop", span(1, trace_id=1), span(2, trace_id=2)))
    for _ in range(3):
        await store.write(payload, token="first")
    assert await store.count() == 2
    await store.write(payload, token="second")
    assert await store.count() == 4


async def test_one_token_stores_once_from_several_writers_at_once(store: Store) -> None:
    payload = request(of("shop", span(1, trace_id=1)))
    await asyncio.gather(*(store.write(payload, token="same") for _ in range(8)))
    assert await store.count() == 1


async def test_services_and_operations_are_listed_once(store: Store) -> None:
    payload = request(
        of("shop", span(1, "buy", kind=SERVER), span(2, "buy", kind=CLIENT), span(3, "", kind=99)),
        of("größe", span(4, "look")),
        of(None, span(5, "x")),
        of("", span(6, "x")),
    )
    await store.write(payload)
    await store.write(payload)
    assert sorted(await store.reader.services()) == [
        "empty-service-name",
        "größe",
        "missing-service-name",
        "shop",
    ]
    operations = store.reader.operations
    assert sorted(await operations("shop")) == [
        ("buy", "client"),
        ("buy", "server"),
        ("empty-span-name", ""),
    ]
    assert await operations("shop", "client") == [("buy", "client")]
    assert await operations("größe", "") == [("look", "")]
    assert await operations("nobody") == []
