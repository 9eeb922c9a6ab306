"""The journal on disk: what survives which failure, and what the log says about it."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import shutil
import signal
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ananta.errors import RetryableError, StartupError
from ananta.extensions.file_storage import DiskBudget
from ananta.pipeline.journal import Journal
from ananta.pipeline.queue import Limit, Size
from ananta.pipeline.segments import HEADER_BYTES
from tests.unit.pipeline.batches import batch_of, names_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from ananta.pipeline.queue import Block

LOG = logging.getLogger("ananta.test")
ALL = Limit(10**9, 10**9)
ONE = Limit(0, 0)


def journal_in(directory: Path, lost: list[Size] | None = None, **settings) -> Journal:
    def on_lost(size: Size) -> None:
        assert lost is not None, f"lost {size}"
        lost.append(size)

    defaults: dict[str, Any] = {
        "budget": DiskBudget(),
        "fsync": "never",
        "lock_timeout_seconds": 0,
    }
    return Journal(directory, LOG, on_lost, **defaults | settings)


@asynccontextmanager
async def opened(
    directory: Path, lost: list[Size] | None = None, **settings
) -> AsyncIterator[Journal]:
    journal = journal_in(directory, lost, **settings)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def deliver(journal: Journal, limit: Limit = ALL) -> list[str]:
    """Take, begin and commit one block; returns its span names."""
    block = await journal.take(limit)
    await journal.begin(block)
    await journal.commit(block)
    return names_in(block.batch) if block.batches else []


async def deliver_all(journal: Journal, limit: Limit = ALL) -> list[str]:
    names = []
    while journal.pending.requests:
        names += await deliver(journal, limit)
    return names


def after_kill(directory: Path) -> Path:
    """The directory as another process finds it when this one is killed now."""
    copy = directory.with_name(f"{directory.name}-after-kill")
    shutil.copytree(directory, copy)
    return copy


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.segment"))


async def test_what_was_appended_is_taken_in_order(tmp_path) -> None:
    async with opened(tmp_path) as journal:
        for names in ("ab", "c"):
            journal.append(batch_of(*names))
        assert journal.pending.requests == 2
        assert journal.pending.items == 3
        assert await deliver_all(journal) == ["a", "b", "c"]
        assert journal.pending == Size(0, 0, 0)


async def test_what_was_not_delivered_is_there_after_a_restart(tmp_path) -> None:
    async with opened(tmp_path) as journal:
        for name in "abc":
            journal.append(batch_of(name))
        assert await deliver(journal, ONE) == ["a"]
        pending = journal.pending
    async with opened(tmp_path) as journal:
        assert journal.pending == pending
        assert journal.end == 3
        journal.append(batch_of("d"))
        assert await deliver_all(journal) == ["b", "c", "d"]


async def test_what_was_not_delivered_is_there_after_a_kill(tmp_path) -> None:
    async with opened(tmp_path / "journal") as journal:
        for name in "abc":
            journal.append(batch_of(name))
        await deliver(journal, ONE)
        copy = after_kill(tmp_path / "journal")
    async with opened(copy) as journal:
        assert await deliver_all(journal) == ["b", "c"]


async def test_a_block_out_at_a_kill_comes_back_with_the_same_borders_and_token(tmp_path) -> None:
    async with opened(tmp_path / "journal") as journal:
        for name in "abcde":
            journal.append(batch_of(name))
        limit = Limit(2, 10**9)
        first, second = await journal.take(limit), await journal.take(limit)
        await journal.begin(first)
        await journal.begin(second)
        await journal.commit(second)
        copy = after_kill(tmp_path / "journal")
    async with opened(copy) as journal:
        again = await journal.take(ALL)
        assert (again.first, again.end, again.token) == (0, 2, first.token)
        assert names_in(again.batch) == ["a", "b"]
        skipped = await journal.take(ALL)
        assert (skipped.first, skipped.end, list(skipped.batches)) == (2, 4, [])
        for block in (again, skipped):
            await journal.commit(block)
        assert await deliver_all(journal) == ["e"]


async def test_borders_survive_a_second_kill_before_they_were_reached(tmp_path) -> None:
    async with opened(tmp_path / "journal") as journal:
        for name in "abcde":
            journal.append(batch_of(name))
        blocks = [await journal.take(Limit(2, 10**9)) for _ in range(2)]
        for block in blocks:
            await journal.begin(block)
        copy = after_kill(tmp_path / "journal")
    async with opened(copy) as journal:
        await journal.begin(await journal.take(ALL))
        copy = after_kill(copy)
    async with opened(copy) as journal:
        again = [await journal.take(ALL) for _ in range(2)]
        assert [block.token for block in again] == [block.token for block in blocks]


async def test_the_same_spans_have_the_same_token_from_memory_and_from_disk(tmp_path) -> None:
    async with opened(tmp_path / "journal") as journal:
        journal.append(batch_of("a"))
        journal.append(batch_of("b"))
        copy = after_kill(tmp_path / "journal")
        from_memory = await journal.take(ALL)
    async with opened(copy) as journal:
        from_disk = await journal.take(ALL)
    assert from_memory.token == from_disk.token


async def test_different_spans_never_share_a_token(tmp_path) -> None:
    """A power failure takes back a record that was delivered; its position is used again."""
    async with opened(tmp_path / "journal") as journal:
        journal.append(batch_of("a"))
        copy = after_kill(tmp_path / "journal")
        before = await journal.take(ALL)
    (segment,) = segments(copy)
    os.truncate(segment, HEADER_BYTES)
    async with opened(copy) as journal:
        journal.append(batch_of("b"))
        after = await journal.take(ALL)
    assert (before.first, before.end) == (after.first, after.end)
    assert before.token != after.token


async def test_positions_go_on_after_a_power_failure_took_back_what_was_delivered(tmp_path) -> None:
    async with opened(tmp_path / "journal") as journal:
        for name in "ab":
            journal.append(batch_of(name))
        await deliver_all(journal)
        copy = after_kill(tmp_path / "journal")
    os.truncate(segments(copy)[0], HEADER_BYTES)
    async with opened(copy) as journal:
        assert journal.end == 2
        journal.append(batch_of("c"))
        copy = after_kill(copy)
    async with opened(copy) as journal:
        assert await deliver_all(journal) == ["c"]


async def test_positions_go_on_after_a_power_failure_took_back_whole_segments(tmp_path) -> None:
    async with opened(tmp_path / "journal", segment_max_bytes=1) as journal:
        journal.append(batch_of("a"))
        (first,) = segments(tmp_path / "journal")
        kept = first.read_bytes()
        journal.append(batch_of("b"))
        await deliver_all(journal)
        copy = after_kill(tmp_path / "journal")
    for path in segments(copy):
        path.unlink()
    (copy / first.name).write_bytes(kept)
    async with opened(copy) as journal:
        assert journal.end == 2
        journal.append(batch_of("c"))
        copy = after_kill(copy)
    async with opened(copy) as journal:
        assert await deliver_all(journal) == ["c"]


async def test_more_than_memory_may_hold_is_read_back_in_order(tmp_path) -> None:
    size = batch_of("x").nbytes
    async with opened(tmp_path, memory_max_bytes=2 * size, segment_max_bytes=5 * size) as journal:
        names = [f"{number:02d}" for number in range(20)]
        for name in names:
            journal.append(batch_of(name))
        delivered = await deliver(journal, Limit(3, 10**9))
        journal.append(batch_of("20"))
        delivered += await deliver_all(journal, Limit(3, 10**9))
        assert delivered == [*names, "20"]
        journal.append(batch_of("21"))
        assert await deliver_all(journal) == ["21"]


async def test_what_is_beyond_the_memory_limit_is_not_held(tmp_path) -> None:
    size = batch_of("x").nbytes
    lost: list[Size] = []
    async with opened(tmp_path, lost, memory_max_bytes=2 * size) as journal:
        for name in "abcd":
            journal.append(batch_of(name))
        (segment,) = segments(tmp_path)
        segment.write_bytes(segment.read_bytes()[:HEADER_BYTES].ljust(segment.stat().st_size))
        assert await deliver_all(journal) == ["a", "b"]
    assert [size.items for size in lost] == [2]


async def test_delivered_segments_are_deleted_and_room_is_given_back(tmp_path) -> None:
    budget = DiskBudget()
    async with opened(tmp_path, budget=budget, segment_max_bytes=400) as journal:
        for number in range(20):
            journal.append(batch_of(str(number)))
        assert len(segments(tmp_path)) > 3
        assert budget.used_bytes == sum(path.stat().st_size for path in segments(tmp_path))
        await deliver_all(journal)
        assert len(segments(tmp_path)) == 1
    assert segments(tmp_path) == []
    assert budget.used_bytes == 0


async def test_an_empty_journal_goes_on_where_it_was(tmp_path) -> None:
    tokens = set()
    for name in "abc":
        async with opened(tmp_path) as journal:
            journal.append(batch_of(name))
            block = await journal.take(ALL)
            tokens.add(block.token.rpartition("-")[0])
            await journal.commit(block)
    journal_id = next(iter(tokens)).partition("-")[0]
    assert tokens == {f"{journal_id}-0-1", f"{journal_id}-1-2", f"{journal_id}-2-3"}


@pytest.mark.parametrize("cut", [1, 10, 30])
async def test_a_torn_tail_is_cut_off_with_one_line(tmp_path, caplog, cut) -> None:
    async with opened(tmp_path) as journal:
        for name in "abc":
            journal.append(batch_of(name))
    (segment,) = segments(tmp_path)
    os.truncate(segment, segment.stat().st_size - cut)
    async with opened(tmp_path) as journal:
        assert await deliver_all(journal) == ["a", "b"]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.message == "Cut the torn tail off the journal."


async def test_zeros_at_the_end_are_a_torn_tail(tmp_path, caplog) -> None:
    async with opened(tmp_path) as journal:
        journal.append(batch_of("a"))
    (segment,) = segments(tmp_path)
    os.truncate(segment, segment.stat().st_size + 5000)
    async with opened(tmp_path) as journal:
        journal.append(batch_of("b"))
        assert await deliver_all(journal) == ["a", "b"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_segment_torn_in_its_header_is_nothing(tmp_path) -> None:
    async with opened(tmp_path, segment_max_bytes=1) as journal:
        for name in "ab":
            journal.append(batch_of(name))
    os.truncate(segments(tmp_path)[-1], HEADER_BYTES - 1)
    async with opened(tmp_path) as journal:
        journal.append(batch_of("c"))
        assert await deliver_all(journal) == ["a", "c"]


def flip_a_bit(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


async def test_damage_in_the_middle_loses_the_rest_of_its_segment_and_says_how_much(
    tmp_path, caplog
) -> None:
    size = batch_of("00").nbytes + 24
    async with opened(tmp_path, segment_max_bytes=HEADER_BYTES + 4 * size) as journal:
        for number in range(12):
            journal.append(batch_of(f"{number:02d}", "twin"))
    paths = segments(tmp_path)
    assert len(paths) > 3
    flip_a_bit(paths[1], paths[1].stat().st_size - 3)
    last_of_second = int(paths[2].stem) - 1
    lost: list[Size] = []
    async with opened(tmp_path, lost) as journal:
        names = await deliver_all(journal, Limit(4, 10**9))
        assert journal.pending == Size(0, 0, 0)
    expected = [f"{number:02d}" for number in range(12) if number != last_of_second]
    assert [name for name in names if name != "twin"] == expected
    assert [(size.requests, size.items) for size in lost] == [(1, 2)]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert f"{paths[1].name} is damaged at byte" in record.error
    assert record.spans == 2


async def test_a_missing_segment_is_lost_and_counted(tmp_path) -> None:
    async with opened(tmp_path, segment_max_bytes=1) as journal:
        for name in "abc":
            journal.append(batch_of(name))
    segments(tmp_path)[1].unlink()
    lost: list[Size] = []
    async with opened(tmp_path, lost) as journal:
        assert await deliver_all(journal) == ["a", "c"]
    assert [size.items for size in lost] == [1]


async def test_a_damaged_header_sets_the_segment_aside(tmp_path, caplog) -> None:
    async with opened(tmp_path, segment_max_bytes=1) as journal:
        for name in "abc":
            journal.append(batch_of(name))
    flip_a_bit(segments(tmp_path)[1], 3)
    lost: list[Size] = []
    async with opened(tmp_path, lost) as journal:
        assert await deliver_all(journal) == ["a", "c"]
    assert [size.items for size in lost] == [1]
    assert [path.name for path in tmp_path.glob("*.damaged")] == [f"{1:020d}.damaged"]


async def test_one_damaged_slot_of_the_checkpoint_does_no_harm(tmp_path) -> None:
    async with opened(tmp_path) as journal:
        for name in "abc":
            journal.append(batch_of(name))
        for _ in range(2):
            await deliver(journal, ONE)
    before = (tmp_path / "checkpoint").read_bytes()
    for slot in (0, 4096):
        (tmp_path / "checkpoint").write_bytes(before)
        flip_a_bit(tmp_path / "checkpoint", slot + 40)
        async with opened(tmp_path) as journal:
            assert journal.pending.items in (1, 2)


async def test_without_a_checkpoint_everything_is_delivered_again_and_said_so(
    tmp_path, caplog
) -> None:
    async with opened(tmp_path) as journal:
        for name in "ab":
            journal.append(batch_of(name))
        await deliver(journal, ONE)
    (tmp_path / "checkpoint").unlink()
    async with opened(tmp_path) as journal:
        assert await deliver_all(journal) == ["a", "b"]
    assert "no checkpoint" in caplog.records[0].message


async def test_segments_of_another_journal_are_refused(tmp_path) -> None:
    for name in ("one", "two"):
        async with opened(tmp_path / name) as journal:
            journal.append(batch_of(name))
    shutil.copy(segments(tmp_path / "one")[0], tmp_path / "two" / f"{1:020d}.segment")
    with pytest.raises(StartupError, match="belongs to another journal; move it out of"):
        await journal_in(tmp_path / "two").open()


async def test_a_second_process_is_told_who_holds_the_directory(tmp_path) -> None:
    async with opened(tmp_path):
        with pytest.raises(StartupError) as caught:
            await journal_in(tmp_path).open()
    assert str(caught.value) == (
        f"the journal directory {tmp_path} is in use by another process (pid {os.getpid()}); "
        "stop it or set another directory"
    )
    async with opened(tmp_path):
        pass


async def test_it_waits_for_a_process_that_is_just_ending(tmp_path) -> None:
    first = journal_in(tmp_path)
    await first.open()
    second = journal_in(tmp_path, lock_timeout_seconds=10)
    opening = asyncio.create_task(second.open())
    await asyncio.sleep(0)
    await first.close()
    await opening
    await second.close()


async def test_a_directory_that_cannot_be_made_is_a_startup_error(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"cannot use the journal directory .*: Not a directory"):
        await journal_in(tmp_path / "file" / "journal").open()


@contextmanager
def files_no_larger_than(max_bytes: int) -> Iterator[None]:
    """Let the system cut writes short at this file size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_full_disk_refuses_the_sender_and_leaves_nothing_half_written(tmp_path) -> None:
    async with opened(tmp_path) as journal:
        journal.append(batch_of("a"))
        (segment,) = segments(tmp_path)
        before = segment.read_bytes()
        for room in (0, 10, 30):
            with (
                files_no_larger_than(len(before) + room),
                pytest.raises(RetryableError, match=r"cannot write to .*segment: .*; free"),
            ):
                journal.append(batch_of("refused"))
            assert segment.read_bytes() == before
        assert journal.pending.items == 1
        journal.append(batch_of("b"))
        copy = after_kill(tmp_path)
    async with opened(copy) as journal:
        assert await deliver_all(journal) == ["a", "b"]


async def test_no_room_for_a_new_segment_refuses_the_sender(tmp_path) -> None:
    async with opened(tmp_path) as journal:
        with files_no_larger_than(HEADER_BYTES - 1), pytest.raises(RetryableError):
            journal.append(batch_of("refused"))
        assert segments(tmp_path) == []
        journal.append(batch_of("a"))
        assert await deliver_all(journal) == ["a"]


async def test_beyond_max_bytes_the_sender_is_refused_until_segments_are_deleted(tmp_path) -> None:
    budget = DiskBudget(max_bytes=1000)
    async with opened(tmp_path, budget=budget, segment_max_bytes=300) as journal:

        def append_until_full() -> None:
            for number in range(100):
                journal.append(batch_of(str(number)))

        with pytest.raises(RetryableError, match=r"the journal is full: max_bytes is 1000"):
            append_until_full()
        taken = journal.pending.items
        assert sum(path.stat().st_size for path in segments(tmp_path)) <= 1000
        assert len(await deliver_all(journal)) == taken
        journal.append(batch_of("again"))
        assert await deliver_all(journal) == ["again"]


async def test_appending_goes_on_where_a_torn_record_cannot_be_cut_off(
    tmp_path, monkeypatch
) -> None:
    def refuse(fd: int, length: int) -> None:
        raise OSError(5, "Input/output error")

    async with opened(tmp_path) as journal:
        journal.append(batch_of("a"))
        size = segments(tmp_path)[0].stat().st_size
        with monkeypatch.context() as patched, files_no_larger_than(size + 10):
            patched.setattr(os, "ftruncate", refuse)
            with pytest.raises(RetryableError):
                journal.append(batch_of("refused"))
        journal.append(batch_of("b"))
        copy = after_kill(tmp_path)
    async with opened(copy) as journal:
        assert await deliver_all(journal) == ["a", "b"]


@pytest.mark.parametrize("fsync", ["always", "interval", "never"])
async def test_every_way_of_syncing_keeps_what_was_appended(tmp_path, fsync) -> None:
    async with opened(
        tmp_path, fsync=fsync, fsync_interval_seconds=0.001, segment_max_bytes=300
    ) as journal:
        for number in range(10):
            journal.append(batch_of(str(number)))
            await journal.sync(journal.end)
    async with opened(tmp_path) as journal:
        assert await deliver_all(journal) == [str(number) for number in range(10)]


async def test_with_fsync_always_records_appended_together_share_syncs(
    tmp_path, monkeypatch
) -> None:
    calls = []
    fdatasync = os.fdatasync

    def count(fd: int) -> None:
        calls.append(fd)
        fdatasync(fd)

    monkeypatch.setattr(os, "fdatasync", count)

    async def append(journal: Journal) -> None:
        journal.append(batch_of("a"))
        await journal.sync(journal.end)

    async with opened(tmp_path, fsync="always") as journal:
        await asyncio.gather(*(append(journal) for _ in range(50)))
        assert 1 <= len(calls) <= 3
        assert journal.pending.items == 50


async def test_with_fsync_always_a_device_error_reaches_the_sender(tmp_path, monkeypatch) -> None:
    def refuse(fd: int) -> None:
        raise OSError(5, "Input/output error")

    async with opened(tmp_path, fsync="always") as journal:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", refuse)
            journal.append(batch_of("a"))
            with pytest.raises(RetryableError, match="Input/output error"):
                await journal.sync(journal.end)
        await journal.sync(journal.end)


async def test_a_checkpoint_that_cannot_be_written_holds_delivery_back(
    tmp_path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr("ananta.pipeline.journal._SAVE_RETRY_SECONDS", 0)
    async with opened(tmp_path) as journal:
        journal.append(batch_of("a"))
        block: Block = await journal.take(ALL)
        pwrite, failures = os.pwrite, iter(range(3))

        def fail_three_times(fd: int, data: bytes, offset: int) -> int:
            if next(failures, None) is not None:
                raise OSError(28, "No space left on device")
            return pwrite(fd, data, offset)

        monkeypatch.setattr(os, "pwrite", fail_three_times)
        await journal.begin(block)
        assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
        await journal.commit(block)
