"""Spans of this package are the spans the SDK would have made: both are driven and compared."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from ananta_tracing.provider import AnantaTracerProvider
from ananta_tracing.recording import AnantaSpan
from ananta_tracing.sampling import AnantaSampler, ConstantRoot, RatioRoot

from .conftest import create_provider
from .test_encoding import BIG, attribute_maps, contexts, keys, nanos, text, values

statuses = st.one_of(
    st.tuples(st.sampled_from(StatusCode), st.one_of(st.none(), text)),
    st.builds(lambda message: (Status(StatusCode.ERROR, message), None), text),
)
steps = st.one_of(
    st.tuples(st.just("set_attribute"), st.tuples(keys, values)),
    st.tuples(st.just("set_attribute"), st.tuples(st.just(""), values)),
    st.tuples(st.just("set_attributes"), st.tuples(attribute_maps)),
    st.tuples(st.just("add_event"), st.tuples(text, attribute_maps, nanos)),
    st.tuples(st.just("add_link"), st.tuples(contexts, attribute_maps)),
    st.tuples(st.just("update_name"), st.tuples(text)),
    st.tuples(st.just("set_status"), statuses),
    st.tuples(
        st.just("record_exception"),
        st.tuples(st.just(ValueError("no")), attribute_maps, nanos, st.booleans()),
    ),
    st.tuples(st.just("end"), st.tuples(nanos)),
)


class Ids(IdGenerator):
    """The same ids for both."""

    def __init__(self, trace_id: int) -> None:
        self.trace_id = trace_id
        self.next_span_id = 0

    def generate_span_id(self) -> int:
        self.next_span_id += 1
        return self.next_span_id

    def generate_trace_id(self) -> int:
        return self.trace_id

    def is_trace_id_random(self) -> bool:
        return True


def drive(provider: Any, script: dict[str, Any]) -> tuple[SpanContext, list[ReadableSpan]]:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    parent = script["parent"]
    span = provider.get_tracer("scope", "1").start_span(
        script["name"],
        context=set_span_in_context(NonRecordingSpan(parent)) if parent else None,
        kind=script["kind"],
        attributes=script["attributes"],
        links=[Link(context, dict(pairs)) for context, pairs in script["links"]],
        start_time=script["start"],
    )
    for method, arguments in script["steps"]:
        getattr(span, method)(*arguments)
    span.end(script["end"])
    return span.get_span_context(), list(exporter.get_finished_spans())


scripts = st.fixed_dictionaries(
    {
        "name": text,
        "parent": st.one_of(st.none(), contexts),
        "kind": st.sampled_from(SpanKind),
        "attributes": st.one_of(st.none(), attribute_maps),
        "links": st.lists(st.tuples(contexts, attribute_maps), max_size=3),
        "start": nanos,
        "steps": st.lists(steps, max_size=8),
        "end": nanos,
    }
)
small = st.one_of(st.none(), st.integers(0, 5))


@settings(max_examples=200, deadline=None, suppress_health_check=BIG)
@given(scripts, small, small, small, st.one_of(st.none(), st.integers(0, 10)))
def test_records_what_the_sdk_records(script, attribute_count, event_count, other, length) -> None:
    logging.disable(logging.CRITICAL)
    try:
        results = []
        for kind in (TracerProvider, AnantaTracerProvider):
            limits = SpanLimits(
                max_span_attributes=attribute_count,
                max_events=event_count,
                max_links=other,
                max_event_attributes=other,
                max_link_attributes=other,
                max_attribute_length=length,
            )
            options = {"shutdown_on_exit": False} if kind is TracerProvider else {}
            provider = kind(
                resource=Resource({"service.name": "x"}),
                span_limits=limits,
                id_generator=Ids(0x1234 << 64),
                sampler=ParentBased(ALWAYS_ON),
                **options,
            )
            context, ended = drive(provider, script)
            results.append((tuple(context), encode_spans(ended)))
        assert results[0] == results[1]
    finally:
        logging.disable(logging.NOTSET)


PAIRS: dict[str, tuple[Sampler, AnantaSampler]] = {
    "always_on": (ALWAYS_ON, AnantaSampler(ConstantRoot(keeps=True), follows_parent=False)),
    "always_off": (ALWAYS_OFF, AnantaSampler(ConstantRoot(keeps=False), follows_parent=False)),
    "ratio": (TraceIdRatioBased(0.3), AnantaSampler(RatioRoot(0.3), follows_parent=False)),
    "parent, on": (
        ParentBased(ALWAYS_ON),
        AnantaSampler(ConstantRoot(keeps=True), follows_parent=True),
    ),
    "parent, off": (
        ParentBased(ALWAYS_OFF),
        AnantaSampler(ConstantRoot(keeps=False), follows_parent=True),
    ),
    "parent, ratio": (
        ParentBased(TraceIdRatioBased(0.3)),
        AnantaSampler(RatioRoot(0.3), follows_parent=True),
    ),
}
any_context = st.builds(
    SpanContext,
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.sampled_from([trace.TraceFlags(flags) for flags in range(4)]),
)


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=60, deadline=None)
@given(st.one_of(st.none(), any_context), st.integers(1, 2**128 - 1))
def test_samples_what_the_sdk_samples(name, parent, trace_id) -> None:
    stock, ours = PAIRS[name]
    if (
        parent is not None
        and parent.is_valid
        and not parent.is_remote
        and not parent.trace_flags & 1
    ):
        # Ours always drops what happens inside a dropped span of this process.
        stock = ALWAYS_OFF
    context = set_span_in_context(NonRecordingSpan(parent)) if parent else None
    expected = stock.should_sample(context, trace_id, "s", SpanKind.SERVER, {"a": 1})
    got = ours.should_sample(context, trace_id, "s", SpanKind.SERVER, {"a": 1})
    assert (got.decision, dict(got.attributes)) == (expected.decision, dict(expected.attributes))
    contexts_made = []
    for kind, sampler in ((TracerProvider, stock), (AnantaTracerProvider, ours)):
        options = {"shutdown_on_exit": False} if kind is TracerProvider else {}
        provider = kind(
            resource=Resource({}),
            sampler=sampler,
            id_generator=Ids(trace_id),
            span_limits=SpanLimits(),
            **options,
        )
        span = provider.get_tracer("s").start_span("s", context)
        contexts_made.append((span.is_recording(), tuple(span.get_span_context())))
    assert contexts_made[0] == contexts_made[1]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> trace.Tracer:
    provider = create_provider(AnantaSampler(ConstantRoot(keeps=True), follows_parent=True))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("t")


def test_blocks_nest_and_errors_are_recorded_once_each(tracer, exporter) -> None:
    with (
        pytest.raises(ValueError, match="no"),
        tracer.start_as_current_span("outer"),
        tracer.start_as_current_span("inner", record_exception=False),
    ):
        raise ValueError("no")
    inner, outer = exporter.get_finished_spans()
    assert inner.parent.span_id == outer.context.span_id
    assert [event.name for event in outer.events] == ["exception"]
    assert not inner.events
    assert inner.status.description == outer.status.description == "ValueError: no"
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_an_exit_is_no_error(tracer, exporter) -> None:
    for error in (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
        with pytest.raises(error), tracer.start_as_current_span("s"):
            raise error
    assert all(not s.events and s.status.is_unset for s in exporter.get_finished_spans())


async def test_decorates_functions_and_coroutines(tracer, exporter) -> None:
    @tracer.start_as_current_span("sync")
    def add(a, b):
        """Adds."""
        return a + b

    @tracer.start_as_current_span("async")
    async def add_later(a, b):
        await asyncio.sleep(0)
        return a + b

    assert (add(1, 2), add(3, 4), await add_later(5, 6)) == (3, 7, 11)
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    assert [s.name for s in exporter.get_finished_spans()] == ["sync", "sync", "async"]


def test_a_span_may_outlive_its_block(tracer, exporter) -> None:
    with tracer.start_as_current_span("s", end_on_exit=False) as span:
        pass
    assert not exporter.get_finished_spans()
    span.end()
    assert len(exporter.get_finished_spans()) == 1


def test_every_stage_reaches_processors_that_look_at_it(exporter) -> None:
    seen = []

    class Watching(SpanProcessor):
        def on_start(self, span, parent_context=None):
            span.set_attribute("seen", True)
            seen.append("start")

        def _on_ending(self, span):
            seen.append("ending")

        def on_end(self, span):
            seen.append("end")

    provider = create_provider()
    provider.add_span_processor(Watching())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("t").start_span("s").end()
    assert seen == ["start", "ending", "end"]
    (span,) = exporter.get_finished_spans()
    assert isinstance(span, AnantaSpan)
    assert span.attributes == {"seen": True}
    assert '"seen": true' in span.to_json()


def test_the_metrics_of_the_sdk_about_itself_are_kept(exporter, monkeypatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    reader = InMemoryMetricReader()
    provider = AnantaTracerProvider(
        resource=Resource({}),
        sampler=ALWAYS_ON,
        span_limits=SpanLimits(),
        id_generator=None,
        meter_provider=MeterProvider([reader]),
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("s"):
        pass
    assert len(exporter.get_finished_spans()) == 1
    data = reader.get_metrics_data()
    names = {
        metric.name
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert "otel.sdk.span.started" in names


def test_the_same_scope_has_one_tracer() -> None:
    provider = create_provider()
    assert provider.get_tracer("a", "1") is provider.get_tracer("a", "1")
    assert provider.get_tracer("a", "1") is not provider.get_tracer("a", "2")


def test_attributes_are_those_of_the_moment_they_were_set(tracer, exporter) -> None:
    given = {"a": 1, "list": [1, 2]}
    span = tracer.start_span("s", attributes=given)
    given["a"] = 2
    given["list"].append(3)
    span.end()
    span.set_attribute("late", 1)
    assert dict(exporter.get_finished_spans()[0].attributes) == {"a": 1, "list": (1, 2)}
