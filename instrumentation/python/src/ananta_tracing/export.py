"""Spans leave the process: `on_end` writes bytes into a bounded queue, one thread sends them.

    on_end ──encode──▶ queue ──▶ exporting thread ──request──▶ sender (HTTP or gRPC)
                       full: counted                 busy, unreachable: the same batch again later
                                                     refused: counted, told once

The thread is started by the first span, so a process that is forked before it (gunicorn with
preload, multiprocessing) has one of its own, and a process that never traces has none.

What waits is bytes, and where they come from is shared by many: neither is a new object that the
garbage collector follows. A tuple a span made it go through the whole heap of a busy service every
few seconds, which stopped the service for 40 ms.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from ananta_tracing.activation import detach, silence
from ananta_tracing.delivery import Outcome, Sender, Verdict
from ananta_tracing.encoding import Origin, RequestEncoder, SpanEncoder
from ananta_tracing.report import DeliveryReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from ananta_tracing.limits import BatchLimits

logger = logging.getLogger(__name__)

_MAX_REQUEST_BYTES = 3_500_000  # gRPC servers take 4 MiB unless told otherwise
_MAX_QUEUE_BYTES = 64_000_000
_MAX_KNOWN_ORIGINS = 1_024
_LONGEST_FORK_DELAY_SECONDS = 5.0
_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 10.0
_FLUSH_RETRY_SECONDS = 0.3
_FLUSH_UNREACHABLE_ATTEMPTS = 2
_CONNECT_SECONDS = 3.0
_FLUSH_CONNECT_SECONDS = 1.5


class _Batch(NamedTuple):
    """A request under way."""

    payload: bytes
    span_count: int
    expires_at: float
    attempts: int = 0
    retry_at: float = 0.0


class _Flush(NamedTuple):
    """A wish that everything queued be sent now; the verdict goes into `answer`."""

    deadline: float
    answer: queue.SimpleQueue[bool]
    closes: bool


class ExportProcessor(SpanProcessor):
    """Takes ended spans of a provider and delivers them.

    Args:
        limits: how many spans wait and leave together, and how long.
        timeout_seconds: how long one attempt may take.
        create_sender: makes the sender, on the exporting thread, once per process.
        encoder: writes spans.
        destination: what the report calls the other side.
    """

    waits_for_end = True
    """Started and ending spans need not be shown to it."""

    def __init__(
        self,
        limits: BatchLimits,
        timeout_seconds: float,
        create_sender: Callable[[], Sender],
        encoder: SpanEncoder,
        destination: str,
    ) -> None:
        self._limits = limits
        self._timeout_seconds = timeout_seconds
        self._create_sender = create_sender
        self._encode = encoder.encode_span
        self._request_encoder = RequestEncoder(encoder)
        self._destination = destination
        self._left_behind: list[Sender] = []
        self._sender: Sender | None = None
        self.report = DeliveryReport(destination)
        self.when_started: Callable[[], None] | None = None
        """Called when the first span of a process has ended, on the thread it ended on."""
        self._reset()

    def _reset(self) -> None:
        # Origin, bytes, origin, bytes: both of a span go in at once, and not even a signal handler
        # that ends another comes in between.
        self._queue: deque[Any] = deque()
        self._known_origins: dict[int, Origin] = {}
        self._queued_bytes = 0
        # Reentrant, for a signal handler may end spans in the middle of `on_end`. The channel to
        # the thread is a SimpleQueue for the same reason: its `put` may be interrupted by itself.
        self._lock = threading.RLock()
        self._wake: queue.SimpleQueue[_Flush | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # Taken by whoever starts the thread, in one step that no signal handler can come into.
        self._start_permits = [None]
        # Held while this process must not be forked.
        self._unforkable = threading.Lock()
        self._forking_threads: set[int] = set()
        self._batch: _Batch | None = None
        self._is_shut_down = False

    def before_fork(self) -> None:
        """Let no fork happen amid an import: the child would wait for it for ever."""
        if self._unforkable.acquire(timeout=_LONGEST_FORK_DELAY_SECONDS):
            self._forking_threads.add(threading.get_ident())

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if threading.get_ident() in self._forking_threads:
            self._forking_threads.discard(threading.get_ident())
            self._unforkable.release()

    def after_fork_in_child(self) -> None:
        """Begin anew: the parent sends what it has queued, and owns the connection."""
        if self._sender is not None:
            # Never closed nor collected: what closing does to a connection shared with the
            # parent is unknown.
            self._left_behind.append(self._sender)
            self._sender = None
        self.report = DeliveryReport(self._destination)
        self._reset()

    def on_end(self, span: ReadableSpan) -> None:
        """Write a sampled span into the queue; count it where there is no room."""
        context = span._context
        if context is None or not context.trace_flags & 1:
            return
        try:
            data = self._encode(span)
        except Exception as error:  # noqa: BLE001 - tracing must not break what it traces
            self.report.drop(1, "encoding", f"a span could not be encoded ({error!r})")
            return
        origin = self._origin(span)
        with self._lock:
            waiting = self._waiting()
            if (
                waiting >= self._limits.max_queue_size
                or self._queued_bytes > _MAX_QUEUE_BYTES
                or self._is_shut_down
            ):
                self._count_refused()
                return
            self._queue.extend((origin, data))
            self._queued_bytes += len(data)
        if waiting + 1 == self._limits.max_export_batch_size:
            self._wake.put(None)
        if self._thread is None:
            self._start_thread()

    def _waiting(self) -> int:
        """How many spans are in the queue."""
        return len(self._queue) // 2

    def _origin(self, span: ReadableSpan) -> Origin:
        """Resource and scope of a span: one object for all of the same scope."""
        resource, scope = span._resource, span._instrumentation_scope
        origin = self._known_origins.get(id(scope))
        if origin is None or origin[0] is not resource or origin[1] is not scope:
            if len(self._known_origins) >= _MAX_KNOWN_ORIGINS:
                self._known_origins.clear()
            origin = self._known_origins[id(scope)] = Origin(resource, scope)
        return origin

    def _count_refused(self) -> None:
        if self._is_shut_down:
            self.report.drop(1, "shutdown", "a span ended after tracing was shut down")
        else:
            self.report.drop(
                1,
                "queue_full",
                f"the queue of {self._limits.max_queue_size} spans is full; sample less, raise"
                " OTEL_BSP_MAX_QUEUE_SIZE, or give the collector more room",
            )

    def _start_thread(self) -> None:
        with self._lock:
            if self._is_shut_down:
                return
            try:
                self._start_permits.pop()
            except IndexError:
                return
            thread = threading.Thread(target=self._run, name="ananta-tracing", daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # the interpreter is ending; `flush` then sends by itself
                self._thread = None
                self._start_permits.append(None)
        if self.when_started is not None:
            self.when_started()

    # Asking for delivery, from any thread

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what has ended so far; True only if all of it was taken in time."""
        return self.flush(timeout_millis / 1000)

    def flush(self, timeout_seconds: float, *, closes: bool = False) -> bool:
        """Like `force_flush`; with `closes` the thread and the connection end with it."""
        deadline = time.monotonic() + timeout_seconds
        thread = self._thread
        if self._is_shut_down and not closes:
            return not self._queue and self._batch is None
        if thread is None or (thread.ident is not None and not thread.is_alive()):
            return self._flush_here(deadline)
        if thread is threading.current_thread():
            return False
        answer: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._wake.put(_Flush(deadline, answer, closes))
        try:
            return answer.get(timeout=max(timeout_seconds, 0.0))
        except queue.Empty:
            return False

    def _flush_here(self, deadline: float) -> bool:
        """Without the thread: nothing waits, or no thread can be started any more."""
        if not self._queue and self._batch is None:
            return True
        token = silence()
        try:
            return self._deliver_all(deadline)
        finally:
            detach(token)

    def shutdown(self, timeout_seconds: float = 5.0) -> None:
        """Deliver what is queued and stop; what is left then is counted as dropped."""
        self.close(timeout_seconds)

    def conclude(self) -> None:
        """At the end of the process: tell how many spans were lost, if any were."""
        left = self._waiting() + (self._batch.span_count if self._batch else 0)
        self.report.conclude(left)

    def close(self, timeout_seconds: float) -> bool:
        """`shutdown` with the verdict of the last flush."""
        with self._lock:
            if self._is_shut_down:
                return True
            self._is_shut_down = True
        delivered = self.flush(timeout_seconds, closes=True)
        self.conclude()
        return delivered

    # The exporting thread

    def _run(self) -> None:
        silence()
        wake = self._wake
        due_at = time.monotonic() + self._limits.schedule_delay_seconds
        while True:
            batch = self._batch
            next_at = due_at if batch is None else batch.retry_at
            try:
                flush = wake.get(timeout=max(next_at - time.monotonic(), 0.0))
            except queue.Empty:
                flush = None
            try:
                if flush is None:
                    due_at = self._deliver_due(due_at)
                elif self._answer(flush):
                    return
            except Exception:
                logger.exception("Exporting spans failed")

    def _answer(self, flush: _Flush) -> bool:
        """Do what a flush asks; True when the thread is to end."""
        delivered = False
        try:
            delivered = self._deliver_all(flush.deadline)
        finally:
            flush.answer.put(delivered)
        if flush.closes and self._sender is not None:
            self._sender.close()
        return flush.closes

    def _deliver_due(self, due_at: float) -> float:
        """Send the batch that waits for its retry, full batches, and all when time is up.

        All is what waited when it was: spans that end meanwhile would else leave one by one.
        """
        is_due = time.monotonic() >= due_at
        size, due = self._limits.max_export_batch_size, self._waiting() if is_due else 0
        while True:
            batch = self._batch
            if batch is None and (self._waiting() >= size or due > 0):
                batch = self._take()
                due -= batch.span_count if batch is not None else 0
            if batch is None or time.monotonic() < batch.retry_at:
                break
            self._attempt(batch, self._timeout_seconds, _CONNECT_SECONDS)
        return time.monotonic() + self._limits.schedule_delay_seconds if is_due else due_at

    def _deliver_all(self, deadline: float) -> bool:
        """Send everything before the deadline; an absent collector is not waited for."""
        delivered, unreachable = True, 0
        while (batch := self._batch or self._take()) is not None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            begin = time.monotonic()
            outcome = self._attempt(
                batch, min(remaining, self._timeout_seconds), _FLUSH_CONNECT_SECONDS
            )
            if outcome.verdict is Verdict.REFUSED or outcome.rejected_spans:
                delivered = False
            if self._batch is None:
                continue
            if outcome.verdict is Verdict.UNREACHABLE:
                unreachable += 1
                took_long = time.monotonic() - begin > _FLUSH_CONNECT_SECONDS / 2
                if took_long or unreachable >= _FLUSH_UNREACHABLE_ATTEMPTS:
                    return False
            pause = outcome.retry_after_seconds or _FLUSH_RETRY_SECONDS
            time.sleep(max(min(pause, deadline - time.monotonic()), 0.0))
        return delivered

    def _take(self) -> _Batch | None:
        """Make the next request of what waits."""
        origins: list[Origin] = []
        spans: list[bytes] = []
        size = 0
        with self._lock:
            while self._queue and len(spans) < self._limits.max_export_batch_size:
                length = len(self._queue[1])
                size += length
                if spans and size > _MAX_REQUEST_BYTES:
                    break
                origins.append(self._queue.popleft())
                spans.append(self._queue.popleft())
                self._queued_bytes -= length
        if not spans:
            return None
        return _Batch(
            self._request_encoder.encode_request(origins, spans),
            len(spans),
            time.monotonic() + self._limits.export_timeout_seconds,
        )

    def _attempt(
        self, batch: _Batch, timeout_seconds: float, connect_timeout_seconds: float
    ) -> Outcome:
        """Send a batch once; afterwards `_batch` is None, or the batch with the time to retry."""
        self._batch = batch
        try:
            outcome = self._send(batch.payload, timeout_seconds, connect_timeout_seconds)
        except Exception as error:  # noqa: BLE001 - whatever a connection raises, spans are counted
            outcome = Outcome(Verdict.REFUSED, f"{self._destination}: {error!r}")
        if outcome.verdict is Verdict.DELIVERED:
            self._batch = None
            self.report.deliver(batch.span_count, outcome)
        elif outcome.verdict is Verdict.REFUSED:
            self._batch = None
            self.report.drop(batch.span_count, "refused", outcome.message)
        else:
            self._schedule_retry(batch, outcome)
        return outcome

    def _send(self, payload: bytes, *timeouts_seconds: float) -> Outcome:
        if self._sender is not None:
            return self._sender.send(payload, *timeouts_seconds)
        with self._unforkable:  # the first sending imports modules
            self._sender = self._create_sender()
            return self._sender.send(payload, *timeouts_seconds)

    def _schedule_retry(self, batch: _Batch, outcome: Outcome) -> None:
        now = time.monotonic()
        pause = min(_FIRST_RETRY_SECONDS * 2**batch.attempts, _LAST_RETRY_SECONDS)
        pause *= random.uniform(0.8, 1.2)
        retry_at = now + max(pause, outcome.retry_after_seconds or 0.0)
        if retry_at > batch.expires_at and not self._is_shut_down:
            self._batch = None
            self.report.drop(batch.span_count, outcome.verdict.value, outcome.message)
        else:
            self._batch = batch._replace(attempts=batch.attempts + 1, retry_at=retry_at)
            self.report.delay(outcome.message)
