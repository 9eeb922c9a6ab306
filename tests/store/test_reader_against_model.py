"""The store's reader finds what the reference model finds, whatever is asked."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from ananta.model import SpanBatch
from ananta.model.filter import FIELDS
from ananta.query import TraceQuery
from tests.peer.generated_spans import SECOND, SERVICES, traces
from tests.unit.api.otlp_spans import START, of, request, span
from tests.unit.query.memory_reader import MemoryReader, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.model.filter import Level
    from ananta.store.summaries import Order
    from tests.store.conftest import Store

HOUR = 3600 * SECOND
ORDERS: tuple[Order, ...] = ("newest", "oldest", "longest", "errors", "spans")


def generated() -> Iterator[SpanBatch]:
    """An hour of traces two days ago, some now, and names nobody should have."""
    for start, inner_links in ((START, False), (START + 47 * HOUR, True)):
        for resource_spans in traces(start, inner_links=inner_links).values():
            yield SpanBatch.from_otlp(request(*resource_spans))
    nameless = [
        of(None, span(1, "", trace_id=1, start=START + HOUR)),
        of("", span(1, "x", trace_id=2, start=START + HOUR + 1)),
        of(None, span(1, "x", trace_id=3, start=START + HOUR + 2), resource={"service.name": 5}),
        of("cart", span(1, "y", trace_id=4, start=START + HOUR + 3, duration=-SECOND)),
    ]
    yield SpanBatch.from_otlp(request(*nameless))


@pytest.fixture
async def both(store: Store) -> tuple[Store, MemoryReader]:
    model = MemoryReader()
    for batch in generated():
        model.add(batch)
    await store.writer.write(SpanBatch.concat(model.batches), "")
    return store, model


def queries(rows: list[dict[str, Any]], count: int) -> Iterator[tuple[TraceQuery, int]]:
    """Queries made of what is in some span, a little changed at times, and a limit."""
    generator = random.Random(11)
    for _ in range(count):
        row, other = generator.choice(rows), generator.choice(rows)
        start = row["start_time_unix_nano"]
        lasted = max(row["end_time_unix_nano"] - start, 0)
        yield (
            (
                TraceQuery(
                    service=generator.choice(["", "", *SERVICES, "missing-service-name"]),
                    operation=generator.choice(["", "", row["name"], "empty-span-name"]),
                    tags=dict(_tags(generator, row, other)),
                    start_time_min_unix_nano=generator.choice([0, start, start - 10 * SECOND]),
                    start_time_max_unix_nano=start + generator.choice([0, 10 * SECOND, 90 * HOUR]),
                    duration_min_nanos=generator.choice([0, 0, lasted, lasted // 2, 1]),
                    duration_max_nanos=generator.choice([0, 0, lasted, 2 * lasted + 1]) or 0,
                )
                if generator.random() < 0.8
                else TraceQuery(0, START + 100 * HOUR)
            ),
            generator.choice([1, 2, 5, 1000]),
        )


def _tags(
    generator: random.Random, row: dict[str, Any], other: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    for _ in range(generator.choice([0, 1, 1, 2])):
        source = generator.choice([row, row, other])
        kind = generator.randrange(8)
        places = {
            0: source["attributes"],
            1: source["resource"],
            2: (source["events"] or [source])[0]["attributes"],
            3: (source["links"] or [source])[0]["attributes"],
        }
        if places.get(kind):
            key = generator.choice(sorted(places[kind]))
            value = text(places[kind][key])
            yield ("resource." * (kind == 1 and generator.random() < 0.5)) + key, value
        elif kind == 4:
            yield "error", generator.choice(["true", "false", "maybe"])
        elif kind == 5:
            yield "span.kind", generator.choice(["server", "CLIENT", "internal", "x"])
        elif kind == 6:
            yield (
                generator.choice(["scope.name", "scope.version", "otel.scope.name"]),
                generator.choice(["library", "1.2.3"]),
            )
        else:
            key = generator.choice(["span.status", "otel.status_code", "event", "absent"])
            yield key, generator.choice(["ok", "ERROR", "unset", "exception", "cache miss"])


async def test_every_search_finds_the_same_in_the_same_order(
    both: tuple[Store, MemoryReader],
) -> None:
    store, model = both
    found_some = 0
    for query, limit in queries(model.rows(), 120):
        expected = await model.find_trace_ids(query, limit)
        assert await store.reader.find_trace_ids(query, limit) == expected, (query, limit)
        found_some += bool(expected)
    assert found_some > 30


async def test_every_order_and_line_of_a_list_is_the_same(
    both: tuple[Store, MemoryReader],
) -> None:
    store, model = both
    compared = 0
    for query, limit in queries(model.rows(), 60):
        for order in ORDERS:
            expected = await model.find_traces(query, order, limit)
            assert await store.reader.find_traces(query, order, limit) == expected, (query, order)
        summaries = await model.summarize_traces(expected)
        assert await store.reader.summarize_traces(expected) == summaries
        roots = await model.count_roots(query)
        assert await store.reader.count_roots(query) == roots, query
        compared += len(roots)
    assert compared > 30


async def test_every_count_and_value_is_the_same(both: tuple[Store, MemoryReader]) -> None:
    store, model = both
    rows = model.rows()
    levels: tuple[Level, ...] = ("span", "resource")
    generator = random.Random(5)
    counted = listed = 0
    for query, limit in queries(rows, 60):
        begin = query.start_time_min_unix_nano // HOUR * HOUR
        expected = await model.count_cells(query, begin, HOUR)
        found = await store.reader.count_cells(query, begin, HOUR)
        assert (sorted(found.cells), found.traces) == (sorted(expected.cells), expected.traces)
        counted += found.traces
        for field in FIELDS:
            values = await model.attribute_values("field", field, query, "", limit)
            assert await store.reader.attribute_values("field", field, query, "", limit) == values
        row = generator.choice(rows)
        for key in [*row["attributes"], *row["resource"]]:
            level, part = generator.choice(levels), generator.choice(["", "e", "1"])
            values = await model.attribute_values(level, key, query, part, 3 * limit)
            asked = await store.reader.attribute_values(level, key, query, part, 3 * limit)
            assert asked == values, (query, level, key, part)
            listed += len(values)
    assert counted > 30
    assert listed > 100


async def test_keys_are_the_same(both: tuple[Store, MemoryReader]) -> None:
    """But for those of scopes, which the model does not have."""
    store, model = both
    for name in ("", *SERVICES, "missing-service-name", "absent"):
        for part in ("", "e", "HTTP", "absent"):
            expected = await model.attribute_keys(part, name, 1000)
            found = await store.reader.attribute_keys(part, name, 1000)
            assert [one for one in found if one[0] != "scope"] == expected


async def test_services_operations_and_dependencies_are_the_same(
    both: tuple[Store, MemoryReader],
) -> None:
    store, model = both
    assert sorted(await store.reader.services()) == sorted(await model.services())
    for service in [*SERVICES, "missing-service-name", "absent"]:
        for kind in (None, "server", "client", ""):
            assert sorted(await store.reader.operations(service, kind)) == sorted(
                await model.operations(service, kind)
            )
    for window in ((0, START + 100 * HOUR), (START, START + HOUR), (START + 47 * HOUR, 2**63 - 1)):
        assert sorted(await store.reader.dependencies(*window)) == sorted(
            await model.dependencies(*window)
        )


async def test_traces_are_read_whole(both: tuple[Store, MemoryReader]) -> None:
    store, model = both
    ids = sorted({bytes.fromhex(row["trace_id"]) for row in model.rows()})
    for some in (ids, ids[:1], ids[::7]):
        assert in_order(await store.reader.read_traces(some)) == in_order(
            await model.read_traces(some)
        )


def in_order(batch: SpanBatch) -> list[str]:
    return sorted(repr(row) for row in batch.rows())
