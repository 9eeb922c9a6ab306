"""The middleware says the same of a request as the official instrumentation of FastAPI does."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

from ananta_tracing.apps import instrument_app
from ananta_tracing.testing import record_spans

from .conftest import SAMPLED, serve_asgi, server_spans, wait_until

# What differs on purpose.
# The official one puts the port into the address, where the conventions say the name alone.
ADDRESS = "server.address"


class Teapot(Exception):
    """Answered by a handler of the application."""


def application() -> FastAPI:
    app = FastAPI()
    router = APIRouter(prefix="/boms")

    @app.get("/")
    async def root():
        return {}

    @router.get("/{bom_id}/lines/{line}")
    async def line(bom_id: int, line: str):
        return {"bom": bom_id, "line": line}

    @app.post("/sync")
    def sync():
        return {}

    @app.get("/files/{path:path}")
    async def file(path: str):
        return path

    @app.get("/missing")
    async def missing():
        raise HTTPException(404)

    @app.get("/unavailable")
    async def unavailable():
        raise HTTPException(503)

    @app.get("/fails")
    async def fails():
        raise RuntimeError("the database is away")

    @app.get("/teapot")
    async def teapot():
        raise Teapot

    @app.exception_handler(Teapot)
    async def answer(request: Request, error: Teapot):
        return JSONResponse({}, 418)

    @app.get("/stream")
    async def stream():
        async def parts():
            for part in ("a", "b", "c"):
                yield part

        return StreamingResponse(parts())

    @app.get("/background")
    async def background(tasks: BackgroundTasks):
        tasks.add_task(int, "1")
        return {}

    app.include_router(router)
    return app


REQUESTS = [
    ("GET", "/"),
    ("GET", "/?tag=a%20b&page=2"),
    ("GET", "/boms/7/lines/R1"),
    ("GET", "/boms/seven/lines/R1"),
    ("POST", "/sync"),
    ("GET", "/files/a/b.txt"),
    ("GET", "/missing"),
    ("GET", "/unavailable"),
    ("GET", "/fails"),
    ("GET", "/teapot"),
    ("GET", "/stream"),
    ("GET", "/background"),
    ("GET", "/nowhere"),
    ("DELETE", "/sync"),
    ("BREW", "/"),
    ("GET", "/docs"),
]


def server_span(instrument, method: str, path: str):
    app = application()
    instrument(app)
    with record_spans() as spans, serve_asgi(app) as client:
        answer = client.request(method, path, SAMPLED)
        wait_until(lambda: server_spans(spans))
        (span,) = server_spans(spans)
        return answer, span


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_attributes_name_status_and_parent_are_those_of_the_official_one(method, path):
    try:
        stock_answer, stock = server_span(FastAPIInstrumentor.instrument_app, method, path)
    finally:
        FastAPIInstrumentor().uninstrument()
    answer, ours = server_span(instrument_app, method, path)
    assert (answer.status, answer.body) == (stock_answer.status, stock_answer.body)
    assert ours.name == stock.name
    assert ours.kind is stock.kind
    assert ours.status.status_code is stock.status.status_code
    assert ours.parent == stock.parent
    assert ours.context.trace_id == stock.context.trace_id
    expected, recorded = dict(stock.attributes), dict(ours.attributes)
    assert expected.pop(ADDRESS).partition(":")[0] == recorded.pop(ADDRESS) == "127.0.0.1"
    for ports in ("server.port", "client.port"):  # two servers, two clients
        assert expected.pop(ports)
        assert recorded.pop(ports)
    assert recorded == expected
    assert [
        (event.name, event.attributes["exception.type"], event.attributes["exception.message"])
        for event in ours.events
    ] == [
        (event.name, event.attributes["exception.type"], event.attributes["exception.message"])
        for event in stock.events
    ]


def test_the_official_one_finds_the_application_instrumented(caplog, spans, serve):
    app = application()
    instrument_app(app)
    FastAPIInstrumentor.instrument_app(app)
    assert "already instrumented" in caplog.text
    serve(app).get("/")
    wait_until(lambda: spans.finished)
    assert spans.names == ["GET /"]
