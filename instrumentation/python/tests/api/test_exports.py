"""init_tracing and the helpers together, in processes of their own, seen from an OTLP sink."""

from __future__ import annotations

import re

import pytest

from tests.core.sink import attributes, http_sink

from .conftest import run_python

SERVICE = """
import sys
from fastapi import FastAPI
from opentelemetry import trace
from ananta_tracing import create_span, flush_tracing, init_tracing, instrument_app
from tests.api.conftest import serve_asgi

init_tracing("shop")
app = FastAPI()
instrument_app(app)


@app.get("/health")
async def health():
    with create_span("ping"), trace.get_tracer("other").start_as_current_span("raw"):
        pass


@app.get("/parts/{mpn}")
async def part(mpn: str):
    with create_span("load", {"part": {"mpn": mpn}}):
        with trace.get_tracer("x").start_as_current_span("raw"):
            return mpn


with serve_asgi(app) as client:
    for path in ("/health", "/parts/R1", "/health"):
        assert client.get(path).status == 200
assert flush_tracing()
"""


@pytest.mark.parametrize("sampler", ["always_on", "parentbased_always_on", "traceidratio"])
def test_a_health_check_leaves_no_orphans_whatever_the_sampler(sampler):
    with http_sink() as sink:
        said = run_python(
            SERVICE,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_TRACES_SAMPLER=sampler,
            OTEL_TRACES_SAMPLER_ARG="1.0",
        )
        spans = sink.wait_for(3)
    assert sorted(span.name for span in spans) == ["GET /parts/{mpn}", "load", "raw"]
    assert len({span.trace_id for span in spans}) == 1
    load = next(span for span in spans if span.name == "load")
    assert attributes(load.attributes) == {"part": '{"mpn": "R1"}'}
    assert said == ""


def test_what_instrument_app_is_told_to_trace_is_traced():
    everything = SERVICE.replace("instrument_app(app)", "instrument_app(app, exclude_urls=[])")
    assert everything != SERVICE
    with http_sink() as sink:
        run_python(
            everything,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        )
        names = [span.name for span in sink.wait_for(9)]
    assert names.count("GET /health") == 2
    assert names.count("ping") == 2


@pytest.mark.parametrize(
    "variable", ["OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "OTEL_PYTHON_EXCLUDED_URLS"]
)
def test_an_operator_names_what_is_excluded(variable):
    with http_sink() as sink:
        run_python(
            SERVICE,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            **{variable: "/parts/.*"},
        )
        names = {span.name for span in sink.wait_for(6)}
    assert names == {"GET /health", "ping", "raw"}


def test_without_init_the_helpers_do_nothing_and_say_nothing():
    said = run_python(
        """
from ananta_tracing import *
from fastapi import FastAPI
from tests.api.conftest import serve_asgi

@trace_function(arguments=True)
def add(a, b):
    add_span_attributes({"sum": a + b})
    add_span_event("added")
    return a + b

app = FastAPI()
instrument_app(app)

@app.get("/")
def root():
    with create_span("x", {"y": 1}):
        return [add(1, 2), current_trace_id(), inject()]

with serve_asgi(app) as client:
    assert client.get("/").body == b'[3,null,{}]', client.get("/").body
assert flush_tracing() and shutdown_tracing()
"""
    )
    assert said == ""


def test_a_propagator_nobody_knows_does_not_break_the_import():
    said = run_python(
        "from ananta_tracing import init_tracing; init_tracing('shop')",
        OTEL_PROPAGATORS="tracecontext,nosuch",
        OTEL_TRACES_EXPORTER="none",
    )
    assert said.count("nosuch") == 1
    assert "Traceback" not in said


SECRETS = """
import sys
import httpx, sqlalchemy
from fastapi import FastAPI
from ananta_tracing import flush_tracing, init_tracing, instrument_app, trace_function
from tests.api.conftest import serve_asgi

init_tracing("shop", environment="development")
app = FastAPI()
instrument_app(app)
engine = sqlalchemy.create_engine("sqlite://")


@trace_function(arguments=True)
def log_in(user, password, options):
    with engine.connect() as connection:
        statement = sqlalchemy.text("SELECT 'hunter2-sql' AS secret, :n")
        connection.execute(statement, {"n": "hunter2-n"})
    raise PermissionError("password=hunter2-text for postgres://ann:hunter2-url@db/users")


@app.get("/login")
async def login():
    async with httpx.AsyncClient() as client:
        await client.get(
            f"http://ann:hunter2-user@127.0.0.1:{port}/other?token=hunter2-query",
            headers={"Authorization": "Bearer hunter2-client"},
        )
    password = "hunter2-argument"  # Python 3.13 quotes the line below in the stack trace
    log_in("ann", password, {"api_key": "hunter2-json"})


with serve_asgi(app) as client:
    port = client.port
    client.get(
        "/login?api_key=hunter2-param&page=2&AWSAccessKeyId=hunter2-aws",
        {"Authorization": "Basic hunter2-basic", "Cookie": "session=hunter2-cookie"},
    )
assert flush_tracing()
"""


def test_no_secret_reaches_the_wire():
    capture = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS"
    with http_sink() as sink:
        run_python(
            SECRETS,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            **{
                f"{capture}_{side}": ".*"
                for side in ("SERVER_REQUEST", "SERVER_RESPONSE", "CLIENT_REQUEST")
            },
        )
        spans = sink.wait_for(6)
    found = {span.name: attributes(span.attributes) for span in spans}
    # What is asked for is there: a test of nothing would pass as well.
    assert found["GET /login"]["http.request.header.authorization"] == ["[REDACTED]"]
    assert found["GET /login"]["url.query"] == (
        "api_key=[REDACTED]&page=2&AWSAccessKeyId=[REDACTED]"
    )
    assert found["GET"]["http.request.method"] == "GET"
    assert found["SELECT"]["db.query.text"] == "SELECT ? AS secret, ?"
    assert found["log_in"]["code.argument.user"] == "ann"
    assert found["log_in"]["code.argument.password"] == "[REDACTED]"
    assert [event.name for span in spans for event in span.events].count("exception") == 2
    leaked = set(re.findall(rb"hunter2-\w+", b"".join(sink.raw)))
    assert leaked == set()


def test_log_records_of_a_service_carry_the_trace_id():
    said = run_python(
        """
import logging
from ananta_tracing import create_span, init_tracing
logging.basicConfig(format="%(message)s trace=%(trace_id)s")
init_tracing("shop")
with create_span("load") as span:
    logging.warning("loaded")
print(f"{span.get_span_context().trace_id:032x}")
""",
        OTEL_TRACES_EXPORTER="none",
    )
    trace_id, logged = said.split("\n")[:2]
    assert logged == f"loaded trace={trace_id}"
