"""The running `ananta up` that spans are sent to, and how many of them it has stored."""

from __future__ import annotations

import itertools
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.cases import working_directory
from bench.runner import LOAD_CORE, BenchError
from bench.systems import ANANTA, start_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.runner import System
    from bench.systems import Doors

_numbers = itertools.count(1)


class Platform:
    """Counts the spans of services; `ports` is where it takes them, by protocol."""

    def __init__(self, running: System, doors: Doors) -> None:
        self._running = running
        self.ports = {"grpc": doors.grpc, "http": doors.http}
        self._query_port = doors.query

    def new_service(self) -> str:
        """A service name that no span has had before."""
        return f"bench-{next(_numbers)}"

    def settle(self) -> None:
        """Wait until it has nothing left to do: it would slow down what is measured beside it."""
        self._running.wait_idle(window_seconds=0.4)

    def spans(self, service: str, **search: str) -> int:
        """How many spans of a service are stored, once no more arrive."""
        before, now = -1, self._stored(service, search)
        while now != before:
            time.sleep(0.25)
            before, now = now, self._stored(service, search)
        return now

    def _stored(self, service: str, search: dict[str, str]) -> int:
        query = urllib.parse.urlencode({"service": service, "buckets": "1", **search})
        url = f"http://127.0.0.1:{self._query_port}/api/ananta/v1/histogram?{query}"
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(url, timeout=60) as answer:
                    return int(json.load(answer)["total_spans"])
            except urllib.error.HTTPError as error:
                # 503: it has spans which it could not store yet.
                if error.code != 503 or time.monotonic() > deadline:
                    message = f"GET {url}: {error.code} {error.read()[:200].decode()}"
                    raise BenchError(message) from error
            time.sleep(0.2)


@contextmanager
def running_platform() -> Iterator[Platform]:
    """Start one beside the load generator, which comes first where both want the core."""
    with working_directory() as directory:
        running, doors = start_store(ANANTA, directory, core=LOAD_CORE, stands_back=True)
        with running:
            yield Platform(running, doors)
