"""Old spans go by age and by size, in whole partitions first."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ananta.model import SpanBatch
from ananta.store.retention import DAY_SECONDS, Retention, period_seconds
from ananta.store.writer import Writer
from ananta.telemetry.metrics import Metrics
from tests.unit.api.otlp_spans import START, of, raw_trace_id, request, span

if TYPE_CHECKING:
    from tests.store.conftest import Store

NOW = START // 10**9
HOUR = 3600


def retention(store: Store, metrics: Metrics, **settings: int) -> Retention:
    defaults = {"ttl_seconds": 0, "max_bytes": 0, "period_seconds": DAY_SECONDS}
    return Retention(
        store.database,
        **{**defaults, **settings},
        log=logging.getLogger("ananta.store"),
        metrics=metrics,
        now=lambda: NOW,
    )


def dropped(metrics: Metrics, reason: str) -> float:
    counter = metrics.counter(
        "ananta_store_dropped_spans", "Spans dropped from the store.", ("reason",)
    )
    return counter.value(reason=reason)


async def store_days(store: Store, *days_ago: int, spans: int = 1) -> None:
    """Spans of some days, each with the trace id of its day."""
    for days in days_ago:
        then = NOW - days * DAY_SECONDS
        writer = Writer(store.database, now=partial(float, then))
        at = then * 10**9
        payload = request(
            of(f"day-{days}", *(span(n, trace_id=days + 1, start=at) for n in range(1, spans + 1)))
        )
        await writer.write(SpanBatch.from_otlp(payload))


async def has_trace(store: Store, day: int) -> bool:
    return len(await store.reader.read_traces([raw_trace_id(day + 1)])) > 0


async def test_partitions_past_their_age_are_dropped_with_all_that_finds_them(
    store: Store,
) -> None:
    await store_days(store, 0, 1, 5, 9)
    metrics = Metrics()
    await retention(store, metrics, ttl_seconds=4 * DAY_SECONDS).apply()
    # The fifth day's partition may hold spans four days old, until it is five days old.
    assert [await has_trace(store, day) for day in (0, 1, 5, 9)] == [True, True, False, False]
    assert sorted(await store.reader.services()) == ["day-0", "day-1"]
    assert await store.count("origins") == 4
    assert dropped(metrics, "age") == 2
    await retention(store, metrics, ttl_seconds=4 * DAY_SECONDS).apply()
    assert dropped(metrics, "age") == 2


async def test_the_oldest_partitions_go_until_the_rest_fits(store: Store) -> None:
    await store_days(store, 3, 2, 1, 0, spans=200)
    rows = await store.database.rows(
        "SELECT sum(bytes_on_disk) FROM system.parts WHERE active"
        f" AND database = '{store.database.name}' AND table != 'schema_version'"
    )
    metrics = Metrics()
    await retention(store, metrics, max_bytes=rows[0][0]).apply()
    assert dropped(metrics, "size") == 0
    await retention(store, metrics, max_bytes=rows[0][0] * 6 // 10).apply()
    assert [await has_trace(store, day) for day in (3, 2, 1, 0)] == [False, False, True, True]
    assert dropped(metrics, "size") == 400


async def test_the_oldest_minutes_go_where_one_partition_is_too_large(store: Store) -> None:
    spans = [
        span(n, trace_id=n, start=START - START % (DAY_SECONDS * 10**9) + n * 60 * 10**9)
        for n in range(1, 401)
    ]
    await store.write(request(of("shop", *spans)))
    metrics = Metrics()
    await retention(store, metrics, max_bytes=1).apply()
    left = await store.count()
    assert 0 < left <= 301
    assert dropped(metrics, "size") == 400 - left
    assert len(await store.reader.read_traces([raw_trace_id(1)])) == 0
    assert len(await store.reader.read_traces([raw_trace_id(400)])) == 1


async def test_nothing_is_dropped_without_a_limit(store: Store) -> None:
    await store_days(store, 0, 300)
    task = retention(store, Metrics())
    await task.apply()
    task.start()
    await task.stop()
    assert await store.count() == 2


@pytest.mark.parametrize(
    ("ttl", "period"),
    [
        (0, DAY_SECONDS),
        (30 * DAY_SECONDS, DAY_SECONDS),
        (8 * DAY_SECONDS, DAY_SECONDS),
        (7 * DAY_SECONDS, 12 * HOUR),
        (2 * DAY_SECONDS, 6 * HOUR),
        (DAY_SECONDS, 3 * HOUR),
        (HOUR, HOUR),
    ],
)
def test_a_partition_is_short_beside_what_is_kept(ttl: int, period: int) -> None:
    assert period_seconds(ttl) == period
