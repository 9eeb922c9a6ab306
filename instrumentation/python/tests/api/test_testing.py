"""What users' own tests are given: the tree, the assertions and their messages."""

from __future__ import annotations

import os

import pytest
from opentelemetry import trace

from ananta_tracing import init_tracing, setup, shutdown_tracing
from ananta_tracing.spans import create_span, extract
from ananta_tracing.testing import record_spans, reset_tracing

from .conftest import SAMPLED


@pytest.fixture
def recorded():
    with record_spans() as spans:
        with create_span("GET /boms/{id}", kind="server", parent=extract(SAMPLED)):
            with create_span("load_bom", {"bom.id": 7}), create_span("SELECT", kind="client"):
                pass
            with pytest.raises(ValueError, match="no"), create_span("enrich"):
                raise ValueError("no such part")
        yield spans


TREE = """\
GET /boms/{id}  SERVER  parent b7ad6b7169203331 in another process
├─ load_bom
│  └─ SELECT  CLIENT
└─ enrich  ERROR ValueError: no such part"""


def test_the_tree(recorded):
    assert recorded.tree() == TREE
    assert "│  │    bom.id = 7\n" in recorded.tree(attributes=True)
    assert " ms" in recorded.tree(durations=True)
    with record_spans() as empty:
        assert empty.tree() == "(no spans)"


def test_the_trace_is_compared_by_its_drawing_or_by_indentation(recorded):
    recorded.assert_trace(TREE)
    recorded.assert_trace("""
      GET /boms/{id}
        load_bom
          SELECT
        enrich
    """)
    with pytest.raises(AssertionError) as failure:
        recorded.assert_trace("GET /boms/{id}\n  load_bom\n  SELECT\n  enrich")
    message = str(failure.value)
    assert "-  SELECT\n" in message
    assert "+    SELECT\n" in message
    assert "│  └─ SELECT  CLIENT" in message


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"name": "load_bon"}, "no finished span is called 'load_bon'; did you mean 'load_bom'?"),
        ({"name": "SELECT", "parent": "enrich"}, "its parent is load_bom, not enrich"),
        ({"name": "load_bom", "attributes": {"bom.id": 8}}, "bom.id is 7, not 8"),
        ({"name": "load_bom", "attributes": {"bom": 8}}, "it has no attribute 'bom'"),
        ({"name": "SELECT", "kind": "server"}, "its kind is CLIENT, not SERVER"),
        ({"name": "SELECT", "status": "ERROR"}, "its status is UNSET, not ERROR"),
    ],
)
def test_a_failed_assertion_says_what_differs_and_draws_the_tree(recorded, arguments, complaint):
    with pytest.raises(AssertionError) as failure:
        recorded.assert_span(**arguments)
    assert complaint in str(failure.value)
    assert "└─ enrich  ERROR" in str(failure.value)


def test_orphans_and_open_spans_are_found(recorded):
    recorded.assert_no_orphans()
    open_span = trace.get_tracer("t").start_span("never ended")
    lost = trace.NonRecordingSpan(trace.SpanContext(1, 2, False, trace.TraceFlags(1)))
    trace.get_tracer("t").start_span("lost", trace.set_span_in_context(lost)).end()
    with pytest.raises(AssertionError) as failure:
        recorded.assert_no_orphans()
    assert "'never ended' has not ended" in str(failure.value)
    assert "'lost' has the parent 0000000000000002, which was not recorded" in str(failure.value)
    open_span.end()


@pytest.mark.parametrize(
    "value",
    [
        "Authorization: Bearer abcdefgh12345",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "postgres://user:hunter2@db/x",
        "https://x/?token=abcdef",
        "-----BEGIN RSA PRIVATE KEY-----",
        "my own secret",
    ],
)
def test_secrets_are_found_wherever_they_are(value):
    for place in ("name", "attribute", "event", "status"):
        with record_spans() as spans:
            with create_span(value if place == "name" else "x") as span:
                if place == "attribute":
                    span.set_attribute("a", [value])
                if place == "event":
                    span.add_event("e", {"a": value})
                if place == "status":
                    span.set_status(trace.StatusCode.ERROR, value)
            with pytest.raises(AssertionError, match="holds"):
                spans.assert_no_secrets("my own secret")


def test_what_is_redacted_is_no_secret():
    with record_spans() as spans:
        with create_span("x", {"a": "https://x/?token=[REDACTED]&sig=REDACTED", "b": "tokens=3"}):
            pass
        spans.assert_no_secrets()


def test_checks_fail_when_there_is_nothing_to_check():
    with record_spans() as spans:
        for check in (spans.assert_no_orphans, spans.assert_no_secrets):
            with pytest.raises(AssertionError, match="nothing to check"):
                check()


def test_recordings_nest_and_tracers_got_before_still_record():
    tracer = trace.get_tracer("held since import")
    for _ in range(2):
        with record_spans() as spans:
            with tracer.start_as_current_span("a"), record_spans() as inner:
                tracer.start_span("b").end()
            assert (spans.names, inner.names) == (["a"], ["b"])


def test_an_application_that_calls_init_tracing_is_recorded_and_exports_nothing(caplog):
    try:
        with record_spans() as spans:
            tracer = init_tracing("shop", "http://127.0.0.1:1", sampling_ratio=0.0)
            with tracer.start_as_current_span("a"), create_span("b"):
                pass
        spans.assert_trace("a\n  b")
        assert shutdown_tracing()
        assert caplog.text == ""
        assert "OTEL_TRACES_EXPORTER" not in os.environ
    finally:
        reset_tracing()


def test_reset_allows_another_init(caplog, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    try:
        for name in ("first", "second"):
            init_tracing(name)
            assert setup.settings().service_name == name
            assert trace.get_tracer_provider().resource.attributes["service.name"] == name
            reset_tracing()
            assert setup.settings() is None
        assert caplog.text == ""
    finally:
        reset_tracing()


PLUGIN_TEST = """
from ananta_tracing.spans import create_span

def test_recorded(spans):
    with create_span("a"):
        pass
    spans.assert_trace("a")

def test_wrong(spans):
    with create_span("a"):
        pass
    spans.assert_trace("b")

def test_platform(ananta_platform):
    assert ananta_platform.get("/api/services") is not None
"""


def test_the_plugin_in_a_project_of_its_own(pytester, monkeypatch):
    monkeypatch.setattr("ananta_tracing.testing_platform.find_command", lambda: None)
    pytester.makepyfile(PLUGIN_TEST)
    result = pytester.runpytest_inprocess("-p", "no:asyncio", "-rs")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*AssertionError: the trace is another one*", "*-b*", "*+a*"])
    result.stdout.fnmatch_lines(["*`ananta` is not installed*"])
