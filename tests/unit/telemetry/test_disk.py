"""What directories take on a real disk."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from ananta.telemetry.disk import DiskMeter, measure

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


def write(file: Path, num_bytes: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * num_bytes)


def test_every_file_counts_once(tmp_path: Path) -> None:
    store, journal = tmp_path / "store", tmp_path / "journal"
    write(store / "deep" / "er" / "part.bin", 3 * MIB)
    os.link(store / "deep" / "er" / "part.bin", store / "same.bin")
    (store / "link").symlink_to(tmp_path)
    write(journal / "1.log", MIB)
    write(tmp_path / "other", 8 * MIB)
    usage = measure([store, journal, store / "deep", tmp_path / "absent"])
    assert usage is not None
    assert 4 * MIB <= usage.used_bytes < 5 * MIB
    assert usage.total_bytes == shutil.disk_usage(tmp_path).total
    assert 0 < usage.free_bytes <= usage.total_bytes


def test_nothing_is_measured_where_nothing_is(tmp_path: Path) -> None:
    assert measure([]) is None
    assert measure([tmp_path / "absent"]) is None


async def test_a_measurement_serves_for_ten_seconds(tmp_path: Path) -> None:
    now = 100.0
    meter = DiskMeter([tmp_path], now=lambda: now)
    first = await meter.read()
    write(tmp_path / "file", MIB)
    now = 109.0
    assert await meter.read() == first
    now = 110.0
    usage = await meter.read()
    assert first is not None
    assert usage is not None
    assert usage.used_bytes - first.used_bytes >= MIB
