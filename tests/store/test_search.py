"""Searching: every field alone and together, held against the plain model of what it means."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from ananta.model import SpanBatch
from ananta.query import TraceQuery
from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    MILLISECOND,
    OK,
    SERVER,
    START,
    event,
    link,
    of,
    raw_trace_id,
    request,
    span,
)
from tests.unit.query.memory_reader import MemoryReader

if TYPE_CHECKING:
    from tests.store.conftest import Store

SECOND = 1000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
SERVICES = ("front", "cart", "größe")
NAMES = ("GET /", "POST /buy", "")


def query(**fields: Any) -> TraceQuery:
    return TraceQuery(
        **{"start_time_min_unix_nano": 0, "start_time_max_unix_nano": 2**64 - 1, **fields}
    )


async def found(store: Store, limit: int = 100, **fields: Any) -> list[int]:
    ids = await store.reader.find_trace_ids(query(**fields), limit)
    return [int.from_bytes(trace_id, "big") for trace_id in ids]


async def store_one_each(store: Store, *spans: Any) -> None:
    """Each span in a trace of its own: 1, 2, 3 …, the later the newer."""
    for number, one in enumerate(spans, 1):
        one.trace_id = raw_trace_id(number)
        one.start_time_unix_nano += number * SECOND
        one.end_time_unix_nano += number * SECOND
    await store.write(request(of("shop", *spans)))


async def test_service_and_operation(store: Store) -> None:
    await store.write(
        request(
            of("front", span(1, "look", trace_id=1), span(2, "buy", trace_id=2)),
            of("back", span(3, "buy", trace_id=3, start=START + SECOND), span(4, "", trace_id=4)),
            of(None, span(5, "look", trace_id=5)),
        )
    )
    assert sorted(await found(store, service="front")) == [1, 2]
    assert await found(store, service="front", operation="buy") == [2]
    assert await found(store, operation="buy") == [3, 2]
    assert await found(store, operation="empty-span-name") == [4]
    assert await found(store, service="missing-service-name") == [5]
    assert await found(store, service="nobody") == []
    assert await found(store, service="back", operation="look") == []


async def test_times_and_durations_are_inclusive(store: Store) -> None:
    await store_one_each(store, *(span(n, duration=n * MILLISECOND) for n in range(1, 6)))
    assert await found(
        store,
        start_time_min_unix_nano=START + 2 * SECOND,
        start_time_max_unix_nano=START + 4 * SECOND,
    ) == [4, 3, 2]
    assert await found(store, duration_min_nanos=4 * MILLISECOND) == [5, 4]
    assert await found(store, duration_max_nanos=2 * MILLISECOND) == [2, 1]
    assert await found(
        store,
        service="shop",
        duration_min_nanos=2 * MILLISECOND + 1,
        duration_max_nanos=4 * MILLISECOND,
    ) == [4, 3]
    assert await found(store, start_time_max_unix_nano=START) == []


async def test_a_span_that_ends_before_it_starts_has_no_duration(store: Store) -> None:
    await store_one_each(store, span(1, duration=-SECOND), span(2, duration=0), span(3))
    assert await found(store, duration_min_nanos=1) == [3]
    assert await found(store, duration_max_nanos=1) == [2, 1]


async def test_a_tag_may_be_on_the_span_its_resource_its_scope_an_event_or_a_link(
    store: Store,
) -> None:
    await store.write(
        request(
            of("shop", span(1, trace_id=1, attributes={"key": "yes"})),
            of("shop", span(2, trace_id=2), resource={"key": "yes"}),
            of("shop", span(3, trace_id=3, events=[event("e"), event("f", key="yes")])),
            of("shop", span(4, trace_id=4, links=[link(9, 9, {"key": "yes"})])),
            of("shop", span(5, trace_id=5, attributes={"key": "no"}), resource={"yes": "key"}),
            of("shop", span(6, trace_id=6), scope=("yes", "1.0")),
        )
    )
    assert sorted(await found(store, tags={"key": "yes"})) == [1, 2, 3, 4]
    assert await found(store, tags={"resource.key": "yes"}) == [2]
    for key in ("scope.name", "otel.scope.name"):
        assert await found(store, tags={key: "yes"}) == [6]
    assert await found(store, tags={"scope.version": "1.0"}) == [6]
    assert await found(store, tags={"key": "ye"}) == []


async def test_a_value_is_found_by_its_text(store: Store) -> None:
    values: list[Any] = [
        *("text", "", 42, -7, 0.5, 1e300, True, b"\xff\x00", [1, "a", None], {"b": 1, "a": [2.0]}),
        None,
    ]
    await store_one_each(store, *(span(n, attributes={"key": v}) for n, v in enumerate(values, 1)))
    for number, text in {
        1: "text",
        3: "42",
        4: "-7",
        5: "0.5",
        6: "1e+300",
        7: "true",
        8: "/wA=",
        9: '[1,"a",null]',
        10: '{"a":[2],"b":1}',
    }.items():
        assert await found(store, tags={"key": text}) == [number]
    # A key without a value has the text a key with an empty one has; a missing key has none.
    assert await found(store, tags={"key": ""}) == [11, 2]
    assert await found(store, tags={"other": ""}) == []


async def test_keys_and_values_are_told_apart_whatever_is_in_them(store: Store) -> None:
    await store_one_each(
        store,
        span(1, attributes={"a": "x", "b": "y"}),
        span(2, attributes={"a": "y", "b": "x"}),
        span(3, attributes={"a": "xx"}),
        span(4, attributes={"a\0b": "x\0y", "": ""}),
        span(5),
        span(6, attributes={"c": ""}),
    )
    assert await found(store, tags={"a": "x"}) == [1]
    assert await found(store, tags={"a": "y"}) == [2]
    assert await found(store, tags={"b": "x"}) == [2]
    assert await found(store, tags={"a": "xx"}) == [3]
    assert await found(store, tags={"a\0b": "x\0y"}) == [4]
    assert await found(store, tags={"a": "x\0y"}) == []
    assert await found(store, tags={"": ""}) == [4]
    assert await found(store, tags={"c": ""}) == [6]


async def test_every_value_of_a_key_given_twice_is_found(store: Store) -> None:
    twice = of("shop", span(1, trace_id=1, attributes={"k": "one", "l": "two"}))
    twice.scope_spans[0].spans[0].attributes[1].key = "k"
    await store.write(request(twice))
    assert await found(store, tags={"k": "one"}) == [1]
    assert await found(store, tags={"k": "two"}) == [1]
    assert await found(store, tags={"l": "two"}) == []


async def test_keys_with_a_meaning_of_their_own(store: Store) -> None:
    await store_one_each(
        store,
        span(1, status=ERROR, kind=SERVER, status_message="boom"),
        span(2, status=OK, kind=CLIENT),
        span(3, attributes={"error": "true"}),
    )
    assert await found(store, tags={"error": "true"}) == [1]
    assert await found(store, service="shop", tags={"error": "true"}) == [1]
    assert await found(store, tags={"error": "false"}) == [3, 2]
    for key in ("span.status", "otel.status_code"):
        assert await found(store, tags={key: "ERROR"}) == [1]
        assert await found(store, tags={key: "ok"}) == [2]
        assert await found(store, tags={key: "unset"}) == [3]
        assert await found(store, tags={key: "fine"}) == []
    assert await found(store, tags={"span.kind": "client"}) == [2]
    assert await found(store, tags={"span.kind": "Server"}) == [1]
    assert await found(store, tags={"span.kind": "boss"}) == []
    assert await found(store, tags={"otel.status_description": "boom"}) == [1]


async def test_one_span_must_meet_it_all(store: Store) -> None:
    await store.write(
        request(
            of("shop", span(1, "buy", trace_id=1, attributes={"a": 1, "b": 2})),
            of("shop", span(2, "buy", trace_id=2, attributes={"a": 1})),
            of("shop", span(3, "buy", trace_id=2, attributes={"b": 2})),
            of("back", span(4, "buy", trace_id=3, attributes={"a": 1, "b": 2})),
        )
    )
    assert await found(store, service="shop", tags={"a": "1", "b": "2"}) == [1]


async def test_the_newest_traces_come_first_and_the_limit_cuts_the_oldest(store: Store) -> None:
    count = 90
    numbers = list(range(1, count + 1))
    random.Random(1).shuffle(numbers)
    for part in range(3):
        spans = [span(n, trace_id=n, start=START + n * 40 * SECOND) for n in numbers[part::3]]
        await store.write(request(of("shop", *spans)))
    newest_first = sorted(numbers, reverse=True)
    for limit in (1, 20, 40, count, count + 1):
        assert await found(store, limit, service="shop") == newest_first[:limit]


async def test_a_trace_is_as_new_as_its_newest_matching_span(store: Store) -> None:
    await store.write(
        request(
            of("shop", span(1, trace_id=1, start=START)),
            of("shop", span(2, trace_id=1, start=START + HOUR)),
            of("shop", span(3, trace_id=2, start=START + 2 * MINUTE)),
            of("other", span(4, trace_id=2, start=START + 2 * HOUR)),
        )
    )
    assert await found(store, service="shop") == [1, 2]
    assert await found(store, 1, service="shop") == [1]
    early = {"start_time_max_unix_nano": START + 5 * MINUTE}
    assert await found(store, service="shop", **early) == [2, 1]


async def test_a_rare_span_is_found_among_many_in_one_minute(store: Store) -> None:
    generator = random.Random(2)
    for block in range(4):
        spans = [
            span(
                n,
                trace_id=generator.getrandbits(128),
                start=START + n * MILLISECOND,
                attributes={"common": "yes", "unique": f"{block}-{n}"},
            )
            for n in range(3000)
        ]
        await store.write(request(of("shop", *spans)))
    for unique in ("0-5", "1-2999", "3-0"):
        assert len(await found(store, tags={"common": "yes", "unique": unique})) == 1
    assert len(await found(store, 20_000, tags={"common": "yes"})) == 12_000


@pytest.mark.parametrize("seed", range(3))
async def test_answers_are_those_of_the_plain_model(store: Store, seed: int) -> None:
    generator = random.Random(seed)
    model = MemoryReader()
    for _ in range(6):
        payload = request(*(random_resource_spans(generator) for _ in range(8)))
        batch = SpanBatch.from_otlp(payload)
        model.add(batch)
        await store.writer.write(batch)
    rows = model.rows()
    for _ in range(60):
        asked = random_query(generator, generator.choice(rows))
        limit = generator.choice([1, 5, 1000])
        answer = await store.reader.find_trace_ids(asked, limit)
        assert answer == await model.find_trace_ids(asked, limit), asked
    traces = {bytes.fromhex(row["trace_id"]) for row in rows}
    read = await store.reader.read_traces(list(traces))
    assert len(read) == len(rows)
    window = (START + HOUR, START + 3 * HOUR)
    assert sorted(await store.reader.dependencies(*window)) == sorted(
        await model.dependencies(*window)
    )


def random_resource_spans(generator: random.Random) -> Any:
    trace_id = generator.randrange(1, 40)
    # A start is a millisecond of its own, so that the order of traces is one.
    spans = [
        span(
            generator.getrandbits(63) + 1,
            generator.choice(NAMES),
            trace_id=trace_id,
            parent=generator.choice([0, generator.randrange(1, 9)]),
            start=START + generator.randrange(4 * HOUR // MILLISECOND) * MILLISECOND,
            duration=generator.choice([-SECOND, 0, *(2**n for n in range(40))]),
            kind=generator.randrange(6),
            status=generator.randrange(3),
            attributes=random_attributes(generator),
            events=[event("e", **random_attributes(generator))] * generator.randrange(2),
            links=[link(1, 1, random_attributes(generator))] * generator.randrange(2),
        )
        for _ in range(generator.randrange(5))
    ]
    for number, one in enumerate(spans):
        one.span_id = bytes([0] * 6 + [generator.randrange(256), number + 1])
    return of(
        generator.choice([None, "", *SERVICES]),
        *spans,
        resource=random_attributes(generator),
        scope=generator.choice([("", ""), ("lib", "1"), ("lib", "2")]),
    )


def random_attributes(generator: random.Random) -> dict[str, Any]:
    values = ["", "a", "b", 1, 2, 0.5, True, False, b"x", [1], {"k": "v"}, None]
    keys = generator.sample(["k1", "k2", "k3", "env"], generator.randrange(4))
    return {key: generator.choice(values) for key in keys}


def random_query(generator: random.Random, row: dict[str, Any]) -> TraceQuery:
    """One that a stored span meets, or nearly."""
    texts = ["", "a", "1", "0.5", "true", "eA==", "[1]", '{"k":"v"}']
    tags: dict[str, str] = {}
    for _ in range(generator.randrange(3)):
        key = generator.choice(["k1", "k2", "resource.k1", "env"])
        tags[key] = generator.choice(texts)
    special = {
        "error": generator.choice(["true", "false"]),
        "span.kind": generator.choice(["server", "client", "internal"]),
        "span.status": generator.choice(["ok", "ERROR", "unset"]),
        "scope.name": "lib",
        "scope.version": generator.choice(["1", "2"]),
    }
    if generator.random() < 0.4:
        key = generator.choice(list(special))
        tags[key] = special[key]
    some = generator.random
    first = row["start_time_unix_nano"] - generator.choice([0, MINUTE, HOUR]) if some() < 0.5 else 0
    last = first + generator.choice([MINUTE, HOUR, 10 * HOUR]) if some() < 0.5 else 2**64 - 1
    shortest = generator.choice([0, 1, 2**10, 2**20 + 1])
    return TraceQuery(
        start_time_min_unix_nano=first,
        start_time_max_unix_nano=last,
        service=generator.choice(SERVICES) if some() < 0.4 else "",
        operation=generator.choice([row["name"], "GET /"]) if some() < 0.3 else "",
        tags=tags,
        duration_min_nanos=shortest,
        duration_max_nanos=generator.choice([0, 0, shortest + 2**25]),
    )
