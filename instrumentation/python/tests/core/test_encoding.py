"""Bytes written here mean what the stock exporter's mean: both are decoded and compared."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from ananta_tracing.encoding import Origin, RequestEncoder, SpanEncoder

from .sink import attributes

BIG = [HealthCheck.too_slow, HealthCheck.data_too_large]  # a whole span is a lot to draw

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
long_text = st.builds(str.__mul__, text, st.integers(1, 30))
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
scalars = st.one_of(
    text,
    long_text,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.sampled_from([127, 128, 1023, 1024, 16_383, 16_384, 2**31]),
    st.floats(allow_nan=False),
    st.binary(max_size=40),
    st.none(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=8,
)
attribute_maps = st.dictionaries(keys, values, max_size=12)
nanos = st.integers(0, 2**63 - 1)
trace_states = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
    st.from_regex(r"[a-zA-Z0-9]{1,8}", fullmatch=True),
    max_size=3,
).map(lambda pairs: TraceState(list(pairs.items())))
contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.just(TraceFlags(1)),
    trace_states,
)


class DrawnIds(IdGenerator):
    """Ids hypothesis chooses."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def generate_span_id(self) -> int:
        return self._draw(st.integers(1, 2**64 - 1))

    def generate_trace_id(self) -> int:
        return self._draw(st.integers(1, 2**128 - 1))


@st.composite
def spans(draw: Any) -> ReadableSpan:
    """A span as a real SDK tracer makes it, within drawn limits."""
    exporter = InMemorySpanExporter()
    small = st.one_of(st.none(), st.integers(0, 4))
    limits = SpanLimits(
        max_span_attributes=draw(small),
        max_events=draw(small),
        max_links=draw(small),
        max_event_attributes=draw(small),
        max_link_attributes=draw(small),
        max_attribute_length=draw(st.one_of(st.none(), st.integers(0, 10))),
    )
    resource = Resource(draw(attribute_maps), draw(st.sampled_from(["", "https://schema/1"])))
    provider = TracerProvider(
        resource=resource, span_limits=limits, shutdown_on_exit=False, id_generator=DrawnIds(draw)
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer(
        draw(text.filter(bool)),
        draw(st.one_of(st.none(), text)),
        draw(st.one_of(st.none(), st.just("https://schema/2"))),
        draw(st.one_of(st.none(), attribute_maps)),
    )
    parent = draw(st.one_of(st.none(), contexts))
    span = tracer.start_span(
        draw(text),
        context=set_span_in_context(NonRecordingSpan(parent)) if parent else None,
        kind=draw(st.sampled_from(SpanKind)),
        attributes=draw(attribute_maps),
        links=[
            Link(context, draw(attribute_maps)) for context in draw(st.lists(contexts, max_size=3))
        ],
        start_time=draw(nanos),
    )
    for name in draw(st.lists(text, max_size=3)):
        span.add_event(name, draw(attribute_maps), timestamp=draw(nanos))
    for key, each in draw(attribute_maps).items():
        span.set_attribute(key, each)
    status = draw(st.sampled_from([None, StatusCode.OK, StatusCode.ERROR]))
    if status is not None:
        span.set_status(
            status, draw(st.one_of(st.none(), text)) if status is StatusCode.ERROR else None
        )
    span.end(draw(nanos))
    (ended,) = exporter.get_finished_spans()
    return ended


def encode(*ended: ReadableSpan) -> ExportTraceServiceRequest:
    encoder = SpanEncoder()
    for each in ended:  # a key is written in another way when it comes again
        encoder.encode_span(each)
    data = RequestEncoder(encoder).encode_request(
        [Origin(each._resource, each._instrumentation_scope) for each in ended],
        [encoder.encode_span(each) for each in ended],
    )
    return ExportTraceServiceRequest.FromString(data)


def without_link_states(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """The stock exporter forgets the trace state of links; ours keeps it, which is right."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                for link in span.links:
                    link.ClearField("trace_state")
    return request


@settings(max_examples=150, deadline=None, suppress_health_check=BIG)
@given(st.lists(spans(), min_size=1, max_size=3))
def test_decodes_to_what_the_stock_exporter_sends(ended: list[ReadableSpan]) -> None:
    ours, stock = encode(*ended), encode_spans(ended)
    # Groups are by equality there and by identity here: compare span by span.
    assert len(ended) == sum(
        len(scope.spans) for resource in ours.resource_spans for scope in resource.scope_spans
    )
    for span in ended:
        assert without_link_states(encode(span)) == encode_spans([span])
    if len(stock.resource_spans) == len(ours.resource_spans):
        assert without_link_states(ours) == stock


@settings(max_examples=50, deadline=None, suppress_health_check=BIG)
@given(st.lists(spans(), min_size=2, max_size=3))
def test_what_is_remembered_changes_nothing(ended: list[ReadableSpan]) -> None:
    encoder = SpanEncoder()
    first = [encoder.encode_span(span) for span in ended]
    assert [encoder.encode_span(span) for span in ended] == first
    assert [SpanEncoder().encode_span(span) for span in ended] == first


def end_span(span_attributes: dict[str, Any]) -> ReadableSpan:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("t").start_span("s", attributes=span_attributes).end()
    return exporter.get_finished_spans()[0]


def sent(span_attributes: dict[str, Any]) -> dict[str, Any]:
    request = encode(end_span(span_attributes))
    return attributes(request.resource_spans[0].scope_spans[0].spans[0].attributes)


def test_values_that_are_equal_but_not_the_same_stay_apart() -> None:
    encoder = SpanEncoder()
    seen = []
    for each in (1, True, 1.0, "1", 0, False, 0.0, -0.0):
        data = encoder.encode_span(end_span({"key": each}))
        seen.append(data[data.index(b"key") :])
    assert len(set(seen)) == len(seen)


def test_an_integer_beyond_64_bits_keeps_its_digits() -> None:
    assert sent({"big": 2**80, "small": -(2**70)}) == {"big": str(2**80), "small": str(-(2**70))}


def test_not_a_number_and_infinities_are_doubles() -> None:
    got = sent({"nan": math.nan, "inf": math.inf, "minus": -math.inf})
    assert math.isnan(got["nan"])
    assert (got["inf"], got["minus"]) == (math.inf, -math.inf)


def test_lone_surrogates_do_not_lose_the_span() -> None:
    assert sent({"bad\ud800": "x\udfff"}) == {"bad\ufffd": "x\ufffd"}


def test_deep_nesting_ends() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    assert "deep" in sent({"deep": deep})


def test_more_keys_and_values_than_are_remembered() -> None:
    for encoder in (SpanEncoder(), SpanEncoder(lambda _, each: each)):
        for number in range(10_000):
            encoder.encode_span(end_span_cheaply(f"name {number}", {f"k{number}": f"v{number}"}))
        assert len(encoder._names) <= 4096
        assert len(encoder._plain_keys) <= len(encoder._keys) <= 4096
        assert all(len(known) <= 4096 for known in encoder._remembered.values())


def end_span_cheaply(name: str, span_attributes: dict[str, Any]) -> ReadableSpan:
    return ReadableSpan(
        name,
        SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)),
        resource=Resource({}),
        attributes=span_attributes,
        start_time=1,
        end_time=2,
    )


@pytest.mark.parametrize("count", [1, 127, 128, 511, 512, 1_023, 1_024, 16_384, 20_000])
def test_lengths_around_the_borders_of_varints(count: int) -> None:
    for pairs in ({"k": "x" * count}, {"k" * count: "x"}, {"k": count}, {"k" * 250: "x" * count}):
        assert sent(pairs) == pairs


def test_spans_are_grouped_by_resource_and_scope() -> None:
    exporter = InMemorySpanExporter()
    for service in ("a", "b"):
        provider = TracerProvider(
            resource=Resource({"service.name": service}), shutdown_on_exit=False
        )
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        for scope in ("x", "y"):
            for _ in range(2):
                provider.get_tracer(scope, "1", "https://schema").start_span("s").end()
    ended = exporter.get_finished_spans()
    assert encode(*ended) == encode_spans(ended)
    assert len(encode(*ended).resource_spans) == 2
