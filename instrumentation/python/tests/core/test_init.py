"""`init_tracing` as an application meets it: whatever it is given, the application runs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import SOURCE
from .sink import Sink, attributes

if TYPE_CHECKING:
    from .conftest import Run

INIT = """
import sys
from ananta_tracing.setup import *
def init(**more):
    return init_tracing("app", sys.argv[1], instrument="none", **more)
"""


def test_a_first_trace(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
tracer = init(environment="staging", sampling_ratio=1.0, service_version="3")
with tracer.start_as_current_span("load_bom"):
    with tracer.start_as_current_span("child"):
        pass
""",
        http.endpoint,
    )
    assert (done.returncode, done.stderr) == (0, "")
    child, parent = http.spans
    assert child.parent_span_id == parent.span_id
    assert child.trace_id == parent.trace_id
    assert http.resources[0]["service.version"] == "3"
    scope = http.requests[0].resource_spans[0].scope_spans[0].scope
    assert scope.name == "ananta_tracing"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "Always_On "),
        ("OTEL_TRACES_SAMPLER", "nosuch"),
        ("OTEL_PROPAGATORS", "nosuch"),
        ("OTEL_PROPAGATORS", "tracecontext,nosuch"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_TRACES_EXPORTER", "otlp,nosuch"),
        ("OTEL_PYTHON_ID_GENERATOR", "nosuch"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=1,b"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "host,nosuch"),
        ("OTEL_SDK_DISABLED", "perhaps"),
    ],
)
def test_a_bad_value_costs_a_line_not_the_application(
    http: Sink, run_python: Run, variable, value
) -> None:
    done = run_python(
        INIT + "init().start_span('s').end(); print('runs')",
        http.endpoint,
        **{variable: value},
    )
    assert (done.returncode, done.stdout) == (0, "runs\n")
    lines = done.stderr.splitlines()
    assert all(line.startswith(variable) for line in lines), lines
    assert len(lines) == 1
    assert len(http.spans) == 1


def test_a_ratio_in_percent_is_read_and_told(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT + "tracer = init()\nfor _ in range(1000): tracer.start_span('s').end()",
        http.endpoint,
        OTEL_TRACES_SAMPLER="traceidratio",
        OTEL_TRACES_SAMPLER_ARG="10%",
    )
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line == "OTEL_TRACES_SAMPLER_ARG: '10%' is read as 0.1; write 0.1"
    assert 0 < len(http.spans) < 200  # 100 expected; ten standard deviations are 95 more


def test_strict_raises_all_problems_at_once(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
try:
    init(strict=True)
except ConfigurationError as error:
    print(error)
from opentelemetry import trace
print(settings(), isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider))
""",
        http.endpoint,
        OTEL_TRACES_SAMPLER="nosuch",
        OTEL_PROPAGATORS="tracecontext,nosuch",
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("OTEL_TRACES_SAMPLER: ")
    assert lines[1].startswith("OTEL_PROPAGATORS: ")
    assert lines[2] == "None True"


def test_twice_is_once_and_a_difference_is_told(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
first = init()
assert init() is first
for _ in range(3):
    assert init_tracing("other", sys.argv[1], 0.5, instrument="none") is first
first.start_span("s").end()
print(settings().service_name)
""",
        http.endpoint,
    )
    assert done.stdout == "app\n"
    assert done.stderr == (
        "init_tracing was called before with other values of service_name, sampler;"
        " the first call holds\n"
    )
    assert len(http.spans) == 1


def test_threads_that_init_at_once_share_one_provider(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
import threading
found = []
threads = [threading.Thread(target=lambda: found.append(init())) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(set(map(id, found))))
found[0].start_span("s").end()
""",
        http.endpoint,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert len(http.spans) == 1


def test_a_foreign_provider_gets_our_processor(http: Sink, run_python: Run) -> None:
    done = run_python(
        """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.resources import Resource
theirs = TracerProvider(resource=Resource({"service.name": "theirs"}))
trace.set_tracer_provider(theirs)
"""
        + INIT
        + """
init().start_span("ours").end()
trace.get_tracer("x").start_span("any").end()
print(trace.get_tracer_provider() is theirs)
""",
        http.endpoint,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert sorted(span.name for span in http.spans) == ["any", "ours"]
    assert http.resources[0] == {"service.name": "theirs"}


def test_a_foreign_provider_that_takes_no_processor_is_told(http: Sink, run_python: Run) -> None:
    done = run_python(
        """
from opentelemetry import trace
trace.set_tracer_provider(trace.NoOpTracerProvider())
"""
        + INIT
        + "init().start_span('s').end(); print(shutdown_tracing())",
        http.endpoint,
    )
    assert done.returncode == 0
    assert "takes no span processor" in done.stderr
    assert done.stderr.count("\n") == 1


def test_disabled_does_nothing(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT + "init().start_span('s').end(); print(flush_tracing(), shutdown_tracing())",
        http.endpoint,
        OTEL_SDK_DISABLED="true",
    )
    assert (done.stdout, done.stderr) == ("True True\n", "")
    assert not http.requests


def test_an_unreadable_endpoint_is_told_and_nothing_is_sent(run_python: Run) -> None:
    done = run_python(INIT + "init().start_span('s').end()", "http://h:port")
    assert done.returncode == 0
    assert done.stderr.startswith("argument otlp_endpoint: 'http://h:port' is not a URL")
    assert done.stderr.count("\n") == 1


def test_objects_of_the_application_are_used(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
class Stamp(SpanProcessor):
    def on_start(self, span, parent_context=None):
        span.set_attribute("stamp", "here")
def redact(key, value):
    return None if key == "gone" else value
tracer = init(sampler=ALWAYS_ON, span_processors=[Stamp()], redact=redact)
tracer.start_span("s", attributes={"gone": 1, "password": "x"}).end()
""",
        http.endpoint,
        OTEL_TRACES_SAMPLER="always_off",
    )
    assert done.stderr == ""
    assert attributes(http.spans[0].attributes) == {"password": "[REDACTED]", "stamp": "here"}


def test_a_provider_factory_makes_the_provider(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
class Special(TracerProvider): pass
init(provider_factory=lambda **parts: Special(**parts)).start_span("s").end()
print(type(trace.get_tracer_provider()).__name__)
""",
        http.endpoint,
    )
    assert done.stderr == ""
    assert done.stdout == "Special\n"
    assert len(http.spans) == 1


def test_a_tracer_taken_before_init_works_after_it(http: Sink, run_python: Run) -> None:
    run_python(
        """
import sys
from opentelemetry import trace
early = trace.get_tracer("early")
from ananta_tracing.setup import init_tracing, tracer
tracer().start_span("before").end()
init_tracing("app", sys.argv[1], instrument="none")
early.start_span("early").end()
tracer().start_span("after").end()
""",
        http.endpoint,
    )
    assert sorted(span.name for span in http.spans) == ["after", "early"]


def test_an_sdk_that_has_changed_inside_is_used_as_it_is(http: Sink, run_python: Run) -> None:
    done = run_python(
        """
from ananta_tracing import recording
del recording.AnantaSpan.end
recording.AnantaSpan._readable_span = None
"""
        + INIT
        + """
from opentelemetry import trace
with init().start_as_current_span("s"): pass
print(type(trace.get_tracer_provider()).__name__)
""",
        http.endpoint,
    )
    assert done.stdout == "TracerProvider\n"
    assert done.stderr.count("\n") == 1
    assert "update ananta-tracing" in done.stderr
    assert len(http.spans) == 1


def test_limits_of_spans_hold(http: Sink, run_python: Run) -> None:
    run_python(
        INIT
        + """
span = init().start_span("s", attributes={"a": "long text", "b": 2, "c": 3})
for number in range(4): span.add_event(f"event {number}", {"text": "long text"})
span.end()
""",
        http.endpoint,
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="2",
        OTEL_SPAN_EVENT_COUNT_LIMIT="1",
        OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="4",
    )
    (span,) = http.spans
    assert (span.dropped_attributes_count, span.dropped_events_count) == (1, 3)
    assert attributes(span.attributes) == {"b": 2, "c": 3}
    assert attributes(span.events[0].attributes) == {"text": "long"}


def test_console_and_others_besides(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT + "init().start_span('shown').end()",
        http.endpoint,
        OTEL_TRACES_EXPORTER="otlp,console",
    )
    assert '"name": "shown"' in done.stdout
    assert len(http.spans) == 1


@pytest.mark.parametrize(
    ("names", "headers"),
    [
        ("tracecontext,baggage", {"traceparent", "baggage"}),
        ("b3", {"b3"}),
        ("b3multi", {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled"}),
        ("jaeger", {"uber-trace-id", "uberctx-tenant"}),
        ("xray", {"X-Amzn-Trace-Id"}),
        ("tracecontext,baggage,xray", {"traceparent", "baggage", "X-Amzn-Trace-Id"}),
        ("none", set()),
        ("nosuch", {"traceparent", "baggage"}),
    ],
)
def test_propagators_by_name(run_python: Run, names, headers) -> None:
    done = run_python(
        """
from ananta_tracing.setup import init_tracing
tracer = init_tracing("app", instrument="none")
from opentelemetry import baggage, context, propagate, trace
context.attach(baggage.set_baggage("tenant", "acme"))
with tracer.start_as_current_span("s") as span:
    carrier = {}
    propagate.inject(carrier)
    back = propagate.extract(carrier, context.Context())
    there = trace.get_current_span(back).get_span_context()
    print(sorted(carrier), there.trace_id == span.get_span_context().trace_id)
""",
        OTEL_PROPAGATORS=names,
        OTEL_TRACES_EXPORTER="none",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{sorted(headers)} {bool(headers)}\n"


def test_an_extra_that_is_missing_is_named() -> None:
    from ananta_tracing.propagation import create_propagator

    problems: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.metadata.entry_points", lambda **_: [])
        create_propagator(["xray", "tracecontext"], problems)
    assert problems == [
        "OTEL_PROPAGATORS: unknown propagator 'xray' is left out; it is not installed;"
        " pip install 'ananta-tracing[xray]'"
    ]


def test_importing_and_starting_load_no_exporter_and_no_grpc() -> None:
    """What is not needed to start is not imported to start."""
    code = (
        "import sys; from ananta_tracing.setup import init_tracing;"
        "init_tracing('x', 'http://localhost:4317', instrument='none');"
        "heavy = {'grpc', 'h2', 'requests', 'google.protobuf', 'multiprocessing', 'asyncio'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environ = {"PYTHONPATH": str(SOURCE), "OTEL_PYTHON_LOG_CORRELATION": "false",
               "PATH": os.environ["PATH"]}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
