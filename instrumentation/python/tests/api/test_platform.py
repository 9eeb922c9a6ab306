"""End to end: a FastAPI service sends a trace to a running platform, which answers with it."""

from __future__ import annotations

import os

import pytest

from .conftest import run_python

SERVICE = """
import sys
from fastapi import FastAPI
from ananta_tracing import create_span, init_tracing, instrument_app
from ananta_tracing import shutdown_tracing, trace_function
from tests.api.conftest import serve_asgi

init_tracing("cns-service", sys.argv[1], environment="development", protocol=sys.argv[2])
app = FastAPI()
instrument_app(app)


@trace_function(name="enrich", arguments={"mpn": "component.mpn"})
async def enrich(mpn):
    with create_span("look up", kind="client"):
        return mpn


@app.get("/parts/{mpn}")
async def part(mpn: str):
    if mpn == "none":
        raise LookupError("no such part")
    return await enrich(mpn)


with serve_asgi(app) as client:
    for path, trace_id in (("/parts/R1", sys.argv[3]), ("/parts/none", sys.argv[4])):
        client.get(path, {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
assert shutdown_tracing()
"""


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_service_and_the_platform(ananta_platform, protocol):
    endpoints = {
        "grpc": ananta_platform.grpc_endpoint,
        "http/protobuf": ananta_platform.http_endpoint,
    }
    good, bad = (os.urandom(16).hex() for _ in range(2))
    run_python(SERVICE, endpoints[protocol], protocol, good, bad)
    found = ananta_platform.trace(good, span_count=3)
    spans = {span["operationName"]: span for span in found["spans"]}
    assert set(spans) == {"GET /parts/{mpn}", "enrich", "look up"}
    parents = {
        name: {reference["spanID"] for reference in span["references"]}
        for name, span in spans.items()
    }
    assert parents["enrich"] == {spans["GET /parts/{mpn}"]["spanID"]}
    assert parents["look up"] == {spans["enrich"]["spanID"]}
    tags = {tag["key"]: tag["value"] for tag in spans["enrich"]["tags"]}
    assert tags["component.mpn"] == "R1"
    (process,) = found["processes"].values()
    assert process["serviceName"] == "cns-service"

    (failed,) = ananta_platform.trace(bad)["spans"]
    tags = {tag["key"]: tag["value"] for tag in failed["tags"]}
    assert tags["error"] is True
    assert tags["http.response.status_code"] == 500
    assert "cns-service" in ananta_platform.get("/api/services")["data"]
