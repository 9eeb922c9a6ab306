"""An exporter in the pipeline: queue, retries, time limit, metrics, and what is left at a stop."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ananta.component import Settings
from ananta.config.shared import DeliveryConfig
from ananta.errors import PermanentError, RetryableError
from ananta.extensions.file_storage import FileStorageConfig, FileStorageExtension
from ananta.pipeline.exporter import ExporterRunner
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.operations import Operation
from tests.unit.pipeline.batches import IdempotentRecorder, Recorder, batch_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

AT_ONCE = {"retry_on_failure": {"initial_interval": "0s", "max_elapsed_time": "0s"}}
MUCH_LATER = {
    "retry_on_failure": {"initial_interval": "1h", "max_interval": "1h", "max_elapsed_time": "0s"}
}
NO_RETRY = {"retry_on_failure": {"enabled": False}}
NO_QUEUE = {"sending_queue": {"enabled": False}}


class Exporter(Recorder):
    """A recorder with a life."""

    def __init__(self) -> None:
        super().__init__()
        self.life: list[str] = []

    async def start(self, host: Any) -> None:
        self.life.append("start")

    async def shutdown(self) -> None:
        self.life.append("stop")


class IdempotentExporter(Exporter, IdempotentRecorder):
    """The same, taking tokens."""


def settings() -> Settings:
    return Settings("otlp/x", logging.getLogger("ananta.exporters.otlp/x"), Metrics())


def runner_of(exporter: Exporter, *parts: dict[str, Any]) -> ExporterRunner:
    config: dict[str, Any] = {}
    for part in parts:
        config |= part
    operation = Operation("exporter/otlp/x/delivery")
    return ExporterRunner(exporter, DeliveryConfig.model_validate(config), settings(), operation)


def host_with(directory: Path | None = None, **storage: Any) -> Any:
    config = {"directory": str(directory), **storage}
    extension = FileStorageExtension(FileStorageConfig.model_validate(config), settings())
    fatal: list[tuple[str, BaseException]] = []
    return SimpleNamespace(
        extension=lambda _: extension,
        report_fatal=lambda component_id, error: fatal.append((component_id, error)),
        fatal=fatal,
    )


@asynccontextmanager
async def running(
    exporter: Exporter, *parts: dict[str, Any], host: Any = None
) -> AsyncIterator[ExporterRunner]:
    runner = runner_of(exporter, *parts)
    await runner.start(host or host_with())
    try:
        yield runner
    finally:
        exporter.gate.set()
        await runner.shutdown()


def counted(runner: ExporterRunner, name: str) -> float:
    counter = runner.settings.metrics.counter(f"otelcol_exporter_{name}", "", ("exporter",))
    return counter.value(exporter="otlp/x")


async def test_what_is_consumed_is_delivered_and_counted() -> None:
    exporter = Exporter()
    async with running(exporter) as runner:
        await runner.consume(batch_of("a", "b"))
        await runner.flush()
        assert exporter.names == ["a", "b"]
        assert counted(runner, "sent_spans") == 2
        assert counted(runner, "send_failed_spans") == 0
    assert exporter.life == ["start", "stop"]


async def test_a_failure_that_may_pass_is_tried_again() -> None:
    exporter = Exporter()
    exporter.failures = [RetryableError("away"), RetryableError("away")]
    async with running(exporter, AT_ONCE) as runner:
        await runner.consume(batch_of("a"))
        await until(lambda: exporter.names == ["a"])
    assert counted(runner, "send_failed_spans") == 0


async def test_a_permanent_failure_drops_the_spans_counted_and_logged_with_the_reason(
    caplog,
) -> None:
    exporter = Exporter()
    exporter.failures = [PermanentError("bad span")]
    async with running(exporter) as runner:
        await runner.consume(batch_of("a", "b"))
        await runner.flush()
        await runner.consume(batch_of("c"))
    assert exporter.names == ["c"]
    assert counted(runner, "send_failed_spans") == 2
    assert runner.num_dropped == 2
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.message == "Exporting failed. Dropping data."
    assert record.error == "not retryable error: bad span"
    assert record.dropped_items == 2


async def test_batches_that_went_out_together_are_sent_one_by_one_after_a_refusal() -> None:
    exporter = Exporter()
    exporter.gate.clear()
    async with running(exporter, {"sending_queue": {"num_consumers": 1}}) as runner:
        await runner.consume(batch_of("first"))
        await until(lambda: exporter.attempts == 1)
        for name in "abc":
            await runner.consume(batch_of(name))
        exporter.failures = [PermanentError("bad"), PermanentError("bad")]
        exporter.gate.set()
    assert exporter.batches == [["first"], ["b"], ["c"]]
    assert runner.num_dropped == 1


async def test_a_bug_in_an_exporter_costs_its_batch_and_shows_the_traceback(caplog) -> None:
    exporter = Exporter()
    exporter.failures = [ZeroDivisionError("division by zero")]  # type: ignore[list-item]
    async with running(exporter) as runner:
        await runner.consume(batch_of("a"))
        await runner.flush()
        await runner.consume(batch_of("b"))
    assert exporter.names == ["b"]
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert "unexpected ZeroDivisionError: division by zero" in record.error
    assert record.exc_info[0] is ZeroDivisionError


async def test_an_attempt_that_takes_too_long_is_given_up_and_tried_again() -> None:
    exporter = Exporter()
    exporter.gate.clear()
    async with running(exporter, {"timeout": "1ms"}, AT_ONCE) as runner:
        await runner.consume(batch_of("a"))
        await until(lambda: exporter.attempts >= 2)
        exporter.gate.set()
        await until(lambda: exporter.names == ["a"])


async def test_a_time_limit_is_named_in_the_error() -> None:
    exporter = Exporter()
    exporter.gate.clear()
    async with running(exporter, {"timeout": "1ms"}, NO_QUEUE, NO_RETRY) as runner:
        with pytest.raises(RetryableError, match=r"^timed out after 1ms$"):
            await runner.consume(batch_of("a"))


async def test_a_full_queue_refuses_the_sender_and_is_counted() -> None:
    exporter = Exporter()
    exporter.gate.clear()
    async with running(exporter, {"sending_queue": {"queue_size": 1}}) as runner:
        await runner.consume(batch_of("a"))
        with pytest.raises(RetryableError, match="sending queue is full"):
            await runner.consume(batch_of("b", "c"))
        assert counted(runner, "enqueue_failed_spans") == 2
        text = runner.settings.metrics.exposition().decode()
        assert 'otelcol_exporter_queue_size{exporter="otlp/x",data_type="traces"} 1.0' in text
        assert 'otelcol_exporter_queue_capacity{exporter="otlp/x",data_type="traces"} 1.0' in text


async def test_without_a_queue_the_sender_gets_the_result() -> None:
    exporter = Exporter()
    exporter.failures = [PermanentError("bad span", grpc_status=3)]
    async with running(exporter, NO_QUEUE) as runner:
        with pytest.raises(PermanentError, match="bad span") as caught:
            await runner.consume(batch_of("a"))
        assert caught.value.grpc_status == 3
        assert counted(runner, "send_failed_spans") == 1
        await runner.consume(batch_of("b"))
        assert exporter.names == ["b"]


async def test_a_configuration_without_these_sections_means_one_attempt_and_no_queue() -> None:
    from ananta.config.model import Config

    class Bare(Config):
        pass

    exporter = Exporter()
    exporter.failures = [RetryableError("away")]
    runner = ExporterRunner(exporter, Bare(), settings(), Operation("x"))
    await runner.start(host_with())
    with pytest.raises(RetryableError, match=r"^away$"):
        await runner.consume(batch_of("a"))
    await runner.shutdown()


async def test_an_over_large_batch_is_sent_in_parts_and_only_the_bad_part_is_lost(caplog) -> None:
    exporter = Exporter()
    exporter.failures = [PermanentError("bad part")]
    batch = {"flush_timeout": "1ms", "min_size": 1, "max_size": 2}
    queue = {"sending_queue": {"sizer": "items", "num_consumers": 1, "batch": batch}}
    async with running(exporter, queue) as runner:
        await runner.consume(batch_of("a", "b", "c", "d", "e"))
    assert exporter.batches == [["c", "d"], ["e"]]
    assert counted(runner, "send_failed_spans") == 2
    assert counted(runner, "sent_spans") == 3


async def test_a_flush_does_not_wait_for_a_pause_between_attempts() -> None:
    exporter = Exporter()
    exporter.failures = [RetryableError("away")]
    async with running(exporter, MUCH_LATER) as runner:
        await runner.consume(batch_of("a"))
        await until(lambda: exporter.attempts == 1)
        await runner.flush()
        assert exporter.names == ["a"]


async def test_a_stop_grants_what_pauses_one_last_attempt() -> None:
    exporter = Exporter()
    exporter.failures = [RetryableError("away")]
    async with running(exporter, MUCH_LATER) as runner:
        await runner.consume(batch_of("a"))
        await until(lambda: exporter.attempts == 1)
    assert exporter.names == ["a"]
    assert runner.num_dropped == 0


async def test_what_memory_cannot_deliver_at_a_stop_is_dropped_and_counted(caplog) -> None:
    exporter = Exporter()
    exporter.failures = [RetryableError("away")] * 9
    async with running(exporter, MUCH_LATER) as runner:
        await runner.consume(batch_of("a", "b"))
    assert runner.num_dropped == 2
    assert counted(runner, "send_failed_spans") == 2
    assert "interrupted by shutdown: away" in caplog.records[-1].error


async def test_a_stop_that_takes_too_long_drops_and_counts_what_is_left(caplog) -> None:
    exporter = Exporter()
    exporter.gate.clear()
    runner = runner_of(exporter, {"timeout": "0s"})
    await runner.start(host_with())
    await runner.consume(batch_of("a", "b"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await runner.shutdown()
    assert runner.num_dropped == 2
    assert exporter.life == ["start", "stop"]


PERSISTENT = {"sending_queue": {"storage": "file_storage"}}


async def test_what_a_journal_cannot_deliver_at_a_stop_is_kept(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO, "ananta")
    exporter = Exporter()
    exporter.failures = [RetryableError("away")] * 9
    async with running(exporter, PERSISTENT, MUCH_LATER, host=host_with(tmp_path)) as runner:
        await runner.consume(batch_of("a", "b"))
        await until(lambda: exporter.attempts == 1)
    assert runner.is_durable
    assert runner.pending.items == 2
    assert runner.num_dropped == 0
    assert (tmp_path / "exporter_otlp_x").is_dir()
    second = Exporter()
    async with running(second, PERSISTENT, host=host_with(tmp_path)) as runner:
        await runner.flush()
        assert second.names == ["a", "b"]
    assert "Delivering what an earlier run has left." in caplog.text


async def test_a_stop_delivers_what_a_journal_holds_while_that_works(tmp_path) -> None:
    exporter = Exporter()
    batch = {"flush_timeout": "1h", "min_size": 1000}
    queue = {"sending_queue": {"storage": "file_storage", "sizer": "items", "batch": batch}}
    async with running(exporter, queue, host=host_with(tmp_path)) as runner:
        for name in "abc":
            await runner.consume(batch_of(name))
    assert exporter.batches == [["a", "b", "c"]]
    assert runner.pending.items == 0


async def test_a_journal_goes_on_after_a_block_was_refused_for_good(tmp_path) -> None:
    exporter = Exporter()
    exporter.failures = [PermanentError("bad span")]
    async with running(exporter, PERSISTENT, host=host_with(tmp_path)) as runner:
        await runner.consume(batch_of("a"))
        await runner.flush()
        await runner.consume(batch_of("b"))
    assert exporter.names == ["b"]
    assert runner.num_dropped == 1
    assert runner.pending.items == 0


async def test_an_idempotent_exporter_gets_one_token_however_often_a_block_is_tried(
    tmp_path,
) -> None:
    exporter = IdempotentExporter()
    exporter.failures = [RetryableError("answer lost")]
    async with running(exporter, PERSISTENT, AT_ONCE, host=host_with(tmp_path)) as runner:
        await runner.consume(batch_of("a"))
        await until(lambda: len(exporter.tokens) == 2)
    assert len(set(exporter.tokens)) == 1
    assert exporter.tokens[0].count("-") == 3


async def test_parts_of_a_block_have_tokens_of_their_own(tmp_path) -> None:
    exporter = IdempotentExporter()
    batch = {"flush_timeout": "1ms", "min_size": 1, "max_size": 2}
    queue = {"sending_queue": {"storage": "file_storage", "sizer": "items", "batch": batch}}
    async with running(exporter, queue, host=host_with(tmp_path)) as runner:
        await runner.consume(batch_of("a", "b", "c"))
    first, second = exporter.tokens
    assert first.removesuffix("-0") == second.removesuffix("-1")
    assert exporter.names == ["a", "b", "c"]


async def test_a_locked_journal_names_the_exporter(tmp_path) -> None:
    from ananta.errors import StartupError

    host = host_with(tmp_path, timeout="0s")
    async with running(Exporter(), PERSISTENT, host=host):
        with pytest.raises(StartupError) as caught:
            await runner_of(Exporter(), PERSISTENT).start(host)
    assert str(caught.value).startswith(
        f"exporters::otlp/x::sending_queue::storage: the journal directory {tmp_path}"
    )
    assert "in use by another process" in str(caught.value)


async def test_a_full_disk_budget_refuses_the_sender(tmp_path) -> None:
    exporter = Exporter()
    exporter.gate.clear()
    host = host_with(tmp_path, max_bytes=300)
    async with running(exporter, PERSISTENT, {"timeout": "0s"}, host=host) as runner:

        async def consume_until_full() -> None:
            while True:
                await runner.consume(batch_of("a"))

        with pytest.raises(RetryableError, match="the journal is full: max_bytes is 300"):
            await consume_until_full()
        assert counted(runner, "enqueue_failed_spans") == 1


async def test_a_broken_queue_is_fatal(tmp_path, monkeypatch) -> None:
    from ananta.pipeline.journal import Journal

    async def broken(*_: Any) -> None:
        message = "bug"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(Journal, "take", broken)
    host = host_with(tmp_path)
    runner = runner_of(Exporter(), PERSISTENT)
    await runner.start(host)
    await runner.consume(batch_of("a"))
    await until(lambda: bool(host.fatal))
    assert host.fatal[0][0] == "otlp/x"
    with pytest.raises(ExceptionGroup):
        await runner.shutdown()
