"""OTLP bytes to columns and back, one thread, in this process.

Decoding includes the check of untrusted input. The peer is protobuf's own C implementation
behind the official messages, which parses and serializes, and gives no columns.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.payloads import DULL, RICH, requests
from bench.results import Measurement
from bench.runner import LOAD_CORE
from bench.systems import ANANTA, PROTOBUF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.cases import Options

_SPANS = 1000


def codec(options: Options) -> Iterator[Measurement]:
    """Measure decode and encode of requests of 1,000 spans."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {LOAD_CORE})
    try:
        for shape in (RICH, DULL):
            # Few enough to stay in the cache, as bytes are that a socket has just delivered.
            bodies = list(requests(shape, _SPANS, 2))
            repeats = 20 if options.quick else 400
            row = f"{shape.name}, {_SPANS:,} a batch"
            codecs = {ANANTA: _ananta, PROTOBUF: _protobuf}
            for system in options.present(*codecs):
                decode, encode, prepare = codecs[system]()
                yield Measurement(
                    row, system, "decode", _nanos(decode, lambda b: b, bodies, repeats)
                )
                yield Measurement(row, system, "encode", _nanos(encode, prepare, bodies, repeats))
    finally:
        os.sched_setaffinity(0, allowed)


def _ananta() -> tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]:
    from ananta.model import SpanBatch

    # Columns are made when they are first asked for; asking for one row makes them all.
    one = [True] + [False] * (_SPANS - 1)
    everything = [True] * _SPANS
    return (
        lambda body: SpanBatch.from_otlp(body).filter(one),
        lambda batch: batch.to_otlp(),
        lambda body: SpanBatch.from_otlp(body).filter(everything),
    )


def _protobuf() -> tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]:
    parse = ExportTraceServiceRequest.FromString
    return parse, lambda message: message.SerializeToString(), parse


def _nanos(
    work: Callable[[Any], Any],
    prepare: Callable[[Any], Any],
    bodies: list[bytes],
    repeats: int,
) -> float:
    """Nanoseconds a span, in the fastest repeat: what disturbs a repeat only ever adds."""
    best = float("inf")
    for _ in range(repeats):
        prepared = [prepare(body) for body in bodies]
        begun = time.perf_counter_ns()
        for item in prepared:
            work(item)
        best = min(best, time.perf_counter_ns() - begun)
    return best / (len(bodies) * _SPANS)
