"""Processor `batch`: gathers spans into larger batches.

A sender is answered as soon as its spans are gathered; one task sends what has gathered when it is
enough, or old enough. Merging lists chunks and copies nothing. What the next component refuses for
good is dropped with a warning, as the Collector does; what it cannot take *now* is kept and offered
again, and meanwhile senders are refused once twice `send_batch_size` waits, so that nothing that
was acknowledged is lost to a full queue.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import Field

from ananta.config.model import BrokenRule, Config, Duration
from ananta.config.shared.delivery import check_metadata_keys
from ananta.errors import DeliveryError, RetryableError
from ananta.model import SpanBatch
from ananta.telemetry.metrics import BYTES_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Settings, SpanSink

_OFFER_AGAIN_SECONDS = 0.1


class BatchConfig(Config):
    """Settings of the processor `batch`."""

    send_batch_size: int = Field(
        8192, description="Send as soon as so many spans have gathered; 0 sends at once.", ge=0
    )
    timeout: Duration = Field(
        0.2, description="Longest time a span waits for others; 0 sends at once."
    )
    send_batch_max_size: int = Field(
        0, description="Most spans in a batch that is sent; 0 means no limit.", ge=0
    )
    metadata_keys: list[str] = Field(
        [],
        description="Accepted and without effect: request headers do not travel with spans, so all"
        " spans are gathered together.",
    )
    metadata_cardinality_limit: int = Field(
        1000, description="Accepted and without effect, as `metadata_keys`.", ge=0
    )

    def check(self) -> Iterator[BrokenRule]:
        """Sizes are in order, the time is not negative, no header is named twice."""
        yield from super().check()
        if 0 < self.send_batch_max_size < self.send_batch_size:
            yield BrokenRule(
                "send_batch_max_size",
                "send_batch_max_size must be greater or equal to send_batch_size,"
                f" got {self.send_batch_max_size} and {self.send_batch_size}",
            )
        if self.timeout < 0:
            yield BrokenRule("timeout", "timeout must be greater or equal to 0")
        yield from check_metadata_keys(self.metadata_keys)


class BatchProcessor:
    """Gathers spans and sends them on from a task of its own."""

    def __init__(self, config: BatchConfig, settings: Settings, next_sink: SpanSink) -> None:
        self._config = config
        self._settings = settings
        self._log = settings.log
        self._next_sink = next_sink
        self._at_once = not config.send_batch_size or not config.timeout
        self._max_waiting = 2 * config.send_batch_size
        self._waiting: list[SpanBatch] = []
        self._num_waiting = 0
        self._num_taken = 0
        self._num_done = 0
        self._due = 0  # spans up to this one are not to wait for company
        self._refusal: RetryableError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._stopping = False
        self._define_metrics(settings)

    def _define_metrics(self, settings: Settings) -> None:
        metrics, label = settings.metrics, ("processor",)
        self._label = {"processor": settings.id}
        self._size = metrics.histogram(
            "otelcol_processor_batch_batch_send_size", "Spans in a batch that was sent.", label
        )
        self._bytes = metrics.histogram(
            "otelcol_processor_batch_batch_send_size_bytes",
            "Bytes in a batch that was sent.",
            label,
            BYTES_BOUNDS,
        )
        metrics.gauge(
            "otelcol_processor_batch_metadata_cardinality", "Separate batches gathered.", label
        ).set(1, **self._label)
        self._by_size = metrics.counter(
            "otelcol_processor_batch_batch_size_trigger_send",
            "Batches sent because enough had gathered.",
            label,
        )
        self._by_time = metrics.counter(
            "otelcol_processor_batch_timeout_trigger_send",
            "Batches sent because the timeout had passed.",
            label,
        )
        self._dropped = metrics.counter(
            "otelcol_processor_dropped_spans", "Spans given up after they were accepted.", label
        )

    async def start(self, host: Host) -> None:
        """Start the task that sends."""
        if self._config.metadata_keys:
            self._log.warning(
                "metadata_keys has no effect: request headers do not travel with spans."
            )
        if not self._at_once:
            self._running = asyncio.create_task(self._run())
            self._running.add_done_callback(lambda task: self._report_crash(host, task))

    def _report_crash(self, host: Host, running: asyncio.Task[None]) -> None:
        if not running.cancelled() and (error := running.exception()) is not None:
            host.report_fatal(self._settings.id, error)

    async def consume(self, batch: SpanBatch) -> None:
        """Gather the batch; waits while too much is gathered.

        Raises:
            RetryableError: too much is gathered and the next component takes nothing now.
        """
        if self._at_once:
            for part in self._split(batch):
                await self._send(part)
            return
        while self._num_waiting >= self._max_waiting and not self._stopping:
            if self._refusal is not None:
                raise RetryableError(str(self._refusal), grpc_status=self._refusal.grpc_status)
            await self._progress.wait()
        if self._stopping:
            message = "the batch processor is stopped: the process is stopping"
            raise RetryableError(message)
        self._waiting.append(batch)
        self._num_waiting += len(batch)
        if self._num_waiting >= self._config.send_batch_size:
            self._wake.set()
        else:
            self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._config.timeout, self._make_due)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def flush(self) -> None:
        """Return once everything gathered before the call has been sent on.

        Raises:
            RetryableError: the next component takes nothing now.
        """
        target = self._num_taken + self._num_waiting
        if self._num_done < target:
            self._refusal = None
            self._make_due()
        while self._num_done < target:
            if self._refusal is not None:
                raise RetryableError(str(self._refusal), grpc_status=self._refusal.grpc_status)
            await self._progress.wait()

    async def shutdown(self) -> None:
        """Send on what is gathered, with one attempt; legal twice."""
        running, self._running = self._running, None
        if running is not None:
            self._stopping = True
            self._announce()
            self._make_due()
            await running

    def _make_due(self) -> None:
        self._stop_timer()
        self._due = self._num_taken + self._num_waiting
        self._wake.set()

    async def _run(self) -> None:
        while self._num_waiting or not self._stopping:
            enough = self._num_waiting >= self._config.send_batch_size
            if self._num_waiting and (enough or self._due > self._num_taken):
                for part in self._take(keep_rest=self._due <= self._num_taken):
                    (self._by_size if enough else self._by_time).add(1, **self._label)
                    await self._deliver(part)
            else:
                self._wake.clear()
                await self._wake.wait()

    def _take(self, *, keep_rest: bool) -> list[SpanBatch]:
        """Everything gathered, in parts; a rest too small to be sent may stay."""
        parts = self._split(SpanBatch.concat(self._waiting))
        self._waiting = []
        self._num_taken += self._num_waiting
        self._num_waiting = 0
        self._stop_timer()
        if keep_rest and len(parts[-1]) < self._config.send_batch_size:
            self._waiting = [parts.pop()]
            self._num_waiting = len(self._waiting[0])
            self._num_taken -= self._num_waiting
            self._start_timer()
        return parts

    def _split(self, batch: SpanBatch) -> list[SpanBatch]:
        max_spans = self._config.send_batch_max_size
        return batch.split(max_spans) if 0 < max_spans < len(batch) else [batch]

    async def _deliver(self, batch: SpanBatch) -> None:
        """Send a batch on; offer it again for as long as it is refused for now."""
        while True:
            try:
                await self._send(batch)
                self._refusal = None
                break
            except DeliveryError as error:
                if not isinstance(error, RetryableError) or self._stopping:
                    self._dropped.add(len(batch), **self._label)
                    self._log.warning(
                        "Sender failed", extra={"error": str(error), "dropped_items": len(batch)}
                    )
                    break
                self._refusal = error
                self._announce()
            await self._pause(self._refusal.retry_after_seconds or _OFFER_AGAIN_SECONDS)
        self._num_done += len(batch)
        self._announce()

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until a flush or a shutdown wants an attempt now."""
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _send(self, batch: SpanBatch) -> None:
        await self._next_sink.consume(batch)
        self._size.observe(len(batch), **self._label)
        self._bytes.observe(batch.nbytes, **self._label)

    def _announce(self) -> None:
        self._progress.set()
        self._progress.clear()
