"""The sending queue in memory: bounds, blocks, flush, shutdown."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from ananta.config.shared import QueueConfig
from ananta.errors import DeliveryError, PermanentError, RetryableError
from ananta.pipeline.queue import Block, MemoryBacklog, SendingQueue
from tests.unit.pipeline.batches import Recorder, batch_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@asynccontextmanager
async def running(recorder: Recorder, **settings) -> AsyncIterator[SendingQueue]:
    """A queue before the recorder, with `sending_queue` settings as in a file."""

    async def deliver(block: Block, on_failure: Callable[[RetryableError], None]) -> None:
        await recorder.consume(block.batch)

    queue = SendingQueue(QueueConfig.model_validate(settings), MemoryBacklog(), deliver)
    run = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        recorder.gate.set()
        queue.close()
        await run


async def test_what_was_put_is_delivered_in_order() -> None:
    recorder = Recorder()
    async with running(recorder, num_consumers=1) as queue:
        for name in "abc":
            await queue.put(batch_of(name))
    assert recorder.names == ["a", "b", "c"]


async def test_putting_does_not_wait_for_delivery() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder) as queue:
        await queue.put(batch_of("a"))
        assert recorder.batches == []
    assert recorder.names == ["a"]


async def test_what_waits_for_a_busy_exporter_goes_out_together() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder, num_consumers=1) as queue:
        await queue.put(batch_of("first"))
        await until(lambda: bool(recorder.attempts))
        for name in "abc":
            await queue.put(batch_of(name))
    assert recorder.batches == [["first"], ["a", "b", "c"]]


async def test_no_more_deliveries_run_at_once_than_there_are_consumers() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder, num_consumers=2) as queue:
        for number, name in enumerate("abcd", 1):
            await queue.put(batch_of(name))
            await until(lambda n=number: recorder.attempts == min(n, 2))  # type: ignore[misc]
        for _ in range(10):
            await asyncio.sleep(0)
        assert recorder.attempts == 2


async def test_an_empty_batch_is_ignored() -> None:
    recorder = Recorder()
    async with running(recorder) as queue:
        await queue.put(batch_of())
        assert queue.size == 0
    assert recorder.attempts == 0


@pytest.mark.parametrize(
    ("sizer", "capacity"), [("requests", 2), ("items", 4), ("bytes", 2 * batch_of("a", "b").nbytes)]
)
async def test_a_full_queue_refuses_and_takes_again_once_there_is_room(sizer, capacity) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder, sizer=sizer, queue_size=capacity) as queue:
        await queue.put(batch_of("a", "b"))
        await queue.put(batch_of("c", "d"))
        assert queue.size == capacity
        with pytest.raises(RetryableError, match=r"^sending queue is full$"):
            await queue.put(batch_of("e", "f"))
        recorder.gate.set()
        await queue.flush()
        assert queue.size == 0
        await queue.put(batch_of("e", "f"))
    assert sorted(recorder.names) == ["a", "b", "c", "d", "e", "f"]


async def test_a_batch_larger_than_the_queue_is_refused_with_the_setting_to_raise() -> None:
    async with running(Recorder(), sizer="items", queue_size=2) as queue:
        with pytest.raises(RetryableError, match=r"element size too large: 3 .* raise queue_size"):
            await queue.put(batch_of("a", "b", "c"))


async def test_with_block_on_overflow_the_sender_waits_for_room() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder, queue_size=1, block_on_overflow=True) as queue:
        await queue.put(batch_of("a"))
        waiting = [asyncio.create_task(queue.put(batch_of(name))) for name in "bc"]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        recorder.gate.set()
        await asyncio.gather(*waiting)
    assert recorder.names == ["a", "b", "c"]


async def test_a_sender_that_waits_for_room_is_told_when_the_process_stops() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder, queue_size=1, block_on_overflow=True) as queue:
        await queue.put(batch_of("a"))
        waiting = asyncio.create_task(queue.put(batch_of("b")))
        await asyncio.sleep(0)
        queue.close()
        with pytest.raises(RetryableError, match="the process is stopping"):
            await waiting


async def test_with_wait_for_result_the_sender_gets_the_error_of_its_own_delivery() -> None:
    recorder = Recorder()
    recorder.failures = [PermanentError("bad span")]
    async with running(recorder, num_consumers=1, wait_for_result=True) as queue:
        refused = await queue.put(batch_of("a"))
        assert refused is not None
        with pytest.raises(PermanentError, match="bad span"):
            await refused
        accepted = await queue.put(batch_of("b"))
        assert accepted is not None
        await accepted
    assert recorder.names == ["b"]


async def test_a_failed_delivery_does_not_stop_the_next() -> None:
    recorder = Recorder()
    recorder.failures = [PermanentError("bad"), RetryableError("given up")]
    async with running(recorder, num_consumers=1) as queue:
        for name in "abc":
            await queue.put(batch_of(name))
            await queue.flush()
        assert queue.size == 0
    assert recorder.names == ["c"]


BATCHING = {"sizer": "items", "batch": {"flush_timeout": "1h", "min_size": 3}}


async def test_with_batch_a_block_goes_out_when_enough_has_gathered() -> None:
    recorder = Recorder()
    async with running(recorder, **BATCHING) as queue:
        for name in "abcd":
            await queue.put(batch_of(name))
        await until(lambda: bool(recorder.batches))
        assert recorder.batches == [["a", "b", "c"]]
        assert queue.size == 1
    assert recorder.batches == [["a", "b", "c"], ["d"]]


async def test_with_batch_a_block_goes_out_when_the_timeout_has_passed() -> None:
    recorder = Recorder()
    batch = {"flush_timeout": "1ms", "min_size": 3}
    async with running(recorder, sizer="items", batch=batch) as queue:
        await queue.put(batch_of("a"))
        await queue.put(batch_of("b"))
        await until(lambda: queue.size == 0)
        assert recorder.batches == [["a", "b"]]
        await queue.put(batch_of("c"))
        await until(lambda: queue.size == 0)
    assert recorder.batches == [["a", "b"], ["c"]]


async def test_a_block_ends_before_it_exceeds_the_largest_size() -> None:
    recorder = Recorder()
    batch = {"flush_timeout": "1h", "min_size": 3, "max_size": 5}
    recorder.gate.clear()
    async with running(recorder, sizer="items", num_consumers=1, batch=batch) as queue:
        await queue.put(batch_of(*"abc"))
        await until(lambda: bool(recorder.attempts))
        for names in ("de", "fg", "hi", "j"):
            await queue.put(batch_of(*names))
    assert recorder.batches == [list("abc"), list("defg"), list("hij")]


async def test_a_flush_returns_when_everything_accepted_before_it_is_delivered() -> None:
    recorder = Recorder()
    async with running(recorder, **BATCHING) as queue:
        await queue.put(batch_of("a"))
        await queue.flush()
        assert recorder.batches == [["a"]]


async def test_flushes_at_the_same_time_share_one_delivery() -> None:
    recorder = Recorder()
    async with running(recorder, **BATCHING) as queue:
        await queue.put(batch_of("a"))
        await asyncio.gather(*(queue.flush() for _ in range(10)))
    assert recorder.attempts == 1


async def test_a_flush_of_nothing_returns_at_once() -> None:
    async with running(Recorder(), **BATCHING) as queue:
        flush = queue.flush()
        with pytest.raises(StopIteration):
            flush.send(None)


async def test_a_flush_waits_for_deliveries_that_overtake_each_other() -> None:
    gates = {name: asyncio.Event() for name in "ab"}
    started: list[str] = []
    delivered: list[str] = []

    async def deliver(block: Block, on_failure: Callable[[RetryableError], None]) -> None:
        name = "ab"[block.first]
        started.append(name)
        await gates[name].wait()
        delivered.append(name)

    queue = SendingQueue(QueueConfig(), MemoryBacklog(), deliver)
    run = asyncio.create_task(queue.run())
    for name in "ab":
        await queue.put(batch_of(name))
        await until(lambda name=name: name in started)  # type: ignore[misc]
    flush = asyncio.create_task(queue.flush())
    gates["b"].set()
    await until(lambda: delivered == ["b"])
    await asyncio.sleep(0)
    assert not flush.done()
    gates["a"].set()
    await flush
    assert delivered == ["b", "a"]
    queue.close()
    await run


async def test_a_flush_fails_when_the_exporter_fails_instead_of_waiting_for_its_retries() -> None:
    nudged = asyncio.Event()
    stop = asyncio.Event()

    async def deliver(block: Block, on_failure: Callable[[RetryableError], None]) -> None:
        await nudged.wait()
        on_failure(RetryableError("store is down"))
        await stop.wait()

    queue = SendingQueue(QueueConfig(), MemoryBacklog(), deliver, nudge=nudged.set)
    run = asyncio.create_task(queue.run())
    await queue.put(batch_of("a"))
    with pytest.raises(RetryableError, match=r"^cannot flush: store is down$"):
        await queue.flush()
    stop.set()
    queue.close()
    await run


async def test_closing_delivers_what_waits_and_refuses_what_comes() -> None:
    recorder = Recorder()
    async with running(recorder, **BATCHING) as queue:
        await queue.put(batch_of("a"))
        queue.close()
        with pytest.raises(RetryableError, match="the process is stopping"):
            await queue.put(batch_of("b"))
    assert recorder.names == ["a"]


async def test_closing_tries_every_block_even_when_one_fails() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    batch = {"flush_timeout": "1h", "min_size": 1, "max_size": 1}
    async with running(recorder, sizer="items", num_consumers=1, batch=batch) as queue:
        for name in "abc":
            await queue.put(batch_of(name))
        recorder.failures = [RetryableError("away")]
        recorder.gate.set()
    assert recorder.names == ["b", "c"]


async def test_a_cancelled_queue_leaves_what_it_could_not_deliver() -> None:
    recorder = Recorder()
    recorder.gate.clear()

    async def deliver(block: Block, on_failure: Callable[[RetryableError], None]) -> None:
        await recorder.consume(block.batch)

    queue = SendingQueue(QueueConfig(), MemoryBacklog(), deliver)
    run = asyncio.create_task(queue.run())
    await queue.put(batch_of("a", "b"))
    await asyncio.sleep(0)
    queue.close()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert queue.pending.items == 2


async def test_a_bug_in_delivery_ends_the_queue_with_the_error() -> None:
    async def deliver(block: Block, on_failure: Callable[[RetryableError], None]) -> None:
        message = "bug"
        raise ZeroDivisionError(message)

    queue = SendingQueue(QueueConfig(), MemoryBacklog(), deliver)
    run = asyncio.create_task(queue.run())
    await queue.put(batch_of("a"))
    with pytest.raises(ExceptionGroup) as caught:
        await run
    assert caught.value.subgroup(ZeroDivisionError)
    assert not isinstance(caught.value, DeliveryError)
