"""create_span and what is said about the current span."""

from __future__ import annotations

import asyncio
import sys

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from ananta_tracing.spans import (
    add_span_attributes,
    add_span_event,
    create_span,
    current_trace_id,
    extract,
    inject,
    record_exception,
)

from .application import provider_in_force
from .conftest import SAMPLED, TRACE_ID

TRACEPARENT = SAMPLED["traceparent"]


def test_blocks_nest_and_the_context_is_restored(spans):
    with create_span("process_bom"):
        with create_span("load_bom", {"bom.id": 7}) as span:
            span.set_attribute("bom.line_count", 3)
        with create_span("enrich_lines"):
            pass
    spans.assert_trace("""
        process_bom
          load_bom
          enrich_lines
    """)
    spans.assert_span("load_bom", "process_bom", {"bom.id": 7, "bom.line_count": 3})
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_async_blocks(spans):
    async def child(name):
        async with create_span(name):
            await asyncio.sleep(0)

    async with create_span("parent"):
        await asyncio.gather(child("a"), child("b"))
    spans.assert_trace("parent\n  a\n  b")


def test_an_exception_is_recorded_and_goes_on_unchanged(spans):
    error = ValueError("no such part")
    with pytest.raises(ValueError, match="no such part") as caught, create_span("load"):
        raise error
    assert caught.value is error
    (span,) = spans.finished
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError: no such part"
    (event,) = span.events
    assert event.name == "exception"
    assert event.attributes["exception.type"] == "ValueError"
    assert "raise error" in event.attributes["exception.stacktrace"]


@pytest.mark.parametrize(
    "stop", [asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit]
)
def test_what_only_stops_is_no_error(spans, stop):
    with pytest.raises(stop), create_span("load"):
        raise stop
    (span,) = spans.finished
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()


def test_kind_links_and_parent(spans):
    with create_span("first") as first:
        pass
    parent = extract(SAMPLED)
    with create_span("second", kind="Consumer", links=[first], parent=parent):
        assert current_trace_id() == TRACE_ID
    span = spans.assert_span("second", kind=SpanKind.CONSUMER)
    assert [link.context for link in span.links] == [first.get_span_context()]
    assert span.parent.span_id == 0xB7AD6B7169203331


def test_an_unknown_kind_says_which_there_are():
    with pytest.raises(ValueError, match="'servant' is no kind of span; write one of internal"):
        create_span("x", kind="servant")


def test_the_current_span_is_described(spans):
    with create_span("provision"):
        add_span_attributes({"tenant.id": 12, "tenant.tags": {"b", "a"}, "nothing": None})
        add_span_event("tenant_created", {"tenant": {"id": 1}}, timestamp_unix_nano=5)
        try:
            raise OSError("disk full")
        except OSError:
            record_exception(attributes={"retry": 2})
    span = spans.assert_span("provision", attributes={"tenant.id": 12, "tenant.tags": ["a", "b"]})
    milestone, failure = span.events
    assert (milestone.name, milestone.timestamp) == ("tenant_created", 5)
    assert milestone.attributes == {"tenant": '{"id": 1}'}
    assert failure.attributes["retry"] == 2
    assert span.status.status_code is StatusCode.ERROR


def test_without_a_span_nothing_happens():
    add_span_attributes({"a": 1})
    add_span_event("a")
    record_exception()
    record_exception(ValueError())
    assert current_trace_id() is None
    assert inject() == {}


def test_attributes_are_not_gathered_for_a_span_that_is_not_sampled():
    shown = []

    class Watched:
        def __str__(self):
            shown.append(1)
            return "shown"

    with (
        provider_in_force(TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)),
        create_span("unsampled", {"watched": Watched()}) as span,
    ):
        add_span_attributes({"watched": Watched()})
        assert not span.is_recording()
        assert current_trace_id() is not None
    assert shown == []


@pytest.mark.parametrize(
    "carrier",
    [
        {"traceparent": TRACEPARENT},
        {"TraceParent": [TRACEPARENT]},
        {b"traceparent": TRACEPARENT.encode()},
        [("traceparent", TRACEPARENT.encode())],
        [(b"Traceparent", TRACEPARENT.encode()), (b"empty", None)],
        {"traceparent": {"StringValue": TRACEPARENT, "DataType": "String"}},  # SQS
        {"traceparent": {"stringValue": TRACEPARENT, "dataType": "String"}},  # SQS in Lambda
    ],
)
def test_a_context_is_extracted_from_headers_of_any_form(carrier):
    found = trace.get_current_span(extract(carrier)).get_span_context()
    assert trace.format_trace_id(found.trace_id) == TRACE_ID
    assert found.is_remote


def test_nothing_to_extract_leaves_the_current_context(spans):
    with create_span("here") as span:
        for carrier in (None, {}, {"traceparent": "rubbish"}):
            assert trace.get_current_span(extract(carrier)) is span


def test_injected_headers_continue_the_trace(spans):
    token = context.attach(baggage.set_baggage("tenant", "acme"))
    try:
        with create_span("send", kind="producer") as span:
            headers = inject({"kept": "yes"})
            kafka = inject([("kept", b"yes")])
    finally:
        context.detach(token)
    assert set(headers) == {"kept", "traceparent", "baggage"}
    assert ("traceparent", headers["traceparent"].encode()) in kafka
    with create_span("receive", kind="consumer", parent=extract(kafka)):
        assert baggage.get_baggage("tenant") == "acme"
    assert spans.assert_span("receive").context.trace_id == span.get_span_context().trace_id


async def test_a_block_closed_in_another_task_leaves_that_task_alone(spans, caplog):
    async def items():
        with create_span("held over a yield"):
            yield 1
            yield 2

    held = items()
    assert await anext(held) == 1
    context.attach(context.Context())

    async def close():
        with create_span("elsewhere") as span:
            await held.aclose()
            assert trace.get_current_span() is span

    await asyncio.create_task(close())
    assert "Failed to detach" not in caplog.text
    assert sorted(spans.names) == ["elsewhere", "held over a yield"]
    assert sys.exc_info() == (None, None, None)
