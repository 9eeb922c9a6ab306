"""Stores filled with millions of spans, kept in the cache so that a second run begins at once.

A data set is ten days of traces that arrived evenly. Which traces exist follows from the seed:
request number n holds the traces of template n modulo the templates, ids renewed for n.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bench.cases import working_directory
from bench.payloads import SHAPES, payload_file, read_payload_file, renewed_trace_id, trace_ids
from bench.peers import cache_directory
from bench.runner import BenchError, send
from bench.systems import start_store

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from bench.runner import System
    from bench.systems import Doors

SPANS_PER_REQUEST = 1000
_TEMPLATES = 200
_DAYS = 10
_SEED = 11
# Longer than a store at rest waits before it merges its index and deletes what it merged.
_CLEANUP_SECONDS = 200


@dataclass(frozen=True)
class Dataset:
    """What a store was filled with."""

    system: str
    shape: str
    spans: int
    from_unix_nano: int

    @property
    def directory(self) -> Path:
        """Where the store keeps it."""
        return _directory(self.system, self.shape, self.spans)

    @cached_property
    def _template_trace_ids(self) -> list[list[bytes]]:
        path = payload_file(SHAPES[self.shape], SPANS_PER_REQUEST, _TEMPLATES)
        return [trace_ids(body) for body in read_payload_file(path)]

    def draw_trace_id(self, randomness: random.Random) -> bytes:
        """The id of a trace that is stored."""
        position = randomness.randrange(self.spans // SPANS_PER_REQUEST)
        template = self._template_trace_ids[position % _TEMPLATES]
        return renewed_trace_id(randomness.choice(template), _SEED, position)

    def disk_bytes(self) -> int:
        """Space on disk of everything the store keeps; it must not be running."""
        return _disk_bytes(self.directory)


def _disk_bytes(directory: Path) -> int:
    total = 0
    for path in (directory / "data").rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # merged away meanwhile
            total += path.lstat().st_blocks * 512
    return total


def _wait_for_cleanup(directory: Path) -> None:
    """Return once a store at rest deletes no more."""
    least = _disk_bytes(directory)
    while True:
        time.sleep(_CLEANUP_SECONDS)
        now = _disk_bytes(directory)
        if now > 0.99 * least:
            return
        least = now


def _directory(system: str, shape: str, spans: int) -> Path:
    return cache_directory() / "data" / f"{system}-{shape}-{spans}"


def forget(system: str) -> None:
    """Delete a system's data sets, so that they are loaded anew as its newest version stores."""
    for directory in (cache_directory() / "data").glob(f"{system}-*"):
        shutil.rmtree(directory)


def prepare(system: str, shape: str, spans: int) -> Dataset:
    """The data set, from the cache or loaded through OTLP as fast as it is taken."""
    directory = _directory(system, shape, spans)
    mark = directory / "dataset.json"
    if mark.exists():
        return Dataset(**json.loads(mark.read_text()))
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    now = time.time_ns()
    dataset = Dataset(system, shape, spans, now - _DAYS * 86_400_000_000_000)
    print(f"  loading {spans:,} spans into {system} ...", flush=True)
    begun = time.monotonic()
    requests = spans // SPANS_PER_REQUEST
    process, doors = start_store(system, directory)
    with process:
        sent = send(
            target=f"127.0.0.1:{doors.grpc}",
            protocol="grpc",
            payloads=str(payload_file(SHAPES[shape], SPANS_PER_REQUEST, _TEMPLATES)),
            fresh={
                "seed": _SEED,
                "from_unix_nano": dataset.from_unix_nano,
                "nanos_per_request": _DAYS * 86_400_000_000_000 // requests,
            },
            senders=4,
            connections=4,
            requests=requests,
            seconds=7200,
            retry=True,
        )
        if sent.accepted_spans != spans:
            message = f"{system} accepted {sent.accepted_spans:,} of {spans:,} spans"
            raise BenchError(message)
        process.wait_idle(1800)
    process, _ = start_store(system, directory)
    with process:  # what was merged away is deleted sooner after a start than after a long load
        _wait_for_cleanup(directory)
    print(f"  loaded and at rest after {time.monotonic() - begun:,.0f} s", flush=True)
    mark.write_text(json.dumps(asdict(dataset)))
    return dataset


@contextlib.contextmanager
def running(dataset: Dataset) -> Iterator[tuple[System, Doors]]:
    """A store at work on a copy of the data set, so that what arrives meanwhile is not kept."""
    with working_directory() as directory:
        shutil.copytree(dataset.directory / "data", directory / "data", symlinks=True)
        process, doors = start_store(dataset.system, directory)
        with process:
            yield process, doors
