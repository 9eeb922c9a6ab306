"""The processor `batch`: when it sends, what it sends, and what happens to what is refused."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ananta.component import Settings
from ananta.errors import PermanentError, RetryableError
from ananta.processors.batch import BatchConfig, BatchProcessor
from ananta.telemetry.metrics import Metrics
from tests.unit.pipeline.batches import Recorder, batch_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST: Any = SimpleNamespace(report_fatal=lambda *_: pytest.fail("fatal"))
PATIENT = {"timeout": "1h"}


@asynccontextmanager
async def running(recorder: Recorder, **config: Any) -> AsyncIterator[BatchProcessor]:
    settings = Settings("batch", logging.getLogger("ananta.processors.batch"), Metrics("detailed"))
    processor = BatchProcessor(BatchConfig.model_validate(config), settings, recorder)
    await processor.start(HOST)
    try:
        yield processor
    finally:
        recorder.gate.set()
        await processor.shutdown()


async def test_spans_are_sent_together_once_enough_have_gathered() -> None:
    recorder = Recorder()
    async with running(recorder, send_batch_size=3, **PATIENT) as processor:
        for name in "ab":
            await processor.consume(batch_of(name))
        await asyncio.sleep(0)
        assert recorder.attempts == 0
        await processor.consume(batch_of("c", "d"))
        await until(lambda: bool(recorder.batches))
        assert recorder.batches == [["a", "b", "c", "d"]]


async def test_spans_are_sent_when_the_timeout_has_passed() -> None:
    recorder = Recorder()
    async with running(recorder, send_batch_size=1000, timeout="1ms") as processor:
        for name in "ab":
            await processor.consume(batch_of(name))
        await until(lambda: bool(recorder.batches))
        await processor.consume(batch_of("c"))
        await until(lambda: len(recorder.batches) == 2)
    assert recorder.batches == [["a", "b"], ["c"]]


async def test_no_batch_is_larger_than_the_maximum_and_the_rest_waits() -> None:
    recorder = Recorder()
    config = {"send_batch_size": 2, "send_batch_max_size": 3, **PATIENT}
    async with running(recorder, **config) as processor:
        await processor.consume(batch_of(*"abcdefg"))
        await until(lambda: len(recorder.batches) == 2)
        assert recorder.batches == [list("abc"), list("def")]
    assert recorder.batches[2:] == [["g"]]


async def test_a_rest_that_waits_is_sent_when_the_timeout_has_passed() -> None:
    recorder = Recorder()
    config = {"send_batch_size": 2, "send_batch_max_size": 3, "timeout": "1ms"}
    async with running(recorder, **config) as processor:
        await processor.consume(batch_of(*"abcd"))
        await until(lambda: len(recorder.batches) == 2)
    assert recorder.batches == [list("abc"), ["d"]]


@pytest.mark.parametrize("config", [{"timeout": "0s"}, {"send_batch_size": 0}])
async def test_a_zero_sends_at_once_in_parts_and_answers_with_the_result(config) -> None:
    recorder = Recorder()
    config = {"send_batch_size": 0, "send_batch_max_size": 2} | config
    async with running(recorder, **config) as processor:
        await processor.consume(batch_of("a", "b", "c"))
        assert recorder.batches == [["a", "b"], ["c"]]
        recorder.failures = [PermanentError("bad span")]
        with pytest.raises(PermanentError, match="bad span"):
            await processor.consume(batch_of("d"))


async def test_stopping_sends_what_is_gathered() -> None:
    recorder = Recorder()
    async with running(recorder, **PATIENT) as processor:
        await processor.consume(batch_of("a"))
    assert recorder.names == ["a"]
    await processor.shutdown()
    with pytest.raises(RetryableError, match="the process is stopping"):
        await processor.consume(batch_of("b"))


async def test_a_flush_sends_what_is_gathered_and_returns_when_it_is_accepted() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder, **PATIENT) as processor:
        await processor.consume(batch_of("a"))
        flushing = asyncio.create_task(processor.flush())
        await until(lambda: recorder.attempts == 1)
        assert not flushing.done()
        recorder.gate.set()
        await flushing
        assert recorder.names == ["a"]
        await processor.flush()


async def test_while_the_next_component_is_slow_senders_wait() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with running(recorder, send_batch_size=1, **PATIENT) as processor:
        sending = [asyncio.create_task(processor.consume(batch_of(name))) for name in "abcdef"]
        await until(lambda: recorder.attempts == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert sum(task.done() for task in sending) < 6
        recorder.gate.set()
        await asyncio.gather(*sending)
        await processor.flush()
    assert recorder.names == list("abcdef")


async def test_what_is_refused_for_good_is_dropped_with_a_warning(caplog) -> None:
    recorder = Recorder()
    recorder.failures = [PermanentError("bad span")]
    async with running(recorder, **PATIENT) as processor:
        await processor.consume(batch_of("a", "b"))
        await processor.flush()
        await processor.consume(batch_of("c"))
    assert recorder.names == ["c"]
    (record,) = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "Sender failed")
    assert (record.error, record.dropped_items) == ("bad span", 2)


async def test_what_is_refused_for_now_is_offered_again_and_senders_feel_it() -> None:
    recorder = Recorder()
    recorder.failures = [RetryableError("sending queue is full", grpc_status=14)] * 100
    async with running(recorder, send_batch_size=2, **PATIENT) as processor:
        await processor.consume(batch_of("a", "b"))
        await until(lambda: recorder.attempts > 0)
        await processor.consume(batch_of("c", "d"))
        await processor.consume(batch_of("e", "f"))
        with pytest.raises(RetryableError, match="sending queue is full") as caught:
            await processor.consume(batch_of("g", "h"))
        assert caught.value.grpc_status == 14
        with pytest.raises(RetryableError, match="sending queue is full"):
            await processor.flush()
        recorder.failures.clear()
        await processor.flush()
        await processor.consume(batch_of("g", "h"))
    assert recorder.names == list("abcdefgh")


async def test_stopping_makes_one_last_attempt_and_then_drops_with_a_warning(caplog) -> None:
    recorder = Recorder()
    recorder.failures = [RetryableError("full")] * 100
    async with running(recorder, send_batch_size=1, **PATIENT) as processor:
        await processor.consume(batch_of("a"))
        await until(lambda: recorder.attempts == 1)
    assert recorder.attempts == 2
    assert caplog.records[-1].message == "Sender failed"


async def test_what_is_sent_is_counted_by_what_made_it_go() -> None:
    recorder = Recorder()
    async with running(recorder, send_batch_size=2, timeout="1ms") as processor:
        await processor.consume(batch_of("a", "b"))
        await until(lambda: len(recorder.batches) == 1)
        await processor.consume(batch_of("c"))
        await until(lambda: len(recorder.batches) == 2)
        text = processor._settings.metrics.exposition().decode()
    label = '{processor="batch"}'
    assert f"otelcol_processor_batch_batch_size_trigger_send{label} 1.0" in text
    assert f"otelcol_processor_batch_timeout_trigger_send{label} 1.0" in text
    assert f"otelcol_processor_batch_batch_send_size_count{label} 2.0" in text
    assert f"otelcol_processor_batch_batch_send_size_sum{label} 3.0" in text
    assert f"otelcol_processor_batch_batch_send_size_bytes_count{label} 2.0" in text


async def test_metadata_keys_are_taken_and_said_to_have_no_effect(caplog) -> None:
    async with running(Recorder(), metadata_keys=["tenant"]):
        pass
    assert "metadata_keys has no effect" in caplog.text


def test_defaults_are_the_collectors() -> None:
    config = BatchConfig()
    assert (config.send_batch_size, config.timeout, config.send_batch_max_size) == (8192, 0.2, 0)
    assert (config.metadata_keys, config.metadata_cardinality_limit) == ([], 1000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"send_batch_size": 10, "send_batch_max_size": 5},
            "send_batch_max_size must be greater or equal to send_batch_size",
        ),
        ({"timeout": "-1s"}, "timeout must be greater or equal to 0"),
        ({"metadata_keys": ["a", "A"]}, 'duplicate entry in metadata_keys: "A"'),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message) -> None:
    with pytest.raises(ValidationError, match=message):
        BatchConfig.model_validate(settings)
