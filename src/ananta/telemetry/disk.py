"""What directories take on disk: measured at most every ten seconds, off the event loop."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MAX_AGE_SECONDS = 10.0

_BLOCK_BYTES = 512  # what st_blocks counts in, whatever the file system's own block is


class DiskUsage(NamedTuple):
    """What some directories take, and what is left.

    Attributes:
        used_bytes: blocks of all files in them, each file once.
        free_bytes: left for this user on their disk; of several disks, the one with the least.
        total_bytes: size of that disk.
    """

    used_bytes: int
    free_bytes: int
    total_bytes: int


class DiskMeter:
    """Measures directories; a measurement serves everyone who asks within ten seconds of it.

    Args:
        directories: what to measure; those that are not there yet count as empty.
        now: seconds of a steady clock.
    """

    def __init__(
        self, directories: Sequence[Path], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._directories = tuple(directories)
        self._now = now
        self._measured_at = -MAX_AGE_SECONDS
        self._usage: DiskUsage | None = None
        self._measuring = asyncio.Lock()

    async def read(self) -> DiskUsage | None:
        """The present usage; None where no directory is there."""
        async with self._measuring:
            if self._now() - self._measured_at >= MAX_AGE_SECONDS:
                self._usage = await asyncio.to_thread(measure, self._directories)
                self._measured_at = self._now()
            return self._usage


def measure(directories: Sequence[Path]) -> DiskUsage | None:
    """The usage of directories now; None where none is there."""
    present = [directory for directory in directories if directory.is_dir()]
    if not present:
        return None
    disks = [shutil.disk_usage(directory) for directory in present]
    tightest = min(disks, key=lambda disk: disk.free)
    return DiskUsage(_used_bytes(present), tightest.free, tightest.total)


def _used_bytes(directories: Sequence[Path]) -> int:
    used, seen = 0, set()
    waiting = [str(directory) for directory in directories]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:  # deleted since it was listed, or not for us to read
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            file = (status.st_dev, status.st_ino)
            if file in seen:  # ClickHouse keeps unchanged columns of new parts as hard links
                continue
            seen.add(file)
            used += status.st_blocks * _BLOCK_BYTES
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
    return used
