"""A trace and its baggage go from Python to Node.js and back, in each format of headers."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.core.sink import http_sink

from .programs import start_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = """
import os, socket
import httpx, uvicorn
from fastapi import FastAPI
from opentelemetry import baggage
from ananta_tracing import init_tracing, instrument_app

init_tracing()
app = FastAPI()
instrument_app(app)

@app.get("/ask")
async def ask():
    if "NEXT" not in os.environ:
        return {"campaign": baggage.get_baggage("campaign")}
    async with httpx.AsyncClient() as client:
        return (await client.get(os.environ["NEXT"])).json()

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.run(app, fd=listener.fileno(), log_level="critical", lifespan="off")
"""
NODE = """
const server = require("node:http").createServer(async (request, response) => {
  response.end(await (await fetch(process.env.NEXT)).text());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
XRAY_ID = f"1-{TRACE_ID[:8]}-{TRACE_ID[8:]}"
HEADERS = {
    "tracecontext": {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"},
    "b3": {"b3": f"{TRACE_ID}-{SPAN_ID}-1"},
    "xray": {"x-amzn-trace-id": f"Root={XRAY_ID};Parent={SPAN_ID};Sampled=1"},
}


@contextlib.contextmanager
def serving(language: str, folder: Path, endpoint: str, **environ: str) -> Iterator[str]:
    """The URL to ask the service of that language."""
    path = folder / f"service.{'py' if language == 'python' else 'cjs'}"
    path.write_text(PYTHON if language == "python" else NODE)
    process = start_program(language, path, endpoint, **environ)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/ask"
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert err == ""


@pytest.mark.parametrize("format_name", HEADERS)
def test_one_trace_and_its_baggage(tmp_path, format_name) -> None:
    told = {"OTEL_PROPAGATORS": f"{format_name},baggage"}
    with (
        http_sink() as sink,
        serving("python", tmp_path, sink.endpoint, **told) as last,
        serving("node", tmp_path, sink.endpoint, NEXT=last, **told) as middle,
        serving("python", tmp_path, sink.endpoint, NEXT=middle, **told) as first,
    ):
        asked = urllib.request.Request(
            first, headers={**HEADERS[format_name], "baggage": "campaign=autumn"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert json.load(answer) == {"campaign": "autumn"}
        spans = sink.wait_for(5)
    assert {span.trace_id.hex() for span in spans} == {TRACE_ID}
    chain = [bytes.fromhex(SPAN_ID)]
    by_parent = {span.parent_span_id: span for span in spans}
    while chain[-1] in by_parent:
        chain.append(by_parent[chain[-1]].span_id)
    assert len(chain) == 6
    kinds = [by_parent[parent].kind for parent in chain[:-1]]
    assert kinds == [2, 3, 2, 3, 2]  # of servers and clients, in turn
    services = {each["service.name"] for each in sink.resources}
    assert services == {"python-service", "node-service"}
