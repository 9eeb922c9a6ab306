"""Requests to put through a processor, and a sink that keeps what comes out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from ananta.component import Settings
from ananta.model import SpanBatch
from ananta.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

generous = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

KEYS = ["a", "b", "a.b", "http.url", "service.name", "sampling.priority"]
STRINGS = ["", "x", "42", "-1.5", "true", "inf", "http://h/p?q=1", "é"]
scalars = st.one_of(
    st.builds(lambda v: common.AnyValue(string_value=v), st.sampled_from(STRINGS)),
    st.builds(lambda v: common.AnyValue(bool_value=v), st.booleans()),
    st.builds(lambda v: common.AnyValue(int_value=v), st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda v: common.AnyValue(int_value=v), st.integers(-2, 2)),
    st.builds(lambda v: common.AnyValue(double_value=v), st.floats()),
    st.builds(lambda v: common.AnyValue(double_value=v), st.sampled_from([0.0, 1.0, -1.5])),
)
others = st.one_of(
    st.just(common.AnyValue()),
    st.builds(lambda v: common.AnyValue(bytes_value=v), st.binary(max_size=3)),
    st.builds(
        lambda v: common.AnyValue(array_value=common.ArrayValue(values=v)),
        st.lists(scalars, max_size=2),
    ),
)
attributes = st.lists(
    st.builds(
        common.KeyValue,
        key=st.sampled_from(KEYS),
        value=st.none() | scalars | scalars | scalars | others,
    ),
    max_size=6,
)
spans = st.builds(
    trace.Span,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    name=st.sampled_from(["", "GET /a/1", "GET /b/22", "query", "/a/1/b/2"]),
    kind=st.integers(0, 6),
    attributes=attributes,
    events=st.lists(st.builds(trace.Span.Event, name=st.just("query"), attributes=attributes)),
    status=st.none() | st.builds(trace.Status, message=st.just("m"), code=st.integers(0, 2)),
)
resource_spans = st.builds(
    trace.ResourceSpans,
    resource=st.none() | st.builds(lambda v: {"attributes": v}, attributes),
    scope_spans=st.lists(
        st.builds(
            trace.ScopeSpans,
            scope=st.none()
            | st.builds(
                common.InstrumentationScope,
                name=st.sampled_from(["lib", "other"]),
                version=st.sampled_from(["", "1", "2"]),
            ),
            spans=st.lists(spans, min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=2,
    ),
)
requests = st.builds(trace.TracesData, resource_spans=st.lists(resource_spans, max_size=3))


def any_value(value: object) -> common.AnyValue:
    """The AnyValue of a Python value."""
    match value:
        case None:
            return common.AnyValue()
        case bool():
            return common.AnyValue(bool_value=value)
        case int():
            return common.AnyValue(int_value=value)
        case float():
            return common.AnyValue(double_value=value)
        case str():
            return common.AnyValue(string_value=value)
        case bytes():
            return common.AnyValue(bytes_value=value)
        case list():
            values = [any_value(item) for item in value]
            return common.AnyValue(array_value=common.ArrayValue(values=values))
        case dict():
            return common.AnyValue(kvlist_value=common.KeyValueList(values=key_values(value)))
        case _:
            raise TypeError(type(value))


def key_values(values: dict[str, Any]) -> list[common.KeyValue]:
    return [common.KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def one_span(
    span_attributes: dict[str, Any] | None = None,
    resource_attributes: dict[str, Any] | None = None,
    **fields: Any,
) -> SpanBatch:
    """A batch of one span."""
    span = trace.Span(attributes=key_values(span_attributes or {}), **fields)
    container = trace.ResourceSpans(scope_spans=[trace.ScopeSpans(spans=[span])])
    if resource_attributes is not None:
        container.resource.attributes.extend(key_values(resource_attributes))
    return SpanBatch.from_otlp(trace.TracesData(resource_spans=[container]).SerializeToString())


def spans_of(data: trace.TracesData) -> list[trace.Span]:
    return [
        span
        for container in data.resource_spans
        for inner in container.scope_spans
        for span in inner.spans
    ]


def parse(batch: SpanBatch) -> trace.TracesData:
    return trace.TracesData.FromString(batch.to_otlp())


def canonical(messages: Iterable[Any]) -> list[bytes]:
    """Messages as bytes in one order, so that NaN equals NaN and containers do not matter."""
    return sorted(message.SerializeToString(deterministic=True) for message in messages)


class RecordingSink:
    """Keeps every batch it is given."""

    def __init__(self) -> None:
        self.batches: list[SpanBatch] = []

    async def consume(self, batch: SpanBatch) -> None:
        self.batches.append(batch)


def component_settings(component_id: str = "test") -> Settings:
    return Settings(id=component_id, log=logging.getLogger(component_id), metrics=Metrics())


class NoHost:
    """A host nothing is asked of."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)
