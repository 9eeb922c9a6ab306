"""The processor `memory_limiter`: its arithmetic, when it refuses, when it collects garbage."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydantic import ValidationError

from ananta.component import Settings
from ananta.errors import RetryableError
from ananta.processors.memory_limiter import (
    MemoryLimiterConfig,
    MemoryLimiterProcessor,
    free_memory,
)
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.process import read_memory, total_memory_bytes
from tests.unit.pipeline.batches import Recorder, batch_of, until

MIB = 1 << 20
LIMITS = {"check_interval": "1s", "limit_mib": 100, "spike_limit_mib": 20}


class Process:
    """A process whose memory and clock a test sets."""

    def __init__(self, **config: Any) -> None:
        self.used_mib = 0.0
        self.garbage_mib = 0.0
        self.collections = 0
        self.seconds = 0.0
        self.sink = Recorder()
        settings = Settings(
            "memory_limiter", logging.getLogger("ananta.processors.memory_limiter"), Metrics()
        )
        self.metrics = settings.metrics
        self.limiter = MemoryLimiterProcessor(
            MemoryLimiterConfig.model_validate(LIMITS | config),
            settings,
            self.sink,
            used_bytes=lambda: int(self.used_mib * MIB),
            collect_garbage=self.collect,
            now=lambda: self.seconds,
        )

    def collect(self) -> None:
        self.collections += 1
        self.used_mib -= self.garbage_mib
        self.garbage_mib = 0

    async def refuses(self) -> bool:
        try:
            await self.limiter.consume(batch_of("a"))
        except RetryableError:
            return True
        return False


async def test_below_the_soft_limit_everything_passes() -> None:
    process = Process()
    process.used_mib = 79.9
    process.limiter.check()
    assert not await process.refuses()
    assert process.sink.names == ["a"]
    assert process.collections == 0


async def test_at_the_soft_limit_it_refuses_until_usage_is_below_again(caplog) -> None:
    caplog.set_level(logging.INFO, "ananta.processors")
    process = Process()
    process.used_mib = 80
    process.limiter.check()
    with pytest.raises(RetryableError, match=r"^data refused due to high memory usage$"):
        await process.limiter.consume(batch_of("a"))
    process.used_mib = 79
    process.limiter.check()
    assert not await process.refuses()
    assert [record.message for record in caplog.records] == [
        "Memory usage is above soft limit. Refusing data.",
        "Memory usage back within limits. Resuming normal operation.",
    ]


async def test_it_does_not_refuse_what_a_collection_makes_room_for() -> None:
    process = Process()
    process.used_mib, process.garbage_mib = 90, 20
    process.limiter.check()
    assert process.collections == 1
    assert not await process.refuses()


async def test_at_the_soft_limit_it_collects_at_most_once_an_interval() -> None:
    process = Process(min_gc_interval_when_soft_limited="10s")
    process.used_mib, process.garbage_mib = 90, 9
    process.limiter.check()
    process.seconds = 9
    process.limiter.check()
    assert process.collections == 1
    process.seconds = 10
    process.limiter.check()
    assert process.collections == 2


async def test_at_the_hard_limit_it_collects_at_every_check_while_that_helps() -> None:
    process = Process()
    for second in range(4):
        process.seconds = second
        process.used_mib, process.garbage_mib = 110, 20
        process.limiter.check()
    assert process.collections == 4


async def test_collecting_in_vain_is_done_less_and_less_often_up_to_the_longest_interval() -> None:
    process = Process(max_gc_interval_when_hard_limited="8s")
    process.used_mib = 110
    collected_at = []
    for second in range(40):
        process.seconds = second
        before = process.collections
        process.limiter.check()
        if process.collections > before:
            collected_at.append(second)
    assert collected_at == [0, 2, 6, 14, 22, 30, 38]


async def test_what_passes_and_what_is_refused_is_counted() -> None:
    process = Process()
    process.limiter.check()
    await process.refuses()
    process.used_mib = 99
    process.limiter.check()
    await process.refuses()
    text = process.metrics.exposition().decode()
    label = '{processor="memory_limiter"}'
    assert f"otelcol_processor_memory_limiter_accepted_spans{label} 1.0" in text
    assert f"otelcol_processor_memory_limiter_refused_spans{label} 1.0" in text


async def test_it_measures_when_it_starts_and_then_every_interval() -> None:
    process = Process(check_interval="1ms")
    host: Any = None
    process.used_mib = 90
    await process.limiter.start(host)
    assert await process.refuses()
    process.used_mib = 10
    await until(lambda: not process.limiter._refusing)
    await process.limiter.shutdown()
    await process.limiter.shutdown()


@pytest.mark.parametrize(
    ("settings", "hard_mib", "soft_mib"),
    [
        ({"limit_mib": 100}, 100, 80),
        ({"limit_mib": 768, "spike_limit_mib": 192}, 768, 576),
        ({"limit_percentage": 50}, 500, 400),
        ({"limit_percentage": 50, "spike_limit_percentage": 30}, 500, 200),
        ({"limit_mib": 100, "limit_percentage": 50}, 100, 80),
    ],
)
def test_limits_follow_from_mib_or_else_from_percentages(settings, hard_mib, soft_mib) -> None:
    config = MemoryLimiterConfig.model_validate({"check_interval": "1s", **settings})
    total = 1000 * MIB
    assert config.hard_limit_bytes(total) == hard_mib * MIB
    assert config.soft_limit_bytes(total) == soft_mib * MIB


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"check_interval": "0s"}, "'check_interval' must be greater than zero"),
        ({"limit_mib": 0}, "'limit_mib' or 'limit_percentage' must be greater than zero"),
        ({"spike_limit_mib": 100}, "'spike_limit_mib' must be smaller than 'limit_mib'"),
        (
            {"limit_mib": 0, "limit_percentage": 50, "spike_limit_percentage": 50},
            "'spike_limit_percentage' must be smaller than 'limit_percentage'",
        ),
        (
            {"limit_percentage": 101},
            "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less"
            " than or equal to hundred",
        ),
        (
            {"min_gc_interval_when_soft_limited": "1s", "min_gc_interval_when_hard_limited": "2s"},
            "'min_gc_interval_when_soft_limited' should be larger than"
            " 'min_gc_interval_when_hard_limited'",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message) -> None:
    with pytest.raises(ValidationError, match=message):
        MemoryLimiterConfig.model_validate(LIMITS | settings)


def test_freeing_memory_gives_what_was_allocated_back_to_the_system() -> None:
    before = read_memory().anonymous_bytes
    blocks = [bytes([1]) * 100_000 for _ in range(500)]
    grown = read_memory().anonymous_bytes
    assert grown - before > 30 * MIB
    del blocks
    free_memory()
    assert read_memory().anonymous_bytes - before < (grown - before) / 2


def test_the_total_is_no_more_than_the_machine_has() -> None:
    memory = read_memory()
    assert memory.anonymous_bytes <= memory.resident_bytes < total_memory_bytes()
