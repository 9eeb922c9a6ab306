"""An exporter as the pipeline sees it: a queue, metrics, retries and a time limit around it.

    consume ─▶ queue ─▶ metrics ─▶ retry ─▶ time limit ─▶ the exporter's own `consume`

Which of these there are is the exporter's configuration: `sending_queue`, `retry_on_failure` and
`timeout`, as the Collector has them. Without a queue the sender gets the result of the delivery.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from ananta.component import IdempotentSink, Kind
from ananta.config.model import format_duration
from ananta.config.shared import RetryConfig
from ananta.errors import DeliveryError, PermanentError, RetryableError, StartupError
from ananta.pipeline.fanout import combine_errors
from ananta.pipeline.journal import Journal
from ananta.pipeline.queue import NOTHING, Backlog, Block, MemoryBacklog, SendingQueue, Size
from ananta.pipeline.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ananta.component import Host, Settings
    from ananta.config.model import Config
    from ananta.config.shared import QueueConfig
    from ananta.model import SpanBatch
    from ananta.telemetry.operations import Operation

_CLOSE_SECONDS = 2
_NO_RETRY = RetryConfig.model_validate({"enabled": False})


class ExporterRunner:
    """Runs one exporter.

    Args:
        exporter: does one delivery in `consume`, or in `consume_once`.
        config: its settings; those for queue, retry and time limit may be missing.
        settings: its id, log and metrics.
        operation: where attempts to deliver are recorded.

    Attributes:
        exporter: the exporter itself.
        is_durable: whether what is pending survives the process.
    """

    def __init__(
        self, exporter: Any, config: Config, settings: Settings, operation: Operation
    ) -> None:
        self.exporter = exporter
        self.settings = settings
        self._operation = operation
        self._idempotent = isinstance(exporter, IdempotentSink)
        self._queue_config: QueueConfig | None = getattr(config, "sending_queue", None)
        self._gathers = self._queue_config is not None and self._queue_config.batch is not None
        self._timeout_seconds: float | None = getattr(config, "timeout", None) or None
        self._retry = Retry(getattr(config, "retry_on_failure", _NO_RETRY), settings.log)
        self._log = settings.log
        self._queue: SendingQueue | None = None
        self._running: asyncio.Task[None] | None = None
        self.is_durable = False
        self._num_dropped = 0
        self._exporter_label = {"exporter": settings.id}
        self._define_metrics(settings)

    def _define_metrics(self, settings: Settings) -> None:
        counter, label = settings.metrics.counter, ("exporter",)
        self._sent = counter(
            "otelcol_exporter_sent_spans", "Spans delivered to the destination.", label
        )
        self._send_failed = counter(
            "otelcol_exporter_send_failed_spans", "Spans given up after all retries.", label
        )
        self._enqueue_failed = counter(
            "otelcol_exporter_enqueue_failed_spans", "Spans the sending queue refused.", label
        )
        self._journal_lost = counter(
            "ananta_journal_lost_spans", "Spans that could not be read back from disk.", label
        )
        self._in_flight = settings.metrics.gauge(
            "otelcol_exporter_in_flight_requests", "Deliveries under way.", label
        )
        self._batch_size = settings.metrics.histogram(
            "otelcol_exporter_queue_batch_send_size", "Spans in a delivery.", label
        )
        for counter_at_zero in (self._sent, self._send_failed, self._enqueue_failed):
            counter_at_zero.add(0, **self._exporter_label)

    async def start(self, host: Host) -> None:
        """Start the exporter, then its queue, with what an earlier process has left in it."""
        await self.exporter.start(host)
        if self._queue_config is None:
            return
        backlog = await self._open_backlog(self._queue_config, host)
        self.is_durable = backlog.durable
        self._queue = SendingQueue(
            self._queue_config, backlog, self._deliver, nudge=self._retry.nudge
        )
        self._show_queue(self._queue, self._queue_config)
        self._running = asyncio.create_task(self._queue.run())
        self._running.add_done_callback(partial(self._report_crash, host))

    async def _open_backlog(self, config: QueueConfig, host: Host) -> Backlog:
        if config.storage is None:
            return MemoryBacklog()
        storage = host.extension(config.storage)
        journal = Journal(
            storage.directory_of(Kind.EXPORTER, self.settings.id),
            self._log,
            self._count_lost,
            budget=storage.budget,
            fsync=storage.config.fsync,
            fsync_interval_seconds=storage.config.fsync_interval,
            lock_timeout_seconds=storage.config.timeout,
        )
        try:
            await journal.open()
        except StartupError as error:
            message = f"exporters::{self.settings.id}::sending_queue::storage: {error}"
            raise StartupError(message) from error
        if journal.pending.items:
            self._log.info(
                "Delivering what an earlier run has left.", extra={"spans": journal.pending.items}
            )
        return journal

    def _show_queue(self, queue: SendingQueue, config: QueueConfig) -> None:
        gauge, labels = self.settings.metrics.gauge, ("exporter", "data_type")
        series = {**self._exporter_label, "data_type": "traces"}
        size = gauge("otelcol_exporter_queue_size", "Present size of the sending queue.", labels)
        size.watch(lambda: queue.size, **series)
        gauge("otelcol_exporter_queue_capacity", "Most the sending queue holds.", labels).set(
            config.queue_size, **series
        )

    def _report_crash(self, host: Host, running: asyncio.Task[None]) -> None:
        if not running.cancelled() and (error := running.exception()) is not None:
            host.report_fatal(self.settings.id, error)

    def _count_lost(self, size: Size) -> None:
        self._journal_lost.add(size.items, **self._exporter_label)

    @property
    def pending(self) -> Size:
        """What has been accepted and not delivered."""
        return self._queue.pending if self._queue else NOTHING

    @property
    def num_sent(self) -> int:
        """Spans delivered."""
        return int(self._sent.value(**self._exporter_label))

    @property
    def num_dropped(self) -> int:
        """Spans accepted and then given up."""
        return self._num_dropped

    async def consume(self, batch: SpanBatch) -> None:
        """Accept a batch: into the queue, or without one all the way to the destination."""
        queue, result = self._queue, None
        try:
            if queue is not None:
                result = await queue.put(batch)
            else:
                await self._send(batch, "")
        except DeliveryError as error:
            refused = self._enqueue_failed if queue is not None else self._send_failed
            refused.add(len(batch), **self._exporter_label)
            self._log.error(
                "Exporting failed. Rejecting data.",
                extra={"error": str(error), "rejected_items": len(batch)},
            )
            raise
        if result is not None:
            await result

    async def flush(self) -> None:
        """Return once everything accepted before is delivered; raises `RetryableError` if not."""
        if self._queue is not None:
            await self._queue.flush()

    async def _deliver(self, block: Block, on_failure: Callable[[RetryableError], None]) -> None:
        """Send a block whole; in parts where it is larger than `max_size`.

        What only went out together because the exporter was busy is sent one by one after a
        refusal for good, so that one bad batch takes no other along.
        """
        may_be_parted = len(block.batches) > 1 and not self._gathers
        failures = await self._send_parts(self._split(block.batch), block.token, on_failure)
        if may_be_parted and any(isinstance(error, PermanentError) for _, error in failures):
            failures = await self._send_parts(block.batches, block.token, on_failure)
        for part, error in failures:
            self._tell_dropped(part, error)
        if failures:
            raise combine_errors([error for _, error in failures])

    async def _send_parts(
        self,
        parts: Sequence[SpanBatch],
        token: str,
        on_failure: Callable[[RetryableError], None],
    ) -> list[tuple[SpanBatch, DeliveryError]]:
        """Send each part, under a token of its own; those that failed, and why."""
        failures = []
        for number, part in enumerate(parts):
            part_token = token if len(parts) == 1 else f"{token}-{number}"
            try:
                await self._send(part, part_token, on_failure)
            except DeliveryError as error:
                failures.append((part, error))
        return failures

    def _tell_dropped(self, part: SpanBatch, error: DeliveryError) -> None:
        if self._queue is not None and self._queue.keeps(error):
            return
        self._num_dropped += len(part)
        self._send_failed.add(len(part), **self._exporter_label)
        self._log.error(
            "Exporting failed. Dropping data.",
            extra={"error": str(error), "dropped_items": len(part)},
            exc_info=_unexpected_cause(error),
        )

    def _split(self, batch: SpanBatch) -> list[SpanBatch]:
        config = self._queue_config
        if config is None or config.batch is None or not config.batch.max_size:
            return [batch]
        max_spans = config.batch.max_size
        if config.batch_sizer == "bytes":
            max_spans = max(1, len(batch) * max_spans // max(batch.nbytes, 1))
        return batch.split(max_spans) if len(batch) > max_spans else [batch]

    async def _send(
        self,
        batch: SpanBatch,
        token: str,
        on_failure: Callable[[RetryableError], None] = lambda _error: None,
    ) -> None:
        label = self._exporter_label
        self._batch_size.observe(len(batch), **label)
        self._in_flight.add(1, **label)
        try:
            await self._retry.run(partial(self._attempt, batch, token), on_failure)
        finally:
            self._in_flight.add(-1, **label)
        self._sent.add(len(batch), **label)

    async def _attempt(self, batch: SpanBatch, token: str) -> None:
        began = self._operation.begin()
        try:
            await self._export(batch, token)
        except BaseException as error:
            self._operation.fail(began, len(batch), error)
            raise
        self._operation.end(began, len(batch))

    async def _export(self, batch: SpanBatch, token: str) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                if token and self._idempotent:
                    await self.exporter.consume_once(batch, token)
                else:
                    await self.exporter.consume(batch)
        except DeliveryError:
            raise
        except TimeoutError as error:
            limit = self._timeout_seconds
            message = f"timed out after {format_duration(limit)}" if limit else "timed out"
            raise RetryableError(message) from error
        except Exception as error:  # a component's bug must not stop the others
            message = f"unexpected {type(error).__name__}: {error}"
            raise PermanentError(message) from error

    async def shutdown(self) -> None:
        """Drain the queue with one attempt for each block, then stop the exporter.

        What cannot be delivered stays in a journal; from memory it is dropped, and counted. When
        cancelled, what is left by then counts as undeliverable.
        """
        try:
            await self._drain()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self.exporter.shutdown()

    async def _drain(self) -> None:
        running, self._running = self._running, None
        if running is None or self._queue is None:
            return
        self._retry.stop()
        self._queue.close()
        try:
            await running
        finally:
            left = self._queue.pending.items
            if left and not self.is_durable:
                self._num_dropped += left
                self._send_failed.add(left, **self._exporter_label)
                self._log.error(
                    "The time to stop is over. Dropping data.", extra={"dropped_items": left}
                )


def _unexpected_cause(error: DeliveryError) -> BaseException | None:
    """The exception behind an error that is a bug, for its traceback."""
    cause: BaseException | None = error
    while isinstance(cause, DeliveryError):
        cause = cause.__cause__
    return None if isinstance(cause, TimeoutError | OSError) else cause
