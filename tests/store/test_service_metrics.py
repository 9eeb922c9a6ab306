"""How services, operations and calls do: counts, errors, durations, windows, and what is absent."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from ananta.model import SpanBatch
from ananta.query import QueryService
from tests.store.test_reader_against_model import generated
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
    from collections.abc import Iterable

    from ananta.model.statistics import SpanStatistics
    from ananta.query.answers import ServiceOverview
    from tests.store.conftest import Store

SECOND = 1000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
END = START + HOUR
# How far a quantile may be off: classes of durations are this wide at most.
PRECISION = 1.05


async def flushed() -> None:
    """Nothing is pending: spans are written to the store itself."""


def asked(store: Store) -> QueryService:
    return QueryService(lambda: store.reader, flushed)


async def overview_of(store: Store, service: str, *window: int) -> ServiceOverview:
    found = await asked(store).services_overview(*(window or (START, END)))
    return next(one for one in found if one.service == service)


def nearest_rank(durations: Iterable[int], hundredths: int) -> int:
    ordered = sorted(durations)
    return ordered[max(-(-len(ordered) * hundredths // 100), 1) - 1]


def is_close(found: int | None, expected: int | None) -> bool:
    if not found or not expected:
        return found == expected
    return 1 / PRECISION <= found / expected <= PRECISION


def assert_same(found: SpanStatistics, expected: SpanStatistics) -> None:
    """Of the model, which counts each duration by itself."""
    assert (found.spans, found.errors, found.total_nanos) == (
        expected.spans,
        expected.errors,
        expected.total_nanos,
    )
    for hundredths in (0, 1, 50, 95, 99, 100):
        quantiles = found.quantile_nanos(hundredths), expected.quantile_nanos(hundredths)
        assert is_close(*quantiles), quantiles


@pytest.fixture
async def both(store: Store) -> tuple[Store, MemoryReader]:
    """The spans of the model tests, and links to spans that exist."""
    model = MemoryReader()
    for batch in (*generated(), SpanBatch.from_otlp(request(*linked()))):
        model.add(batch)
    await store.writer.write(SpanBatch.concat(model.batches), "")
    return store, model


def linked() -> list[Any]:
    generator = random.Random(5)
    senders = [
        span(n, "send", trace_id=(1 << 127) + n, kind=PRODUCER, start=START + n * MINUTE)
        for n in range(1, 40)
    ]
    receivers = [
        span(
            n,
            "process",
            trace_id=(1 << 126) + n,
            kind=CONSUMER,
            start=START + n * MINUTE,
            status=generator.randrange(3),
            status_message="\n\x10" + "x" * 40,
            duration=generator.randrange(1, SECOND),
            attributes={"text": "\n\x10\x12\x08" * 9, "binary": b"\n\x10" + b"y" * 40},
            links=[
                link((1 << 127) + other, other, {"messaging.system": "kafka"})
                for other in generator.sample(range(1, 50), generator.randrange(4))
            ],
        )
        for n in range(1, 40)
    ]
    return [of("größe", *senders), of("cart", *receivers)]


WINDOWS = (
    (0, START + 100 * HOUR),
    (START, START + HOUR),
    (START + 10 * SECOND, START + 47 * HOUR + 30 * SECOND),
    (START + 20 * HOUR, START + 21 * HOUR),
)


async def test_services_and_their_requests_are_those_of_the_model(
    both: tuple[Store, MemoryReader],
) -> None:
    store, model = both
    for window in WINDOWS:
        found = await store.reader.service_statistics(*window)
        expected = await model.service_statistics(*window)
        assert found.keys() == expected.keys()
        for service, statistics in found.items():
            assert statistics.spans == expected[service].spans
            assert statistics.last_start_unix_nano == expected[service].last_start_unix_nano
            assert_same(statistics.requests, expected[service].requests)
        for parts in (1, 7, 24):
            counts = await store.reader.request_counts(*window, parts)
            assert counts == await model.request_counts(*window, parts)
    assert len(await store.reader.service_statistics(*WINDOWS[0])) > 5


async def test_operations_are_those_of_the_model(both: tuple[Store, MemoryReader]) -> None:
    store, model = both
    for window in WINDOWS:
        for service in ("cart", "größe", "missing-service-name", "absent"):
            for kind in ("", "unspecified"):
                ask = (service, kind, *window)
                found = await store.reader.operation_statistics(*ask, 500)
                expected = await model.operation_statistics(*ask, 500)
                assert [(o.name, o.kind) for o in found] == [(o.name, o.kind) for o in expected]
                for one, other in zip(found, expected, strict=True):
                    assert_same(one.calls, other.calls)
                    assert bool(one.failed) is (one.calls.errors > 0)
                    assert list(map(len, one.slowest)) == [16, 8]
                assert len(await store.reader.operation_statistics(*ask, 1)) <= 1


async def test_steps_are_those_of_the_model(both: tuple[Store, MemoryReader]) -> None:
    store, model = both
    for window in WINDOWS[1:3]:
        for ask in (
            ("cart", "", ""),
            ("cart", "query", ""),
            ("größe", "", "producer"),
            ("cart", "GET /", "server"),
            ("absent", "", ""),
        ):
            for step in (HOUR, (window[1] - window[0]) // 60):
                found = await store.reader.step_statistics(*ask, *window, step)
                expected = await model.step_statistics(*ask, *window, step)
                assert len(found) == len(expected)
                for one, other in zip(found, expected, strict=True):
                    assert_same(one, other)


async def test_steps_of_operations_are_those_of_the_model(
    both: tuple[Store, MemoryReader],
) -> None:
    store, model = both
    for by_operation in (False, True):
        ask = ("cart", ("server", "unspecified"), START, START + HOUR, MINUTE)
        found, expected = (
            await store.reader.operation_step_statistics(*ask, by_operation=by_operation),
            await model.operation_step_statistics(*ask, by_operation=by_operation),
        )
        assert found.keys() == expected.keys()
        assert len(found) == (3 if by_operation else 1)
        for operation, steps in found.items():
            for one, other in zip(steps, expected[operation], strict=True):
                assert_same(one, other)


async def test_resources_are_those_of_the_model(store: Store) -> None:
    model = MemoryReader()
    for number in range(12):
        resource: dict[str, Any] = {
            "service.version": f"1.{number // 4}",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": "1.40.0",
            "service.instance.id": str(number),
        }
        resource = dict(list(resource.items())[: number % 5])
        one = of(
            "größe" if number % 2 else "cart",
            span(number + 1, trace_id=number + 1, start=START + number * MINUTE),
            resource=resource,
        )
        model.add(SpanBatch.from_otlp(request(one)))
    await store.writer.write(SpanBatch.concat(model.batches))
    for window in ((START, END), (START + 3 * MINUTE, START + 5 * MINUTE)):
        for service in ("", "größe"):
            found = await store.reader.seen_resources(*window, service)
            expected = await model.seen_resources(*window, service)
            assert sorted(map(repr, found)) == sorted(map(repr, expected))
            assert found


async def test_quantiles_are_those_of_the_nearest_rank(store: Store) -> None:
    generator = random.Random(1)
    durations = [int(generator.lognormvariate(17, 2)) for _ in range(5000)] + [0, 0, -5]
    spans = [
        span(n, trace_id=n, kind=SERVER, start=START + n, duration=nanos)
        for n, nanos in enumerate(durations, 1)
    ]
    await store.write(request(of("shop", *spans)))
    found = await overview_of(store, "shop")
    for hundredths, quantile in ((50, found.p50_nanos), (95, found.p95_nanos)):
        assert is_close(quantile, nearest_rank(durations, hundredths))
    assert is_close(found.p99_nanos, nearest_rank(durations, 99))


async def test_a_few_durations_are_told_exactly(store: Store) -> None:
    spans = [
        span(n, trace_id=n, kind=SERVER, duration=nanos)
        for n, nanos in enumerate((1_234_567, 7, 98_765_432_101), 1)
    ]
    await store.write(request(of("shop", *spans)))
    found = await overview_of(store, "shop")
    assert (found.p50_nanos, found.p95_nanos, found.p99_nanos) == (
        1_234_567,
        98_765_432_101,
        98_765_432_101,
    )


async def test_an_endless_duration_stays_a_number_that_browsers_read(store: Store) -> None:
    spans = [span(n, trace_id=n, kind=SERVER, start=START + n, duration=2**62) for n in range(1, 9)]
    await store.write(request(of("shop", *spans)))
    (operation,) = await asked(store).operations_overview("shop", "", START, END)
    assert operation.p99_nanos == operation.total_nanos == 2**53 - 1


async def test_requests_are_served_spans_and_of_a_service_without_them_its_roots(
    store: Store,
) -> None:
    await store.write(
        request(
            of(
                "web",
                span(1, kind=SERVER, status=ERROR),
                span(2, parent=1, kind=CLIENT, status=ERROR),
                span(3, parent=1, kind=CONSUMER),
                span(4, trace_id=2, kind=INTERNAL),
            ),
            of("job", span(5, trace_id=3), span(6, trace_id=3, parent=5, status=ERROR)),
            of("leaf", span(7, trace_id=3, parent=5, status=ERROR)),
        )
    )
    counts = {
        one.service: (one.spans, one.requests, one.errors, sum(one.rate))
        for one in await asked(store).services_overview(START, END)
    }
    assert counts == {"job": (2, 1, 0, 1), "leaf": (1, 0, 0, 0), "web": (4, 2, 1, 2)}
    for service, (_, requests, errors, _) in counts.items():
        metrics = await asked(store).service_metrics(service, "", "", START, END, 60_000_000)
        assert (sum(metrics.calls), sum(metrics.errors)) == (requests, errors)


async def test_both_ends_of_a_window_belong_to_it(store: Store) -> None:
    starts = (START - 1, START, END, END + 1)
    spans = [
        span(n, trace_id=n, start=start, kind=SERVER, duration=n)
        for n, start in enumerate(starts, 1)
    ]
    await store.write(request(of("shop", *spans)))
    found = await overview_of(store, "shop")
    assert (found.spans, found.p50_nanos, found.p95_nanos) == (2, 2, 3)
    assert found.rate == [1, *[0] * 22, 1]
    assert found.last_span_micros == END // 1000
    metrics = await asked(store).service_metrics("shop", "", "", START, END, 60_000_000)
    assert metrics.calls == [1, *[0] * 58, 1]
    assert metrics.p50_nanos == [2, *[None] * 58, 3]
    (operation,) = await asked(store).operations_overview("shop", "", START, END)
    assert (operation.calls, operation.total_nanos) == (2, 5)
    at_once = await overview_of(store, "shop", START, START)
    assert (at_once.spans, at_once.rate) == (1, [1, *[0] * 23])
    metrics = await asked(store).service_metrics("shop", "", "", START, START, 1)
    assert metrics.calls == [1]


async def test_a_service_that_was_silent_is_listed_with_its_last_span(store: Store) -> None:
    earlier = START - 30 * HOUR
    spans = [
        span(n, trace_id=n, start=start)
        for n, start in enumerate((earlier - HOUR, earlier, earlier + 5, END + HOUR), 1)
    ]
    await store.write(request(of("silent", *spans), of("later", span(9, start=END + 7))))
    await store.write(request(of("awake", span(1, trace_id=77))))
    found = await asked(store).services_overview(START, END)
    assert [(one.service, one.spans, one.last_span_micros) for one in found] == [
        ("awake", 1, START // 1000),
        ("later", 0, 0),
        ("silent", 0, (earlier + 5) // 1000),
    ]
    assert found[2].model_dump(include={"requests", "p50_nanos", "versions", "sdk", "rate"}) == {
        "requests": 0,
        "p50_nanos": 0,
        "versions": [],
        "sdk": "",
        "rate": [0] * 24,
    }
    last = await store.reader.last_starts(["silent", "never"], earlier + 4)
    assert last == {"silent": earlier}


async def test_versions_and_sdk_come_from_the_resources(store: Store) -> None:
    for number, (version, sdk) in enumerate((("1.0", "1.39.0"), ("2.0", "1.40.0"), ("2.0", ""))):
        resource = {"service.version": version, "telemetry.sdk.language": "python"}
        if sdk:
            resource["telemetry.sdk.version"] = sdk
        one = span(number + 1, kind=SERVER, start=START + number * MINUTE + 1500)
        await store.write(request(of("größe", one, resource=resource)))
    await store.write(request(of("other", span(8), resource={"service.version": "9"})))
    found = await overview_of(store, "größe")
    assert (found.versions, found.sdk) == (["2.0", "1.0"], "python")
    earlier = await overview_of(store, "größe", START, START + 2 * MINUTE)
    assert (earlier.versions, earlier.sdk) == (["2.0", "1.0"], "python 1.40.0")
    metrics = await asked(store).service_metrics("größe", "", "", START, END, 60_000_000)
    assert [(one.version, one.first_micros) for one in metrics.versions] == [
        ("1.0", START // 1000 + 1),
        ("2.0", START // 1000 + 60_000_001),
    ]


async def test_operations_lead_to_their_slowest_and_their_newest_failed_span(
    store: Store,
) -> None:
    await store.write(
        request(
            of(
                "shop",
                span(1, "kaufen 🛒", trace_id=0xA, kind=SERVER, duration=9 * SECOND),
                span(2, "kaufen 🛒", trace_id=0xB, kind=SERVER, status=ERROR),
                span(3, "kaufen 🛒", trace_id=0xC, kind=SERVER, start=START + 5, status=ERROR),
                span(4, "kaufen 🛒", trace_id=0xD, kind=CLIENT, duration=1),
                span(5, "'; --", trace_id=0xE, kind=77, duration=2),
                span(6, "'; --", trace_id=0xE, duration=3),
            ),
            of("elsewhere", span(7, "kaufen 🛒", trace_id=0xF, kind=SERVER, duration=HOUR)),
        )
    )
    served, unnamed, called = await asked(store).operations_overview("shop", "", START, END)
    assert (served.operation, served.kind, served.calls, served.errors) == (
        "kaufen 🛒",
        "server",
        3,
        2,
    )
    assert served.total_nanos == 9 * SECOND + 2 * MILLISECOND
    assert (served.slowest_trace_id, served.slowest_span_id) == (f"{0xA:032x}", f"{1:016x}")
    assert (served.failed_trace_id, served.failed_span_id) == (f"{0xC:032x}", f"{3:016x}")
    assert (unnamed.operation, unnamed.kind, unnamed.calls) == ("'; --", "", 2)
    assert (called.kind, called.failed_trace_id, called.failed_span_id) == ("client", "", "")
    only = await asked(store).operations_overview("shop", "client", START, END)
    assert only == [called]


async def test_no_more_operations_than_promised_the_heaviest_first(store: Store) -> None:
    spans = [span(n, f"operation {n}", trace_id=n, duration=n * MILLISECOND) for n in range(1, 510)]
    await store.write(request(of("shop", *spans)))
    found = await asked(store).operations_overview("shop", "", START, END)
    assert [one.operation for one in found] == [f"operation {n}" for n in range(509, 9, -1)]


async def test_metrics_of_an_operation_or_a_kind_count_all_its_spans(store: Store) -> None:
    spans = [
        span(1, "serve", kind=SERVER),
        span(2, "query", parent=1, kind=CLIENT, start=START + MINUTE, status=ERROR),
        span(3, "query", parent=1, start=START + 2 * MINUTE),
    ]
    await store.write(request(of("shop", *spans)))
    for operation, kind, calls in (
        ("", "", [1, 0, 0]),
        ("query", "", [0, 1, 1]),
        ("query", "client", [0, 1, 0]),
        ("", "client", [0, 1, 0]),
        ("serve", "client", [0, 0, 0]),
        ("query", "unspecified", [0, 0, 1]),
    ):
        metrics = await asked(store).service_metrics(
            "shop", operation, kind, START, START + 3 * MINUTE, 60_000_000
        )
        assert metrics.calls == calls, (operation, kind)
        assert metrics.start_micros == START // 1000
        assert len(metrics.errors) == len(metrics.p50_nanos) == len(metrics.p99_nanos) == 3


async def test_an_empty_store_has_empty_answers(store: Store) -> None:
    service = asked(store)
    assert await service.services_overview(START, END) == []
    assert await service.operations_overview("shop", "", START, END) == []
    answer = await service.service_map(START, END, "shop")
    assert (answer.nodes, answer.edges) == ([], [])
    metrics = await service.service_metrics("shop", "", "", START, START + 2 * SECOND, 1_000_000)
    assert (metrics.calls, metrics.p95_nanos, metrics.versions) == ([0, 0], [None, None], [])
