"""Whatever OTLP allows is shown: valid JSON, every span raw, never a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.wire.otlp_messages import traces_data

from ananta._native import jaeger_traces, jaeger_transform
from ananta.model import SpanBatch

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1 import trace_pb2 as trace

generous = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def spans_of(data: trace.TracesData) -> list[trace.Span]:
    return [
        span
        for container in data.resource_spans
        for scope in container.scope_spans
        for span in scope.spans
    ]


def whole_id(span: trace.Span) -> str:
    return (span.trace_id or bytes(16)).hex()


@generous
@given(traces_data, st.floats(0, 1e12))
def test_every_span_is_shown_raw_and_none_is_added_by_adjusting(
    data: trace.TracesData, skew: float
) -> None:
    batch = SpanBatch.from_otlp(data.SerializeToString())
    ids = sorted({whole_id(span) for span in spans_of(data)})
    raw_ids = [bytes.fromhex(trace_id) for trace_id in ids]
    raw, missing = jaeger_traces(batch, raw_ids, adjust=False)
    assert missing == []
    by_id = {one["traceID"].rjust(32, "0"): one for one in json.loads(raw)}
    assert sorted(by_id) == ids
    for trace_id, one in by_id.items():
        expected = [span for span in spans_of(data) if whole_id(span) == trace_id]
        assert len(one["spans"]) == len(expected)
        tags = sum(len(span["tags"]) for span in one["spans"])
        assert tags >= sum(len(span.attributes) for span in expected)
        assert {span["processID"] for span in one["spans"]} == one["processes"].keys()
    adjusted, _ = jaeger_traces(batch, raw_ids, adjust=True, max_clock_skew_seconds=skew)
    for one in json.loads(adjusted):
        assert 0 < len(one["spans"]) <= len(by_id[one["traceID"].rjust(32, "0")]["spans"])


@generous
@given(traces_data)
def test_transform_shows_every_span(data: trace.TracesData) -> None:
    shown = json.loads(jaeger_transform(SpanBatch.from_otlp(data.SerializeToString())))
    assert sum(len(one["spans"]) for one in shown) == len(spans_of(data))
