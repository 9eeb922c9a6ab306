"""The writing end of a journal: records go to the last segment, segments are begun and deleted.

One `writev` a record, in the caller's thread. How soon a record is on the device is `fsync`:
`always` before `sync` returns, where records appended while one sync runs share the next one;
`interval` at most so many seconds later; `never` leaves it to the system.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING, Literal

from ananta.errors import RetryableError
from ananta.pipeline.queue import Size
from ananta.pipeline.segments import (
    HEADER_BYTES,
    RECORD_HEADER_BYTES,
    Cursor,
    pack_header,
    pack_record_header,
    record_checksum,
    segment_path,
)

if TYPE_CHECKING:
    import logging
    from collections import deque
    from pathlib import Path

    from ananta.extensions.file_storage import DiskBudget

Fsync = Literal["always", "interval", "never"]

SEGMENT_MAX_BYTES = 32 << 20


class SegmentWriter:
    """Appends records to a journal's last segment.

    Args:
        directory: of the journal.
        journal_id: goes into each segment's header.
        segments: where each segment on disk begins, oldest first; kept up to date here.
        end: where the journal ends; the first record begins a new segment there.
        budget: bytes that all journals of a directory may use together.
        fsync: how soon a record is on the device.
        fsync_interval_seconds: for `interval`.
        log: the exporter's logger.
        segment_max_bytes: a segment grows no larger, unless one record is.
    """

    def __init__(
        self,
        directory: Path,
        journal_id: bytes,
        segments: deque[Cursor],
        end: Cursor,
        *,
        budget: DiskBudget,
        fsync: Fsync,
        fsync_interval_seconds: float,
        log: logging.Logger,
        segment_max_bytes: int,
    ) -> None:
        self.segments = segments
        self.end = end
        self._directory = directory
        self._journal_id = journal_id
        self._budget = budget
        self._fsync = fsync
        self._fsync_interval_seconds = fsync_interval_seconds
        self._log = log
        self._segment_max_bytes = segment_max_bytes
        self._fd = -1
        self._retired: list[int] = []
        self._synced = end.totals.requests
        self._syncing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def append(self, payload: bytes, items: int) -> tuple[Size, int]:
        """Write one record whole; returns its size and checksum.

        Raises:
            RetryableError: the disk or the directory's `max_bytes` is full; nothing is left behind.
        """
        header = pack_record_header(payload, items, time.time_ns())
        num_bytes = RECORD_HEADER_BYTES + len(payload)
        if self._fd < 0 or (
            self.end.offset > HEADER_BYTES and self.end.offset + num_bytes > self._segment_max_bytes
        ):
            self._begin_segment()
        self._write(header, payload)
        size = Size(1, items, len(payload))
        totals, segment, offset = self.end
        self.end = Cursor(totals.plus(size), segment, offset + num_bytes)
        if self._fsync == "interval" and self._timer is None:
            self._sync_later()
        return size, record_checksum(header)

    def _begin_segment(self) -> None:
        first = self.end.totals.requests
        if self._fd >= 0:
            self._retired.append(self._fd)
            self._fd = -1
            if self._fsync == "never":
                self._close_retired()
        path = segment_path(self._directory, first)
        try:
            # Only a file without a whole record can have this name already.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o640)
        except OSError as error:
            raise RetryableError(_cannot_write(path, error)) from error
        self.end = Cursor(self.end.totals, first, 0)
        try:
            self._write(pack_header(self._journal_id, self.end.totals))
        except RetryableError:
            os.close(self._fd)
            self._fd = -1
            path.unlink(missing_ok=True)
            raise
        self.end = Cursor(self.end.totals, first, HEADER_BYTES)
        self.segments.append(self.end)

    def _write(self, *parts: bytes) -> None:
        """Write all parts after the last record, or nothing."""
        num_bytes = sum(map(len, parts))
        if not self._budget.has_room(num_bytes):
            message = f"the journal is full: max_bytes is {self._budget.max_bytes}"
            raise RetryableError(message)
        try:
            written = os.writev(self._fd, parts)
            if written < num_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._take_back()
            path = segment_path(self._directory, self.end.segment)
            raise RetryableError(_cannot_write(path, error)) from error
        self._budget.used_bytes += num_bytes

    def _take_back(self) -> None:
        """Cut off a record that was written in part; a file that cannot be cut is left alone."""
        try:
            os.ftruncate(self._fd, self.end.offset)
        except OSError:
            self._retired.append(self._fd)
            self._fd = -1

    async def sync(self, position: int) -> None:
        """Return once all records before the position are as safe as `fsync` says.

        Raises:
            RetryableError: the device reports an error; the record may still be delivered.
        """
        while self._fsync == "always" and self._synced < position:
            await asyncio.shield(self._start_sync())

    def _sync_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._fsync_interval_seconds, self._sync_now)

    def _sync_now(self) -> None:
        self._timer = None
        if self._syncing is None:
            self._start_sync()
        else:
            self._sync_later()

    def _start_sync(self) -> asyncio.Task[None]:
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync())
        return self._syncing

    async def _sync(self) -> None:
        position = self.end.totals.requests
        retired, self._retired = self._retired, []
        open_files = [*retired, self._fd] if self._fd >= 0 else retired
        try:
            await asyncio.to_thread(_sync_files, open_files, self._directory)
        except OSError as error:
            if self._fsync == "always":
                raise RetryableError(_cannot_write(self._directory, error)) from error
            self._log.error(
                "Cannot sync the journal; a power failure may lose spans.",
                extra={"error": error.strerror},
            )
        else:
            self._synced = position
        finally:
            self._syncing = None
            for fd in retired:
                os.close(fd)

    def _close_retired(self) -> None:
        for fd in self._retired:
            os.close(fd)
        self._retired.clear()

    def delete_before(self, position: int) -> None:
        """Delete each segment that ends at or before the position; may take milliseconds."""
        while len(self.segments) > 1 and self.segments[1].segment <= position:
            self._delete(self.segments.popleft())

    def _delete(self, segment: Cursor) -> None:
        path = segment_path(self._directory, segment.segment)
        with contextlib.suppress(FileNotFoundError):
            num_bytes = path.stat().st_size
            path.unlink()
            self._budget.used_bytes -= num_bytes

    async def close(self, *, empty: bool) -> None:
        """Sync and close the files; delete them all when everything in them is delivered."""
        if self._timer is not None:
            self._timer.cancel()
        if self._syncing is not None:
            await asyncio.wait([self._syncing])
        if self._fsync != "never" and not empty:
            with contextlib.suppress(RetryableError):
                await self._sync()
        if self._fd >= 0:
            self._retired.append(self._fd)
            self._fd = -1
        self._close_retired()
        while empty and self.segments:
            self._delete(self.segments.popleft())


def _sync_files(open_files: list[int], directory: Path) -> None:
    for fd in open_files:
        os.fdatasync(fd)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _cannot_write(path: Path, error: OSError) -> str:
    return f"cannot write to {path}: {error.strerror}; free space or set another directory"
