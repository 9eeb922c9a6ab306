"""The sending queue: what lies between the pipeline and an exporter.

`SendingQueue` is the policy: how much may wait, when waiting batches are cut into a block, how
many blocks are delivered at once, and when a flush or a shutdown is done. Where the waiting
batches are kept is a `Backlog`: in memory here, on disk in `journal`. Batches have consecutive
positions in a backlog; a block is the stretch `[first, end)` of them, delivered as one batch.

    consume ──▶ backlog ──cut──▶ block ──deliver──▶ exporter
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ananta.errors import DeliveryError, RetryableError
from ananta.model import SpanBatch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ananta.config.shared import QueueConfig

GATHER_MAX_BYTES = 1 << 20
"""Without `batch`, what is waiting goes out together up to this size: a server takes 4 MiB."""

BLOCK_MAX_BYTES = 64 << 20
"""No block is larger, however many spans `batch` would gather."""


class Size(NamedTuple):
    """How much something holds, in each unit a `sizer` may count."""

    requests: int
    items: int
    bytes: int

    def plus(self, other: Size) -> Size:
        """The sum of both."""
        requests, items, num_bytes = other
        return Size(self.requests + requests, self.items + items, self.bytes + num_bytes)

    def minus(self, other: Size) -> Size:
        """What is left without the other."""
        requests, items, num_bytes = other
        return Size(self.requests - requests, self.items - items, self.bytes - num_bytes)


NOTHING = Size(0, 0, 0)


class Block(NamedTuple):
    """Consecutive batches of a backlog, merged into one delivery.

    Attributes:
        first: position of the first batch.
        end: position after the last batch.
        size: what the block holds.
        batches: the spans; none when they are gone: unreadable on disk, or delivered before.
        token: names these spans wherever the block is delivered again; "" without a journal.
    """

    first: int
    end: int
    size: Size
    batches: Sequence[SpanBatch]
    token: str = ""

    @property
    def batch(self) -> SpanBatch:
        """The spans as one batch."""
        return self.batches[0] if len(self.batches) == 1 else SpanBatch.concat(self.batches)


class Limit(NamedTuple):
    """How large a block may get: it ends before it exceeds one of these, but holds one batch."""

    items: int
    bytes: int


class Backlog(Protocol):
    """Accepted batches in order, from `append` to `commit`."""

    pending: Size
    """What has been appended and not yet committed."""
    durable: bool
    """Whether what is pending survives the process."""
    max_in_flight: int
    """Most blocks that may be out at once."""

    @property
    def end(self) -> int:
        """Position of the next batch."""

    def append(self, batch: SpanBatch) -> Size:
        """Keep a batch; raises `RetryableError` when there is no room for it."""

    async def sync(self, position: int) -> None:
        """Return once everything before the position is as safe as configured."""

    async def take(self, limit: Limit) -> Block:
        """Remove the next block; there must be one."""

    async def begin(self, block: Block) -> None:
        """Note that the block is about to be delivered."""

    async def commit(self, block: Block) -> None:
        """Forget the block: it has been delivered, or given up."""

    async def close(self) -> None:
        """Free what is open; what is pending stays if the backlog is durable."""


class MemoryBacklog:
    """Batches in memory."""

    durable = False
    max_in_flight = sys.maxsize

    def __init__(self) -> None:
        self.end = 0
        self.pending = NOTHING
        self._cut = 0
        self._waiting: deque[tuple[SpanBatch, Size]] = deque()

    def append(self, batch: SpanBatch) -> Size:
        """Keep a batch."""
        size = Size(1, len(batch), batch.nbytes)
        self._waiting.append((batch, size))
        self.pending = self.pending.plus(size)
        self.end += 1
        return size

    async def sync(self, position: int) -> None:
        """Memory is as safe as it gets."""

    async def take(self, limit: Limit) -> Block:
        """Remove the next block."""
        batches: list[SpanBatch] = []
        total = NOTHING
        while self._waiting:
            batch, size = self._waiting[0]
            if batches and exceeds(total.plus(size), limit):
                break
            self._waiting.popleft()
            batches.append(batch)
            total = total.plus(size)
        first, self._cut = self._cut, self._cut + len(batches)
        return Block(first, self._cut, total, batches)

    async def begin(self, block: Block) -> None:
        """Nothing to note."""

    async def commit(self, block: Block) -> None:
        """Forget the block."""
        self.pending = self.pending.minus(block.size)

    async def close(self) -> None:
        """Nothing is open."""


def exceeds(size: Size, limit: Limit) -> bool:
    """Whether a block of this size is larger than it may be."""
    return size.items > limit.items or size.bytes > limit.bytes


class SendingQueue:
    """Takes batches at once and has them delivered in blocks.

    Args:
        config: the exporter's `sending_queue`.
        backlog: where the waiting batches are kept.
        deliver: delivers a block, retries included; tells the second argument of each failure
            that will be tried again, and raises `DeliveryError` when it gives up.
        nudge: ends the pauses between retries, for a flush.
    """

    def __init__(
        self,
        config: QueueConfig,
        backlog: Backlog,
        deliver: Callable[[Block, Callable[[RetryableError], None]], Awaitable[None]],
        nudge: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._backlog = backlog
        self._deliver = deliver
        self._nudge = nudge
        self._unit = Size._fields.index(config.sizer)
        self._batch_unit = Size._fields.index(config.batch_sizer)
        self._limit = _limit(config)
        self._max_in_flight = min(config.num_consumers, backlog.max_in_flight)
        self._uncut = backlog.pending
        self._cut = backlog.end - backlog.pending.requests
        self._due = backlog.end
        self._in_flight: dict[int, Block] = {}
        self._results: dict[int, asyncio.Future[None]] = {}
        self._failure: tuple[int, RetryableError | None] = (0, None)
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._keeping = False

    @property
    def size(self) -> int:
        """What waits or is being delivered, in units of the configured sizer."""
        return self._backlog.pending[self._unit]

    @property
    def pending(self) -> Size:
        """What waits or is being delivered."""
        return self._backlog.pending

    async def put(self, batch: SpanBatch) -> asyncio.Future[None] | None:
        """Accept a batch, for good where the backlog is durable; an empty one is ignored.

        Returns:
            with `wait_for_result`, what becomes of the delivery.

        Raises:
            RetryableError: the queue is full, the disk is full, or the process is stopping.
        """
        if not len(batch):
            return None
        await self._make_room(Size(1, len(batch), batch.nbytes)[self._unit])
        size = self._backlog.append(batch)
        position = self._backlog.end
        self._uncut = self._uncut.plus(size)
        self._schedule()
        if self._backlog.durable:
            await self._backlog.sync(position)
        if not self._config.wait_for_result:
            return None
        result = asyncio.get_running_loop().create_future()
        self._results[position - 1] = result
        return result

    async def _make_room(self, size: int) -> None:
        capacity = self._config.queue_size
        if size > capacity:
            message = f"element size too large: {size} of at most {capacity}; raise queue_size"
            raise RetryableError(message)
        while self._closing or self.size + size > capacity:
            if self._closing:
                message = "sending queue is closed: the process is stopping"
                raise RetryableError(message)
            if not self._config.block_on_overflow:
                message = "sending queue is full"
                raise RetryableError(message)
            await self._progress.wait()

    async def flush(self) -> None:
        """Deliver everything accepted before this call, now; concurrent flushes share the work.

        Raises:
            RetryableError: the exporter cannot deliver at the moment; what waits is kept.
        """
        target = self._backlog.end
        failures = self._failure[0]
        if self._delivered < target:
            self._make_due()
            self._nudge()
        while self._delivered < target:
            if self._keeping or self._failure[0] > failures:
                message = f"cannot flush: {self._failure[1]}"
                raise RetryableError(message)
            await self._progress.wait()

    @property
    def _delivered(self) -> int:
        """Everything before this position has left the queue."""
        return next(iter(self._in_flight), self._cut)

    def keeps(self, error: DeliveryError) -> bool:
        """Whether a block that failed so for good stays for the next start of the process."""
        return self._closing and self._backlog.durable and isinstance(error, RetryableError)

    def close(self) -> None:
        """Refuse new batches and let `run` end once the rest is delivered or must be kept."""
        self._closing = True
        self._announce()
        self._make_due()

    async def run(self) -> None:
        """Cut blocks and deliver them until `close`; when cancelled, what is left stays behind."""
        try:
            async with asyncio.TaskGroup() as deliveries:
                while not (self._keeping or (self._closing and self._cut == self._backlog.end)):
                    if self._is_ready():
                        deliveries.create_task(self._handle(await self._take()))
                    else:
                        self._wake.clear()
                        await self._wake.wait()
        finally:
            self._stop_timer()
            await self._backlog.close()

    def _is_ready(self) -> bool:
        if self._cut == self._backlog.end or len(self._in_flight) >= self._max_in_flight:
            return False
        batch = self._config.batch
        return self._cut < self._due or not batch or self._uncut[self._batch_unit] >= batch.min_size

    async def _take(self) -> Block:
        block = await self._backlog.take(self._limit)
        self._uncut = self._uncut.minus(block.size)
        self._cut = block.end
        self._in_flight[block.first] = block
        self._stop_timer()
        if self._cut < self._backlog.end:
            self._schedule()
        return block

    async def _handle(self, block: Block) -> None:
        error: DeliveryError | None = None
        if block.batches:
            await self._backlog.begin(block)
            try:
                await self._deliver(block, self._on_failure)
            except DeliveryError as failure:
                error = failure
        if isinstance(error, RetryableError) and self.keeps(error):
            self._keeping = True
            self._on_failure(error)
        else:
            await self._backlog.commit(block)
        del self._in_flight[block.first]
        self._answer(block, error)
        self._announce()

    def _on_failure(self, error: RetryableError) -> None:
        self._failure = (self._failure[0] + 1, error)
        self._announce()

    def _answer(self, block: Block, error: DeliveryError | None) -> None:
        if not self._results:
            return
        for position in range(block.first, block.end):
            result = self._results.pop(position, None)
            if result is None or result.done():
                continue
            if error is None:
                result.set_result(None)
            else:
                result.set_exception(error)

    def _schedule(self) -> None:
        if self._is_ready():
            self._wake.set()
        elif self._timer is None and self._config.batch:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._config.batch.flush_timeout, self._make_due)

    def _make_due(self) -> None:
        self._stop_timer()
        self._due = self._backlog.end
        self._wake.set()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _announce(self) -> None:
        """Let everyone who waits for room, or for the end of a flush, look again."""
        self._progress.set()
        self._progress.clear()
        self._wake.set()


def _limit(config: QueueConfig) -> Limit:
    batch = config.batch
    if batch is None:
        return Limit(sys.maxsize, GATHER_MAX_BYTES)
    most = batch.max_size or batch.min_size
    if config.batch_sizer == "items":
        return Limit(most, BLOCK_MAX_BYTES)
    return Limit(sys.maxsize, min(most, BLOCK_MAX_BYTES))
