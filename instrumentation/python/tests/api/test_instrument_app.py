"""What instrument_app accepts and refuses, and that it never breaks an application."""

from __future__ import annotations

import gc
import logging

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ananta_tracing.apps import instrument_app
from ananta_tracing.apps.asgi import Exchange

from .application import bare_app, provider_in_force
from .conftest import server_spans, wait_until


def test_instrumented_twice_warns_once(spans, serve, caplog):
    app = bare_app()
    for _ in range(3):
        assert instrument_app(app) is app
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.message for record in warnings] == [
        "instrument_app: this application is instrumented already; the second call is ignored"
    ]
    serve(app).get("/items/1")
    wait_until(lambda: server_spans(spans))
    assert len(server_spans(spans)) == 1


def test_after_the_official_instrumentation_it_warns_and_stands_back(spans, serve, caplog):
    app = bare_app()
    FastAPIInstrumentor.instrument_app(app)
    try:
        assert instrument_app(app) is app
        assert "instrumented by an official OpenTelemetry instrumentation already" in caplog.text
        serve(app).get("/items/1")
        wait_until(lambda: server_spans(spans))
        assert len(server_spans(spans)) == 1
    finally:
        FastAPIInstrumentor.uninstrument_app(app)


def test_instrumented_after_the_first_request(spans, serve):
    app = bare_app()
    client = serve(app)
    client.get("/items/1")
    instrument_app(app)
    spans.clear()
    client.get("/items/2")
    wait_until(lambda: server_spans(spans))
    assert len(server_spans(spans)) == 1


def test_any_asgi_callable(spans, serve):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        if scope["path"] == "/fails":
            raise RuntimeError("bare")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    wrapped = instrument_app(app)
    client = serve(wrapped)
    assert client.get("/").status == 204
    assert client.get("/fails").status == 500
    wait_until(lambda: len(spans.finished) == 2)
    first, second = spans.finished
    assert (first.name, first.attributes["http.response.status_code"]) == ("GET", 204)
    assert second.attributes["error.type"] == "RuntimeError"
    assert instrument_app(wrapped) is wrapped


class Broken(Sampler):
    def should_sample(self, *arguments, **keywords):
        raise RuntimeError("no rules yet")

    def get_description(self):
        return "Broken"


def test_tracing_that_fails_does_not_fail_the_request(serve, serve_sync, caplog):
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("served"))])
    instrument_app(app)

    def sync_app(environ, start_response):
        start_response("200 OK", [])
        return [b"served"]

    clients = serve(app), serve_sync(instrument_app(sync_app))
    with provider_in_force(TracerProvider(Broken(), shutdown_on_exit=False)):
        for client in clients:
            for _ in range(2):
                assert client.get("/").body == b"served"
    assert caplog.text.count("could not be traced") == 1
    assert "no rules yet" in caplog.text


async def test_a_server_that_says_little(spans):
    async def app(scope, receive, send):
        pass

    await instrument_app(app)({"type": "http", "method": "GET", "client": ["", None]}, None, None)
    assert dict(spans.finished[0].attributes) == {
        "http.request.method": "GET",
        "url.path": "",
        "url.scheme": "http",
    }


async def test_a_request_leaves_nothing_for_the_garbage_collector(spans):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def send(message):
        pass

    traced = instrument_app(app)
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            await traced({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send)
        left = [each for each in gc.get_objects() if type(each) is Exchange]
    finally:
        gc.enable()
    assert len(spans.finished) == 5
    assert left == []


@pytest.mark.parametrize("thing", [7, FastAPI, lambda only: None])
def test_what_is_no_application_is_told_and_left_alone(thing, caplog):
    assert instrument_app(thing) is thing
    assert "pass the application object" in caplog.text


def test_an_application_inside_another_is_an_internal_span(spans, serve):
    inner, outer = bare_app(), FastAPI()
    instrument_app(inner)
    outer.mount("/inner", inner)
    instrument_app(outer)
    serve(outer).get("/inner/items/3")
    wait_until(lambda: server_spans(spans))
    spans.assert_trace("""
        GET /inner/items/{item_id}
          GET /items/{item_id}
            load
    """)
    assert trace.get_current_span() is trace.INVALID_SPAN
