"""The persistent queue of one exporter: an append-only log on disk.

`append` is the acknowledgement path: one write of one record, nothing else. What has been taken
is delivered from memory while it fits there, and read back from disk where it does not and after
a restart. Segments are deleted once everything in them is delivered.

Delivery is exactly once where the exporter stores a token only once. Before a block goes out its
borders are written to the checkpoint, so a crash brings back the same block; its token is made of
the journal's id, the borders and the checksum of the spans, so the same token means the same
spans even where a power failure has taken back the end of the journal.

What each failure costs:

- process killed: nothing; what was appended is in the system's cache and is delivered again;
- power failure: what was not yet synced (`fsync`); a torn tail is cut off;
- disk full: the record is taken back whole and the sender told to try again;
- damaged bytes: the rest of that segment, counted and logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sys
import time
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ananta.errors import DecodeError, StartupError
from ananta.model import SpanBatch
from ananta.pipeline.checkpoint import MAX_BLOCKS, START, CheckpointFile, Intent, read_checkpoint
from ananta.pipeline.queue import NOTHING, Block, Limit, Size, exceeds
from ananta.pipeline.segments import (
    HEADER_BYTES,
    RECORD_HEADER_BYTES,
    Cursor,
    DamagedError,
    Stretch,
    find_tail,
    fold_checksum,
    read_header,
    read_stretch,
    segment_path,
)
from ananta.pipeline.writer import SEGMENT_MAX_BYTES, Fsync, SegmentWriter

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from pathlib import Path

    from ananta.extensions.file_storage import DiskBudget

MEMORY_MAX_BYTES = 32 << 20
"""Batches waiting beyond this are read back from disk when their turn comes."""

_UNLIMITED = Limit(sys.maxsize, sys.maxsize)
_SAVE_RETRY_SECONDS = 1.0


class _Held(NamedTuple):
    """A waiting batch that is still in memory, and where it ends on disk."""

    batch: SpanBatch
    size: Size
    checksum: int
    end: Cursor


@dataclass(slots=True)
class _InFlight:
    end: Cursor
    done: bool = False


class Journal:
    """The durable `Backlog`; see there for what the methods promise.

    Args:
        directory: of this journal alone; made if it is missing.
        log: the exporter's logger.
        on_lost: told how much was found to be unreadable.
        budget: bytes that all journals of a storage directory may use together.
        fsync: how soon a record is on the device.
        fsync_interval_seconds: for `interval`.
        lock_timeout_seconds: how long to wait for another process to let go of the directory.
        segment_max_bytes: size of a file.
        memory_max_bytes: how much may wait in memory.
    """

    durable = True
    max_in_flight = MAX_BLOCKS

    def __init__(
        self,
        directory: Path,
        log: logging.Logger,
        on_lost: Callable[[Size], None],
        *,
        budget: DiskBudget,
        fsync: Fsync = "interval",
        fsync_interval_seconds: float = 1.0,
        lock_timeout_seconds: float = 1.0,
        segment_max_bytes: int = SEGMENT_MAX_BYTES,
        memory_max_bytes: int = MEMORY_MAX_BYTES,
    ) -> None:
        self.pending = NOTHING
        self._directory = directory
        self._log = log
        self._on_lost = on_lost
        self._budget = budget
        self._fsync: Fsync = fsync
        self._fsync_interval_seconds = fsync_interval_seconds
        self._lock_timeout_seconds = lock_timeout_seconds
        self._segment_max_bytes = segment_max_bytes
        self._memory_max_bytes = memory_max_bytes
        self._lock = -1
        self._journal_id = b""
        self._delivered = START
        self._held: deque[_Held] = deque()
        self._held_bytes = 0
        self._unread: Cursor | None = None  # where what is not held begins
        self._recovered: deque[Intent] = deque()
        self._in_flight: dict[int, _InFlight] = {}

    # Opening

    async def open(self) -> None:
        """Lock the directory, find out what is undelivered, cut off a torn tail.

        Raises:
            StartupError: the directory is in use by another process or cannot be used.
        """
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            lock = _lock_directory(self._directory, self._lock_timeout_seconds)
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(os.close, lock)
                self._recover()
                on_failure.pop_all()
            self._lock = lock
        except OSError as error:
            message = f"cannot use the journal directory {self._directory}: {error.strerror}"
            raise StartupError(message) from error

    def _recover(self) -> None:
        checkpoint = read_checkpoint(self._directory / "checkpoint")
        segments = self._find_segments()
        if checkpoint is not None:
            self._journal_id, generation, delivered, intents = checkpoint
        else:
            generation, delivered, intents = 0, segments[0] if segments else START, []
            self._journal_id = self._journal_id or uuid.uuid4().bytes
            if segments:
                self._log.warning(
                    "The journal has no checkpoint; everything in it is delivered again.",
                    extra={"directory": str(self._directory)},
                )
        tail = self._find_tail(segments, delivered) if segments else delivered
        if segments and segments[-1].totals == tail.totals:
            self._delete(segment_path(self._directory, segments.pop().segment))
        if tail.totals.requests <= delivered.totals.requests:
            tail = delivered
        else:
            self._unread = delivered
        self.pending = tail.totals.minus(delivered.totals)
        self._delivered = delivered
        self._recovered = deque(i for i in intents if i.end <= tail.totals.requests)
        self._checkpoint = CheckpointFile(
            self._directory / "checkpoint", self._journal_id, generation
        )
        self._checkpoint.write(delivered, list(self._recovered))
        self._writer = SegmentWriter(
            self._directory,
            self._journal_id,
            deque(segments),
            tail,
            budget=self._budget,
            fsync=self._fsync,
            fsync_interval_seconds=self._fsync_interval_seconds,
            log=self._log,
            segment_max_bytes=self._segment_max_bytes,
        )
        self._writer.delete_before(delivered.totals.requests)

    def _find_segments(self) -> list[Cursor]:
        segments: list[Cursor] = []
        for path in sorted(self._directory.glob("*.segment")):
            self._budget.used_bytes += path.stat().st_size
            try:
                journal_id, totals = read_header(path)
            except DamagedError as damage:
                self._set_aside(path, damage)
                continue
            if self._journal_id and journal_id != self._journal_id:
                message = f"{path} belongs to another journal; move it out of {self._directory}"
                raise StartupError(message)
            self._journal_id = journal_id
            segments.append(Cursor(totals, totals.requests, HEADER_BYTES))
        return segments

    def _set_aside(self, path: Path, damage: DamagedError) -> None:
        """Keep a file without a valid header out of the way; one that ends in it holds nothing."""
        if damage.torn:
            self._delete(path)
        else:
            path.rename(path.with_suffix(".damaged"))
            self._log.error(
                "A journal segment is damaged and set aside; its spans are lost.",
                extra={"error": str(damage), "kept_as": f"{path.stem}.damaged"},
            )

    def _delete(self, path: Path) -> None:
        self._budget.used_bytes -= path.stat().st_size
        path.unlink()

    def _find_tail(self, segments: list[Cursor], delivered: Cursor) -> Cursor:
        """Where the last segment ends; what lies behind its last whole record is cut off."""
        last = segments[-1]
        start = delivered if delivered.segment == last.segment else last
        path = segment_path(self._directory, last.segment)
        tail, damage = find_tail(path, start)
        if damage is not None:
            num_bytes = path.stat().st_size - tail.offset
            details = {"error": str(damage), "bytes": num_bytes}
            if damage.torn:
                self._log.warning("Cut the torn tail off the journal.", extra=details)
            else:
                self._log.error("The end of the journal is damaged; spans are lost.", extra=details)
            os.truncate(path, tail.offset)
            self._budget.used_bytes -= num_bytes
        return tail

    # Taking in

    @property
    def end(self) -> int:
        """Position of the next batch."""
        return self._writer.end.totals.requests

    def append(self, batch: SpanBatch) -> Size:
        """Write a batch to disk; raises `RetryableError` when the disk is full."""
        before = self._writer.end.totals
        size, checksum = self._writer.append(batch.to_otlp(), len(batch))
        self.pending = self.pending.plus(size)
        if self._unread is None:
            if self._held_bytes + size.bytes <= self._memory_max_bytes:
                self._held.append(_Held(batch, size, checksum, self._writer.end))
                self._held_bytes += size.bytes
            else:
                _totals, segment, offset = self._writer.end
                start = offset - RECORD_HEADER_BYTES - size.bytes
                self._unread = Cursor(before, segment, start)
        return size

    async def sync(self, position: int) -> None:
        """Return once everything before the position is as safe as `fsync` says."""
        await self._writer.sync(position)

    # Giving out

    async def take(self, limit: Limit) -> Block:
        """Remove the next block, from memory or from disk."""
        taken = self._take_held(limit) if self._held else await self._take_unread(limit)
        stretch, batches = taken
        end = stretch.end.totals.requests
        first = end - stretch.size.requests
        self._in_flight[first] = _InFlight(stretch.end)
        token = f"{self._journal_id.hex()}-{first}-{end}-{stretch.checksum:08x}"
        return Block(first, end, stretch.size, batches, token)

    def _take_held(self, limit: Limit) -> tuple[Stretch, list[SpanBatch]]:
        batches: list[SpanBatch] = []
        size, checksum, end = NOTHING, 0, self._delivered
        while self._held:
            held = self._held[0]
            if batches and exceeds(size.plus(held.size), limit):
                break
            self._held.popleft()
            batches.append(held.batch)
            size = size.plus(held.size)
            checksum = fold_checksum(held.checksum, checksum)
            end = held.end
        self._held_bytes -= size.bytes
        return Stretch([], size, checksum, end), batches

    async def _take_unread(self, limit: Limit) -> tuple[Stretch, list[SpanBatch]]:
        start = self._unread or self._delivered
        stop, limit, is_done = self._next_borders(start.totals.requests, limit)
        stretch = await asyncio.to_thread(
            read_stretch,
            self._directory,
            list(self._writer.segments),
            start,
            self._writer.end,
            stop,
            limit,
        )
        self._unread = stretch.end if stretch.end.totals.requests < self.end else None
        if is_done:
            return stretch, []
        try:
            if stretch.damage is None:
                return stretch, await asyncio.to_thread(_decode, stretch.payloads)
            reason = stretch.damage
        except DecodeError as error:
            reason = str(error)
        self._log.error(
            "The journal cannot be read; spans are lost.",
            extra={"error": reason, "batches": stretch.size.requests, "spans": stretch.size.items},
        )
        self._on_lost(stretch.size)
        return stretch, []

    def _next_borders(self, position: int, limit: Limit) -> tuple[int, Limit, bool]:
        """Where the next block must end, how large it may be, and whether it was delivered.

        What was being delivered when the process died keeps its borders.
        """
        while self._recovered and self._recovered[0].first < position:
            self._recovered.popleft()
        if not self._recovered:
            return self.end, limit, False
        if self._recovered[0].first > position:
            return self._recovered[0].first, limit, False
        intent = self._recovered.popleft()
        return intent.end, _UNLIMITED, intent.done

    async def begin(self, block: Block) -> None:  # noqa: ARG002 - it is in flight since `take`
        """Write the block's borders to the checkpoint."""
        await self._save()

    async def commit(self, block: Block) -> None:
        """Note that the block is done with, and delete segments nobody needs any more."""
        self.pending = self.pending.minus(block.size)
        self._in_flight[block.first].done = True
        while self._in_flight:
            first, oldest = next(iter(self._in_flight.items()))
            if not oldest.done:
                break
            self._delivered = oldest.end
            del self._in_flight[first]
        await self._save()
        segments, delivered = self._writer.segments, self._delivered.totals.requests
        if len(segments) > 1 and segments[1].segment <= delivered:
            await asyncio.to_thread(self._writer.delete_before, delivered)

    async def _save(self) -> None:
        """Write the checkpoint; until that succeeds nothing is delivered, so nothing twice."""
        while True:
            intents = [
                Intent(first, block.end.totals.requests, block.done)
                for first, block in self._in_flight.items()
            ]
            intents += self._recovered
            try:
                self._checkpoint.write(self._delivered, intents)
                if self._fsync == "always":
                    await asyncio.to_thread(self._checkpoint.sync)
            except OSError as error:
                self._log.error(
                    "Cannot write the journal's checkpoint; delivery waits.",
                    extra={"error": error.strerror, "directory": str(self._directory)},
                )
                await asyncio.sleep(_SAVE_RETRY_SECONDS)
            else:
                return

    async def close(self) -> None:
        """Close the files and let go of the directory; legal twice and before `open`."""
        if self._lock < 0:
            return
        lock, self._lock = self._lock, -1
        try:
            await self._writer.close(empty=not self.pending.requests)
            self._checkpoint.close()
        finally:
            os.close(lock)


def _decode(payloads: list[bytes]) -> list[SpanBatch]:
    return [SpanBatch.from_otlp(payload) for payload in payloads]


def _lock_directory(directory: Path, timeout_seconds: float) -> int:
    """Take the directory for this process; returns a descriptor whose closing lets go of it."""
    path = directory / "lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            holder = os.pread(fd, 20, 0).decode(errors="replace").strip()
            os.close(fd)
            message = (
                f"the journal directory {directory} is in use by another process"
                f"{f' (pid {holder})' if holder else ''}; stop it or set another directory"
            )
            raise StartupError(message) from None
        break
    with contextlib.suppress(OSError):  # the pid is a courtesy; a full disk may not take it
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd
