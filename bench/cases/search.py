"""Finding traces among ten million spans, at rest and while 5,000 spans/s arrive.

Questions are drawn by seed and asked one after the other on one kept connection, through the
HTTP API Jaeger's UI uses. While spans arrive, a trace is sent after each question and asked for
the moment it is acknowledged. `disk` weighs what the stores keep once merged.
"""

from __future__ import annotations

import http.client
import json
import random
import statistics
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

from bench import dataset
from bench.payloads import (
    DULL_KEYS,
    DULL_OPERATIONS,
    DULL_RANDOM,
    DULL_SERVICES,
    DULL_VALUES,
    RICH,
    SPANS_PER_TRACE,
    payload_file,
    requests,
    trace_ids,
)
from bench.query import QueryClient
from bench.results import Measurement
from bench.runner import BenchError, Sending
from bench.systems import ANANTA, JAEGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.cases import Options
    from bench.dataset import Dataset
    from bench.systems import Doors

_LIVE_SPANS_PER_SECOND = 5000
_LIMIT = 20


def _spans(options: Options, system: str) -> int:
    """How much each system is asked to hold: Jaeger takes too long to load for ten million."""
    sizes = {ANANTA: (10_000_000, 500_000), JAEGER: (1_000_000, 100_000)}
    return sizes[system][1 if options.quick else 0]


def search(options: Options) -> Iterator[Measurement]:
    """Measure trace by id, a rare attribute, and service with operation and duration."""
    for system in options.present(ANANTA, JAEGER):
        with options.trying(f"{system}, search"):
            kept = dataset.prepare(system, DULL_RANDOM.name, _spans(options, system))
            if system == JAEGER:
                options.note(
                    f"search: Jaeger holds {kept.spans:,} spans beside our "
                    f"{_spans(options, ANANTA):,}; its attribute search also names a service, "
                    "which its Badger storage requires"
                )
            yield from _questions(options, kept)


def disk(options: Options) -> Iterator[Measurement]:
    """Weigh the stores, indexes included, after they came to rest and were stopped."""
    for shape in ("dull", DULL_RANDOM.name):
        for system in options.present(ANANTA, JAEGER):
            with options.trying(f"{system}, {shape}"):
                kept = dataset.prepare(system, shape, _spans(options, system))
                yield Measurement(
                    f"{shape} payload", system, "disk", kept.disk_bytes() / kept.spans
                )


def _questions(options: Options, kept: Dataset) -> Iterator[Measurement]:
    asked = 40 if options.quick else 300
    with dataset.running(kept) as (process, doors):
        process.wait_idle()
        asking = Asking(kept, doors)
        for name, ask in asking.questions.items():
            yield from _timed(f"{name}, quiet", kept.system, ask, asked)
        live = Sending(
            target=f"127.0.0.1:{doors.grpc}",
            protocol="grpc",
            payloads=str(payload_file(DULL_RANDOM, 100, 320)),
            fresh={"seed": time.time_ns()},
            senders=16,
            connections=4,
            spans_per_second=_LIVE_SPANS_PER_SECOND,
            seconds=600,
        )
        try:
            time.sleep(2 if options.quick else 10)
            for name, ask in asking.questions.items():
                row = f"{name}, {_LIVE_SPANS_PER_SECOND:,} spans/s arriving"
                yield from _timed(row, kept.system, ask, asked)
            yield from _visible(asking, kept.system, asked)
        finally:
            live.stop()


def _timed(
    row: str, system: str, ask: Callable[[random.Random], float], asked: int
) -> Iterator[Measurement]:
    randomness = random.Random(row)
    for _ in range(5):
        ask(randomness)
    milliseconds = [ask(randomness) for _ in range(asked)]
    yield Measurement(row, system, "p50", statistics.median(milliseconds))
    yield Measurement(row, system, "p99", statistics.quantiles(milliseconds, n=100)[98])


def _visible(asking: Asking, system: str, asked: int) -> Iterator[Measurement]:
    """Send a trace and ask for it at once, again and again."""
    row = "trace by id, just acknowledged"
    times, found = [], 0
    for body in requests(RICH, 10, asked, seed=time.time_ns(), base_unix_nano=time.time_ns()):
        milliseconds, whole = asking.send_and_find(body)
        times.append(milliseconds)
        found += whole
    yield Measurement(row, system, "p50", statistics.median(times))
    yield Measurement(row, system, "visible", 100 * found / asked)


class Asking:
    """A client of the query API that checks what it is answered."""

    def __init__(self, kept: Dataset, doors: Doors) -> None:
        self._kept = kept
        self._query = QueryClient(doors.query)
        self._door = http.client.HTTPConnection("127.0.0.1", doors.http, timeout=120)
        self.questions = {
            "trace by id": self._trace_by_id,
            "rare attribute": self._rare_attribute,
            "service, operation, duration": self._service_operation_duration,
        }

    def _search(self, **parameters: Any) -> tuple[float, list[dict[str, Any]]]:
        whole = {
            "start": self._kept.from_unix_nano // 1000 - 60_000_000,
            "end": time.time_ns() // 1000,
            "limit": _LIMIT,
            **parameters,
        }
        return self._query.traces(f"/api/traces?{urllib.parse.urlencode(whole)}")

    def _trace_by_id(self, randomness: random.Random) -> float:
        trace_id = self._kept.draw_trace_id(randomness)
        milliseconds, found = self._query.trace(trace_id)
        if found != SPANS_PER_TRACE:
            message = f"trace {trace_id.hex()} was stored, but {found} of its spans are found"
            raise BenchError(message)
        return milliseconds

    def _rare_attribute(self, randomness: random.Random) -> float:
        key = f"key_{randomness.randrange(DULL_KEYS)}"
        value = f"value_{randomness.randrange(DULL_VALUES)}"
        parameters: dict[str, Any] = {"tags": json.dumps({key: value})}
        if self._kept.system == JAEGER:
            parameters["service"] = randomness.choice(DULL_SERVICES)
        milliseconds, traces = self._search(**parameters)
        for trace in traces:
            tags = [tag for span in trace["spans"] for tag in span["tags"]]
            if not any(tag["key"] == key and tag["value"] == value for tag in tags):
                message = f"search for {key}={value} found a trace without it"
                raise BenchError(message)
        if not traces and self._kept.system == ANANTA:
            message = f"search for {key}={value} found nothing"
            raise BenchError(message)
        return milliseconds

    def _service_operation_duration(self, randomness: random.Random) -> float:
        milliseconds, traces = self._search(
            service=randomness.choice(DULL_SERVICES),
            operation=randomness.choice(DULL_OPERATIONS[:3]),
            minDuration=f"{randomness.randrange(50, 250)}ms",
        )
        if not traces:
            raise BenchError("search by service, operation and duration found nothing")
        return milliseconds

    def send_and_find(self, body: bytes) -> tuple[float, bool]:
        """Send one trace; the milliseconds to look it up once acknowledged; if it is whole."""
        self._door.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
        response = self._door.getresponse()
        response.read()
        if response.status != 200:
            message = f"the trace was refused with {response.status}"
            raise BenchError(message)
        milliseconds, found = self._query.trace(trace_ids(body)[0])
        return milliseconds, found == SPANS_PER_TRACE
