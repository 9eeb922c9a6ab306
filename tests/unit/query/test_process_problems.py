"""What the process says is wrong now."""

from __future__ import annotations

import time

import pytest
from tests.unit.pipeline.batches import until
from tests.unit.pipeline.components import the
from tests.unit.query.running_process import Running, running

from ananta.errors import PermanentError, RetryableError
from ananta.query.answers import PipelineComponent
from ananta.query.process.problems import find_problems, memory_limit_bytes
from ananta.telemetry.disk import DiskUsage

GIB = 2**30
CHAIN = """
    receivers: {plain/in: }
    processors: {memory_limiter: {limit_mib: %d, check_interval: 1h}}
    exporters:
      queued:
        sending_queue: {queue_size: 10}
        retry_on_failure: {initial_interval: 1h, max_interval: 1h, max_elapsed_time: 0s}
    service:
      pipelines:
        traces: {receivers: [plain/in], processors: [memory_limiter], exporters: [queued]}
"""
AMPLE_MIB, SCARCE_MIB = 1 << 20, 1


async def fail_delivery(process: Running, error: Exception) -> None:
    """Send a span whose delivery fails."""
    delivery = process.service.overview.operations.operation("exporter/queued/delivery")
    failed = delivery.num_errors
    the("queued").failures = [error]
    await process.send("a")
    await until(lambda: delivery.num_errors > failed)


async def problems_after(process: Running, seconds: float) -> list[str]:
    told = await process.pipeline()
    return find_problems(
        process.service.overview,
        told.components,
        memory_bytes=0,
        disk=None,
        now=time.time() + seconds,
    )


async def test_all_is_well() -> None:
    async with running(CHAIN % AMPLE_MIB) as process:
        await process.send("a")
        await process.service.flush("queued")
        assert (await process.pipeline()).problems == []


async def test_an_exporter_that_cannot_deliver_is_quoted() -> None:
    async with running(CHAIN % AMPLE_MIB) as process:
        await fail_delivery(process, RetryableError("connection refused"))
        (problem,) = (await process.pipeline()).problems
        assert problem.startswith('Exporter "queued" cannot deliver, last at ')
        assert " UTC: connection refused. Check that " in problem
        assert len(await problems_after(process, 3600)) == 1, "the span still waits"


async def test_what_succeeds_again_is_no_problem() -> None:
    async with running(CHAIN % AMPLE_MIB) as process:
        await fail_delivery(process, PermanentError("bad span"))
        assert "bad span" in (await process.pipeline()).problems[0]
        await process.service.flush("queued")
        await process.send("b")
        await process.service.flush("queued")
        assert (await process.pipeline()).problems == []


async def test_an_error_with_nothing_left_to_deliver_is_told_for_a_minute() -> None:
    async with running(CHAIN % AMPLE_MIB) as process:
        await fail_delivery(process, PermanentError("bad span"))
        await process.service.flush("queued")
        assert len(await problems_after(process, 30)) == 1
        assert await problems_after(process, 61) == []


async def test_a_full_queue_is_told_with_its_cause_and_once() -> None:
    async with running(CHAIN % AMPLE_MIB) as process:
        the("queued").failures = [RetryableError("away")] * 20
        for _ in range(8):
            await process.send("a")
        assert not [each for each in (await process.pipeline()).problems if "full" in each]
        for _ in range(2):
            await process.send("a")
        with pytest.raises(RetryableError):
            await process.send("a")
        queue, delivery = (await process.pipeline()).problems
    assert queue.startswith('The queue of exporter "queued" is 100 % full: 10 of 10 requests.')
    assert "exporters::queued::sending_queue::queue_size" in queue
    assert "away" in delivery


async def test_a_component_that_fails_by_itself_is_named() -> None:
    text = """
    receivers: {plain/in: }
    processors: {plain/p1: , plain/p2: }
    exporters: {nop: }
    service:
      pipelines:
        traces: {receivers: [plain/in], processors: [plain/p1, plain/p2], exporters: [nop]}
    """
    async with running(text) as process:

        async def consume(_batch: object) -> None:
            message = "no such tenant"
            raise PermanentError(message)

        the("plain/p2").consume = consume
        with pytest.raises(PermanentError):
            await process.send("a")
        (problem,) = (await process.pipeline()).problems
    assert problem.startswith('Processor "plain/p2" refuses spans, last at ')


async def test_memory_that_is_short_is_told_with_both_numbers() -> None:
    async with running(CHAIN % SCARCE_MIB) as process:
        with pytest.raises(RetryableError):
            await process.send("a")
        told = await process.pipeline()
    assert told.memory_limit_bytes == 2**20 < told.memory_bytes
    (problem,) = told.problems
    assert problem.startswith('Processor "memory_limiter" refuses spans: the process uses ')
    assert "refusing begins at 819 KiB" in problem
    (limiter,) = [each for each in told.components if each.id == "memory_limiter"]
    assert (limiter.accepted, limiter.refused) == (0, 1)


async def test_the_strictest_limit_is_told() -> None:
    text = """
    receivers: {plain/in: }
    processors:
      memory_limiter: {limit_mib: 4000, check_interval: 1h}
      memory_limiter/strict: {limit_mib: 3000, check_interval: 1h}
      memory_limiter/unused: {limit_mib: 1, check_interval: 1h}
    exporters: {nop: }
    service:
      pipelines:
        traces:
          receivers: [plain/in]
          processors: [memory_limiter, memory_limiter/strict]
          exporters: [nop]
    """
    async with running(text) as process:
        assert memory_limit_bytes(process.service.overview.config) == 3000 * 2**20
    async with running(text.replace("[memory_limiter, memory_limiter/strict]", "[]")) as process:
        assert (await process.pipeline()).memory_limit_bytes is None


@pytest.mark.parametrize(
    ("free", "total", "told"),
    [
        (4 * GIB, 100 * GIB, ["4.0 GiB of 100 GiB are free"]),
        (6 * GIB, 100 * GIB, []),
        (20 * GIB, 10_000 * GIB, []),
        (9 * GIB, 10_000 * GIB, ["9.0 GiB of 9.8 TiB are free"]),
    ],
)
async def test_a_disk_that_is_nearly_full_is_told(free: int, total: int, told: list[str]) -> None:
    async with running(CHAIN % AMPLE_MIB) as process:
        problems = find_problems(
            process.service.overview,
            [],
            memory_bytes=0,
            disk=DiskUsage(0, free, total),
            now=time.time(),
        )
    assert len(problems) == len(told)
    assert all(words in problem for words, problem in zip(told, problems, strict=True))


def test_a_queue_in_bytes_is_told_in_bytes() -> None:
    # asked of the sentence alone: filling a journal would take a journal
    from ananta.query.process.problems import _queue_problems

    component = PipelineComponent(
        kind="exporters",
        id="clickhouse",
        pipelines=["traces"],
        addresses={},
        accepted=0,
        refused=0,
        refused_requests={},
        dropped=0,
        dropped_reasons={},
        errors=[],
        queue_size=int(3.9 * GIB),
        queue_capacity=4 * GIB,
        queue_unit="bytes",
    )
    (problem,) = _queue_problems([component])
    assert "97 % full: 3.9 GiB of 4.0 GiB." in problem
