"""Whatever happens to a journal: nothing acknowledged is missing, nothing is stored twice.

Hypothesis makes up histories of appending, delivering and crashing. A crash copies the directory
as the next process would find it; a power failure also cuts the last segment at any byte.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ananta.pipeline.queue import Limit
from tests.unit.pipeline.batches import batch_of, names_in
from tests.unit.pipeline.test_journal import journal_in, segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.pipeline.journal import Journal
    from ananta.pipeline.queue import Block

appends = st.tuples(st.just("append"), st.integers(1, 4))
takes = st.tuples(st.just("take"), st.integers(1, 6))
stores = st.tuples(st.just("store"), st.integers(0, 3))
commits = st.tuples(st.just("commit"), st.integers(0, 3))
kills = st.tuples(st.just("kill"), st.just(0))
power_failures = st.tuples(st.just("power failure"), st.integers(1, 500))
steps_without_power_failure = st.lists(
    st.one_of(appends, appends, takes, stores, commits, kills), max_size=40
)
steps = st.lists(
    st.one_of(appends, appends, takes, stores, commits, kills, power_failures), max_size=40
)


@dataclass
class History:
    """A journal, and what should become of it."""

    root: Path
    memory_max_bytes: int
    acknowledged: list[str] = field(default_factory=list)
    ends: dict[str, tuple[str, int]] = field(default_factory=dict)
    out: list[Block] = field(default_factory=list)
    by_token: dict[str, list[str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    crashes: int = 0
    journal: Journal = field(init=False)

    @property
    def directory(self) -> Path:
        return self.root / str(self.crashes)

    async def open(self) -> None:
        self.journal = journal_in(
            self.directory, memory_max_bytes=self.memory_max_bytes, segment_max_bytes=400
        )
        await self.journal.open()

    async def append(self, num_spans: int) -> None:
        names = [str(next(self.numbers)) for _ in range(num_spans)]
        self.journal.append(batch_of(*names))
        self.acknowledged += names
        last = segments(self.directory)[-1]
        for name in names:
            self.ends[name] = (last.name, last.stat().st_size)

    async def take(self, max_spans: int) -> None:
        cut = self.out[-1].end if self.out else None
        if self.journal.pending.requests and cut != self.journal.end:
            block = await self.journal.take(Limit(max_spans, 10**9))
            if not block.batches:
                await self.journal.commit(block)
            else:
                await self.journal.begin(block)
                self.out.append(block)

    def store(self, number: int) -> None:
        """The exporter takes a block: at least once, and by its token exactly once."""
        if number < len(self.out):
            block = self.out[number]
            names = names_in(block.batch)
            assert self.by_token.setdefault(block.token, names) == names, "token used twice"

    async def commit(self, number: int) -> None:
        if number < len(self.out):
            self.store(number)
            await self.journal.commit(self.out.pop(number))

    async def kill(self) -> None:
        before = self.directory
        self.crashes += 1
        shutil.copytree(before, self.directory)
        self.out.clear()
        await self.journal.close()
        await self.open()

    async def power_failure(self, num_bytes: int) -> None:
        before = self.directory
        self.crashes += 1
        shutil.copytree(before, self.directory)
        self.out.clear()
        await self.journal.close()
        if paths := segments(self.directory):
            left = max(0, paths[-1].stat().st_size - num_bytes)
            os.truncate(paths[-1], left)
            torn = {
                n for n, (name, end) in self.ends.items() if name == paths[-1].name and end > left
            }
            self.acknowledged = [name for name in self.acknowledged if name not in torn]
            self.ends = {name: at for name, at in self.ends.items() if name not in torn}
        await self.open()

    async def play(self, played: list[tuple[str, int]]) -> None:
        await self.open()
        for step, number in played:
            match step:
                case "append":
                    await self.append(number)
                case "take":
                    await self.take(number)
                case "store":
                    self.store(number)
                case "commit":
                    await self.commit(number)
                case "kill":
                    await self.kill()
                case "power failure":
                    await self.power_failure(number)
        while self.journal.pending.requests:
            while self.out:
                await self.commit(0)
            if self.journal.pending.requests:
                await self.take(3)
        await self.journal.close()


def play(played: list[tuple[str, int]], memory_max_bytes: int) -> History:
    with tempfile.TemporaryDirectory() as root:
        history = History(Path(root), memory_max_bytes)
        asyncio.run(history.play(played))
        return history


@settings(max_examples=150, deadline=None)
@given(played=steps_without_power_failure, memory_max_bytes=st.sampled_from([0, 200, 10**9]))
def test_after_any_kills_every_span_is_stored_exactly_once(played, memory_max_bytes) -> None:
    history = play(played, memory_max_bytes)
    stored = [name for names in history.by_token.values() for name in names]
    assert sorted(stored, key=int) == history.acknowledged


@settings(max_examples=150, deadline=None)
@given(played=steps, memory_max_bytes=st.sampled_from([0, 200, 10**9]))
def test_after_power_failures_every_span_whose_bytes_are_left_is_stored(
    played, memory_max_bytes
) -> None:
    history = play(played, memory_max_bytes)
    stored = {name for names in history.by_token.values() for name in names}
    assert stored >= set(history.acknowledged)
