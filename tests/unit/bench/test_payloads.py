"""The benchmark's spans: repeatable, whole, of the promised size."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest
from bench.payloads import (
    DULL,
    DULL_RANDOM,
    RICH,
    Shape,
    payload_file,
    read_payload_file,
    renewed_trace_id,
    requests,
    trace_ids,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

SHAPES = [DULL, DULL_RANDOM, RICH]


def spans_of(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(shape: Shape):
    assert list(requests(shape, 30, 3)) == list(requests(shape, 30, 3))
    assert list(requests(shape, 30, 3)) != list(requests(shape, 30, 3, seed=2))


@pytest.mark.parametrize(
    ("shape", "attributes", "span_bytes"),
    [(DULL, 11, 330), (DULL_RANDOM, 11, 330), (RICH, 18, 780)],
    ids=lambda value: getattr(value, "name", None),
)
def test_spans_have_the_promised_attributes_and_size(
    shape: Shape, attributes: int, span_bytes: int
):
    bodies = list(requests(shape, 1000, 2))
    spans = [span for body in bodies for span in spans_of(body)]
    assert len(spans) == 2000
    assert {len({pair.key for pair in span.attributes}) for span in spans} == {attributes}
    assert sum(map(len, bodies)) / 2000 == pytest.approx(span_bytes, rel=0.05)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_request_holds_whole_traces_with_children_inside_their_parents(shape: Shape):
    spans = {span.span_id: span for body in requests(shape, 100, 1) for span in spans_of(body)}
    traces: dict[bytes, int] = {}
    for span in spans.values():
        traces[span.trace_id] = traces.get(span.trace_id, 0) + 1
        if span.parent_span_id:
            parent = spans[span.parent_span_id]
            assert parent.trace_id == span.trace_id
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano
    assert set(traces.values()) == {10}
    assert sum(not span.parent_span_id for span in spans.values()) == 10


@pytest.mark.parametrize(("spans", "services"), [(10, 1), (100, 8), (1000, 8)])
def test_small_requests_come_from_one_service_and_large_ones_from_all(spans: int, services: int):
    (body,) = requests(RICH, spans, 1)
    assert len(ExportTraceServiceRequest.FromString(body).resource_spans) == services


def test_payload_files_keep_the_requests_as_they_are_or_compressed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bodies = list(requests(RICH, 10, 4))
    assert read_payload_file(payload_file(RICH, 10, 4)) == bodies
    compressed = read_payload_file(payload_file(RICH, 10, 4, compressed=True))
    assert [gzip.decompress(body) for body in compressed] == bodies


def test_ids_are_renewed_with_the_known_numbers_of_splitmix64():
    renewed = renewed_trace_id(bytes(16), seed=0, position=0)
    assert renewed == struct.pack("<QQ", 0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4)
    assert renewed_trace_id(renewed, seed=0, position=0) == bytes(16)


def test_trace_ids_are_listed_once_each():
    (body,) = requests(DULL, 50, 1)
    assert len(trace_ids(body)) == len(set(trace_ids(body))) == 5
