"""The benchmark cases, in the order they run and are reported.

A case is a function that is given `Options` and yields `Measurement`s. What it can't measure of
one system it skips with a note, so that the rest of the run is worth its time.
"""

from __future__ import annotations

import http.client
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import cache_directory
from bench.runner import BenchError
from bench.systems import versions

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Options:
    """How a run was asked for, and the notes it gathers."""

    quick: bool = False
    systems: list[str] = field(default_factory=lambda: list(versions()))
    notes: list[str] = field(default_factory=list)

    def present(self, *names: str) -> list[str]:
        """Those of the named systems that are installed and asked for."""
        return [name for name in names if name in self.systems]

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """Turn a failed measurement into a note."""
        try:
            yield
        except (BenchError, OSError, http.client.HTTPException) as error:
            self.note(f"{what}: {error}")

    def note(self, text: str) -> None:
        """Tell the reader of the run, and of its table."""
        print(f"  ! {text}", flush=True)
        # Of a program's output its last line tells most.
        self.notes.append(
            " ".join(dict.fromkeys([*text.splitlines()[:1], *text.splitlines()[-1:]]))
        )


@contextmanager
def working_directory() -> Iterator[Path]:
    """A directory for one measurement, on the disk of the cache, gone afterwards."""
    root = cache_directory() / "work"
    root.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=root))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
