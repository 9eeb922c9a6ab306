"""Rates that come out, excluded paths whose insides are dropped, samplers of other packages."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from ananta_tracing.sampling import create_sampler
from ananta_tracing.settings import resolve_settings

from .conftest import create_provider


def sampler_of(**environ: str) -> Sampler:
    chosen = resolve_settings({"service_name": "x"}, environ)
    assert not chosen.problems
    return create_sampler(chosen)


def tracer_of(sampler: Sampler) -> tuple[Any, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = create_provider(sampler)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("t"), exporter


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("always_on", "", 1.0),
        ("always_off", "", 0.0),
        ("traceidratio", "0.1", 0.1),
        ("parentbased_always_on", "", 1.0),
        ("parentbased_always_off", "", 0.0),
        ("parentbased_traceidratio", "0.5", 0.5),
    ],
)
def test_rates(name: str, argument: str, expected: float) -> None:
    tracer, exporter = tracer_of(
        sampler_of(OTEL_TRACES_SAMPLER=name, OTEL_TRACES_SAMPLER_ARG=argument)
    )
    for _ in range(4000):
        tracer.start_span("s").end()
    assert len(exporter.get_finished_spans()) / 4000 == pytest.approx(expected, abs=0.04)


def test_a_trace_begun_elsewhere_is_kept_or_dropped_as_it_was_there() -> None:
    tracer, exporter = tracer_of(
        sampler_of(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.0")
    )
    for flags in (0, 1):
        remote = SpanContext(1, flags + 1, is_remote=True, trace_flags=TraceFlags(flags))
        context = set_span_in_context(NonRecordingSpan(remote))
        tracer.start_span("s", context, SpanKind.SERVER).end()
    (kept,) = exporter.get_finished_spans()
    assert kept.parent.span_id == 2


@pytest.mark.parametrize("name", ["parentbased_always_on", "always_on", "traceidratio"])
@pytest.mark.parametrize("key", ["url.path", "http.target", "url.full", "http.url"])
def test_an_excluded_path_leaves_no_orphans(name: str, key: str) -> None:
    more = {"OTEL_TRACES_SAMPLER_ARG": "1.0"} if name == "traceidratio" else {}
    tracer, exporter = tracer_of(sampler_of(OTEL_TRACES_SAMPLER=name, **more))
    for path in ("/health", "/healthz?full=1", "/health/", "/healthy", "/components/4711"):
        url = f"http://host{path}" if key.endswith(("full", "http.url")) else path
        with (
            tracer.start_as_current_span(path, kind=SpanKind.SERVER, attributes={key: url}),
            tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT),
        ):
            pass
    names = [span.name for span in exporter.get_finished_spans()]
    assert names == ["SELECT", "/healthy", "SELECT", "/components/4711"]


def test_an_excluded_path_is_dropped_although_the_caller_kept_the_trace() -> None:
    tracer, exporter = tracer_of(sampler_of())
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    context = set_span_in_context(NonRecordingSpan(remote))
    tracer.start_span("s", context, SpanKind.SERVER, {"url.path": "/health"}).end()
    assert not exporter.get_finished_spans()


def test_calls_of_a_health_check_elsewhere_are_kept() -> None:
    tracer, exporter = tracer_of(sampler_of())
    tracer.start_span("s", kind=SpanKind.CLIENT, attributes={"url.path": "/health"}).end()
    assert len(exporter.get_finished_spans()) == 1


def test_attributes_are_not_asked_for_where_the_parent_decides() -> None:
    class Unread(dict):
        def get(self, *_):
            raise AssertionError("read")

        items = __iter__ = get

    tracer, _ = tracer_of(sampler_of(OTEL_TRACES_SAMPLER="parentbased_always_off"))
    with tracer.start_as_current_span("dropped"):
        tracer.start_span("inside", attributes=Unread(a=1)).end()
    tracer.start_span("not a server", attributes=Unread(a=1)).end()


class EntryPoint:
    name = "custom"

    def __init__(self, factory) -> None:
        self.factory = factory

    def load(self):
        return self.factory


def offer(monkeypatch: pytest.MonkeyPatch, group: str, factory) -> None:
    real = metadata.entry_points

    def entry_points(**wanted):
        if wanted == {"group": group, "name": "custom"}:
            return [EntryPoint(factory)]
        return real(**wanted)

    monkeypatch.setattr(metadata, "entry_points", entry_points)


def test_a_sampler_of_another_package(monkeypatch) -> None:
    offer(monkeypatch, "opentelemetry_traces_sampler", lambda text: TraceIdRatioBased(float(text)))
    sampler = sampler_of(OTEL_TRACES_SAMPLER="custom", OTEL_TRACES_SAMPLER_ARG="0.25")
    assert sampler.get_description() == "Excluding{TraceIdRatioBased{0.25}}"
    tracer, exporter = tracer_of(sampler)
    for _ in range(2000):
        tracer.start_span("s").end()
    assert len(exporter.get_finished_spans()) / 2000 == pytest.approx(0.25, abs=0.05)
    offer(monkeypatch, "opentelemetry_traces_sampler", lambda _: ALWAYS_ON)
    tracer, exporter = tracer_of(sampler_of(OTEL_TRACES_SAMPLER="custom"))
    with (
        tracer.start_as_current_span("s", kind=SpanKind.SERVER, attributes={"url.path": "/health"}),
        tracer.start_as_current_span("inside"),
    ):
        pass
    assert not exporter.get_finished_spans()


def test_a_sampler_of_another_package_that_fails_is_told(monkeypatch) -> None:
    offer(monkeypatch, "opentelemetry_traces_sampler", lambda text: 1 / 0)
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        sampler_of(OTEL_TRACES_SAMPLER="custom")


def test_descriptions_name_what_is_in_force() -> None:
    assert sampler_of().get_description() == "ParentBased{root:AlwaysOnSampler}"
    ratio = sampler_of(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.1")
    assert ratio.get_description() == "TraceIdRatioBased{0.1}"
