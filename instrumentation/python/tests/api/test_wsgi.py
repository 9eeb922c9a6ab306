"""instrument_app on Flask, Django and plain WSGI applications over sockets."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from flask import Flask, Response, abort
from opentelemetry.instrumentation.flask import FlaskInstrumentor

from ananta_tracing.apps import instrument_app
from ananta_tracing.spans import create_span, current_trace_id
from ananta_tracing.testing import record_spans

from .conftest import SAMPLED, TRACE_ID, serve_wsgi, server_spans, wait_until


def flask_app() -> Flask:
    app = Flask("shop")

    @app.get("/items/<int:item>")
    def item(item):
        with create_span("load"):
            return {"item": item, "trace": current_trace_id()}

    @app.get("/fails")
    def fails():
        raise LookupError("no such bom")

    @app.get("/missing")
    def missing():
        abort(404)

    @app.get("/healthz")
    def health():
        with create_span("ping database"):
            return "ok"

    @app.get("/stream")
    def stream():
        def parts():
            with create_span("held over the yields"):
                for number in range(3):
                    with create_span(f"part {number}"):
                        pass
                    yield str(number)

        return Response(parts())

    return app


def test_a_request_of_flask(spans, serve_sync):
    app = flask_app()
    assert instrument_app(app) is app
    answer = serve_sync(app).get("/items/7?a=1", SAMPLED)
    assert TRACE_ID.encode() in answer.body
    wait_until(lambda: spans.find("GET /items/<int:item>"))
    spans.assert_trace("GET /items/<int:item>\n  load")
    span = spans.assert_span(
        "GET /items/<int:item>",
        kind="server",
        attributes={
            "http.route": "/items/<int:item>",
            "http.response.status_code": 200,
            "url.query": "a=1",
        },
    )
    assert span.parent.is_remote


def test_a_streaming_response_of_flask_is_one_trace(spans, serve_sync):
    app = flask_app()
    instrument_app(app)
    assert serve_sync(app).get("/stream").body == b"012"
    wait_until(lambda: spans.find("GET /stream"))
    spans.assert_trace("""
        GET /stream
          held over the yields
            part 0
            part 1
            part 2
    """)
    spans.assert_no_orphans()


def test_health_checks_of_flask_are_left_out_with_what_they_do(spans, serve_sync):
    app = flask_app()
    instrument_app(app)
    client = serve_sync(app)
    assert client.get("/healthz").body == b"ok"
    client.get("/missing")
    client.get("/nowhere/7")  # no rule, so nothing but the method is of low cardinality
    wait_until(lambda: len(spans.finished) == 2)
    assert spans.names == ["GET /missing", "GET"]


@pytest.mark.parametrize("path", ["/items/7", "/items/7?a=b", "/fails", "/missing", "/stream"])
def test_flask_says_the_same_as_the_official_instrumentation(path):
    def server_span(instrument):
        app = flask_app()
        instrument(app)
        with record_spans() as spans, serve_wsgi(app) as client:
            client.get(path, SAMPLED)
            wait_until(lambda: server_spans(spans))
            (span,) = server_spans(spans)
            return span

    stock = server_span(FlaskInstrumentor().instrument_app)
    ours = server_span(instrument_app)
    assert (ours.name, ours.kind, ours.parent) == (stock.name, stock.kind, stock.parent)
    assert ours.status.status_code is stock.status.status_code
    expected, recorded = dict(stock.attributes), dict(ours.attributes)
    for differs in ("server.port", "client.port"):
        expected.pop(differs, None)
        recorded.pop(differs, None)
    # The official one puts the port into the address, and leaves out the path or the query.
    assert expected.pop("server.address").partition(":")[0] == recorded.pop("server.address")
    url_path = recorded.pop("url.path")
    assert expected.pop("url.path", url_path) == url_path == path.partition("?")[0]
    if recorded.pop("url.query", ""):
        assert path.endswith("?a=b")
    assert recorded == expected


def test_an_exception_of_flask_is_recorded(spans, serve_sync):
    app = flask_app()
    instrument_app(app)
    assert serve_sync(app).get("/fails").status == 500
    wait_until(lambda: spans.finished)
    span = spans.assert_span("GET /fails", status="ERROR")
    assert span.status.description == "LookupError: no such bom"
    assert [event.attributes["exception.type"] for event in span.events] == ["LookupError"]


def test_any_wsgi_callable(spans, serve_sync):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/fails":
            raise RuntimeError("bare")
        start_response("204 No Content", [])
        return []

    wrapped = instrument_app(app)
    client = serve_sync(wrapped)
    assert client.get("/").status == 204
    assert client.get("/fails").status == 500
    wait_until(lambda: len(spans.finished) == 2)
    first, second = spans.finished
    assert (first.name, first.attributes["http.response.status_code"]) == ("GET", 204)
    assert second.attributes["error.type"] == "RuntimeError"


DJANGO = """
import asyncio, json, sys, threading
import django
from django.conf import settings
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path

sys.path.insert(0, sys.argv[2])
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None,
                   MIDDLEWARE=["django.middleware.common.CommonMiddleware"])

from ananta_tracing.apps import instrument_app
from ananta_tracing.spans import create_span, current_trace_id
from ananta_tracing.testing import record_spans
from tests.api.conftest import serve_asgi, serve_wsgi, wait_until


def bom(request, bom_id):
    with create_span("load"):
        return JsonResponse({"bom": bom_id, "trace": current_trace_id()})


async def part(request, mpn):
    with create_span("look up"):
        await asyncio.sleep(0)
        return JsonResponse({"mpn": mpn, "trace": current_trace_id()})


def fails(request):
    raise LookupError("no such bom")


def stream(request):
    def parts():
        with create_span("held"):
            for number in range(2):
                with create_span(f"part {number}"):
                    pass
                yield str(number)
    return StreamingHttpResponse(parts())


async def stream_async(request):
    async def parts():
        for number in range(2):
            with create_span(f"part {number}"):
                await asyncio.sleep(0)
            yield str(number)
    return StreamingHttpResponse(parts())


def health(request):
    with create_span("ping database"):
        return HttpResponse("ok")


urlpatterns = [
    path("boms/<int:bom_id>/", bom),
    path("fails", fails),
    path("health", health),
    path("stream", stream if sys.argv[1] == "wsgi" else stream_async),
    path("v1/", include([path("parts/<str:mpn>", part)])),
]

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

app, serve = {
    "asgi": (get_asgi_application, serve_asgi), "wsgi": (get_wsgi_application, serve_wsgi),
}[sys.argv[1]]
app = app()
assert instrument_app(app) is app
sampled = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
with record_spans() as spans, serve(app) as client:
    answers = [client.get(path, sampled) for path in
               ("/boms/7/?page=2", "/v1/parts/R1", "/fails", "/health", "/nowhere", "/stream")]
    held = sys.argv[1] == "wsgi"
    wait_until(lambda: len(spans.finished) == 9 + held)
    for answer in answers[:2]:
        assert json.loads(answer.body)["trace"] == "0af7651916cd43dd8448eb211c80319c"
    assert [answer.status for answer in answers] == [200, 200, 500, 200, 404, 200]
    assert answers[-1].body == b"01"
    streamed = '''
        GET stream
          held
            part 0
            part 1
    ''' if held else '''
        GET stream
          part 0
          part 1
    '''
    spans.assert_trace('''
        GET boms/<int:bom_id>/
          load
        GET v1/parts/<str:mpn>
          look up
        GET fails
        GET
    ''' + streamed)
    spans.assert_span("GET boms/<int:bom_id>/", kind="server", attributes={
        "http.route": "boms/<int:bom_id>/", "http.response.status_code": 200,
        "url.path": "/boms/7/", "url.query": "page=2", "server.address": "127.0.0.1",
    })
    failed = spans.assert_span("GET fails", status="ERROR",
                               attributes={"http.response.status_code": 500})
    assert failed.status.description == "LookupError: no such bom"
    assert [event.attributes["exception.type"] for event in failed.events] == ["LookupError"]
print("done")
"""


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_django(interface, tmp_path):
    # In a process of its own: Django is configured once for all.
    script = tmp_path / "site.py"
    script.write_text(textwrap.dedent(DJANGO))
    done = subprocess.run(
        [sys.executable, str(script), interface, "."], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "done", done.stdout + done.stderr
