"""instrument_app on FastAPI, Starlette and plain ASGI applications behind uvicorn."""

from __future__ import annotations

import asyncio
import dataclasses
import http.client
import socket

import pytest
from fastapi import APIRouter, FastAPI, Request
from opentelemetry import baggage, propagate
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.b3 import B3MultiFormat
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from ananta_tracing import setup
from ananta_tracing.apps import instrument_app
from ananta_tracing.settings import CapturedHeaders, resolve_settings
from ananta_tracing.spans import create_span, current_trace_id, extract
from ananta_tracing.testing import _Recorder

from .application import bare_app, provider_in_force
from .conftest import SAMPLED, TRACE_ID, server_spans, wait_until

NOT_SAMPLED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-00"}


def put_settings_in_force(monkeypatch, **changes) -> None:
    settings = dataclasses.replace(resolve_settings({"service_name": "tests"}, {}), **changes)
    monkeypatch.setattr(setup, "settings", lambda: settings)


def test_a_request_continues_the_trace_of_its_client(spans, serve):
    app = bare_app()
    assert instrument_app(app) is app
    answer = serve(app).get("/items/7?page=2", {**SAMPLED, "Host": "api.example.com:8443"})
    assert f'"trace":"{TRACE_ID}"'.encode() in answer.body
    wait_until(lambda: server_spans(spans))
    spans.assert_trace("GET /items/{item_id}\n  load")
    span = spans.assert_span(
        "GET /items/{item_id}",
        kind="server",
        attributes={
            "http.request.method": "GET",
            "http.route": "/items/{item_id}",
            "http.response.status_code": 200,
            "url.scheme": "http",
            "url.path": "/items/7",
            "url.query": "page=2",
            "server.address": "api.example.com",
            "server.port": 8443,
            "client.address": "127.0.0.1",
            "network.protocol.version": "1.1",
            "user_agent.original": "tests",
        },
    )
    assert span.parent.is_remote
    spans.assert_no_orphans()


def test_baggage_and_other_propagators_are_read(spans, serve):
    app = FastAPI()

    @app.get("/")
    async def root():
        return {"trace": current_trace_id(), "tenant": baggage.get_baggage("tenant")}

    instrument_app(app)
    assert b'"tenant":"acme"' in serve(app).get("/", {"baggage": "tenant=acme"}).body

    single = {"b3": f"{TRACE_ID}-b7ad6b7169203331-1"}  # a header `fields` does not name
    segments = f"1-{TRACE_ID[:8]}-{TRACE_ID[8:]}"
    xray = {"X-Amzn-Trace-Id": f"Root={segments};Parent=b7ad6b7169203331;Sampled=1"}
    previous = propagate.get_global_textmap()
    try:
        for propagator, headers in ((B3MultiFormat(), single), (AwsXRayPropagator(), xray)):
            propagate.set_global_textmap(propagator)
            app = bare_app()
            instrument_app(app)
            assert TRACE_ID.encode() in serve(app).get("/items/1", headers).body
            with create_span("handle", parent=extract(headers)):
                assert current_trace_id() == TRACE_ID
    finally:
        propagate.set_global_textmap(previous)


def test_health_checks_are_not_traced_and_neither_is_what_they_do(spans, serve):
    app = bare_app()
    instrument_app(app)
    client = serve(app)
    assert client.get("/health", SAMPLED).status == 200
    client.get("/items/1")
    wait_until(lambda: server_spans(spans))
    assert "ping database" not in spans.names
    spans.assert_trace("GET /items/{item_id}\n  load")


def test_services_called_by_a_health_check_are_told_not_to_record(spans, serve):
    app = FastAPI()
    headers: dict[str, str] = {}

    @app.get("/health")
    async def health():
        propagate.inject(headers)

    instrument_app(app)
    serve(app).get("/health")
    assert headers["traceparent"].endswith("-00")


@pytest.mark.parametrize(
    ("exclude_urls", "excluded"),
    [
        ([], []),
        ("/items/1$,/health", ["/items/1", "/health"]),
        (["^/health"], ["/health"]),
        ([r"http://127\.0\.0\.1:\d+/items"], ["/items/1", "/items/2"]),
    ],
)
def test_what_is_excluded_can_be_said(spans, serve, exclude_urls, excluded):
    app = bare_app()
    instrument_app(app, exclude_urls=exclude_urls)
    client = serve(app)
    paths = ["/items/1", "/items/2", "/health"]
    for path in paths:
        client.get(path)
    expected = len(paths) - len(excluded)
    wait_until(lambda: len(server_spans(spans)) >= expected)
    recorded = [span.attributes["url.path"] for span in server_spans(spans)]
    assert recorded == [path for path in paths if path not in excluded]
    assert len(spans.finished) == 2 * expected


def test_an_expression_that_is_none_is_refused_at_once():
    with pytest.raises(ValueError, match=r"exclude_urls: '\(' is no regular expression"):
        instrument_app(bare_app(), exclude_urls=["("])


@pytest.mark.parametrize(
    ("sampler", "headers", "expected"),
    [
        (ALWAYS_OFF, {}, 0),
        (ParentBased(ALWAYS_ON), NOT_SAMPLED, 0),
        (ParentBased(TraceIdRatioBased(0)), {}, 0),
        (ParentBased(TraceIdRatioBased(0)), SAMPLED, 2),
    ],
)
def test_the_sampler_decides_for_the_whole_request(spans, serve, sampler, headers, expected):
    provider = TracerProvider(sampler, shutdown_on_exit=False)
    provider.add_span_processor(_recorder_of(spans))
    with provider_in_force(provider):
        app = bare_app()
        instrument_app(app)
        answer = serve(app).get("/items/1", headers)
        wait_until(lambda: len(spans.finished) >= expected)
    assert answer.status == 200
    if headers:
        assert TRACE_ID.encode() in answer.body
    assert len(spans.finished) == expected


def _recorder_of(spans):
    recorder = _Recorder()
    recorder.recorded = spans
    return recorder


def test_routes_of_routers_mounts_and_sub_applications(spans, serve, tmp_path):
    (tmp_path / "page.txt").write_text("static")
    inner = FastAPI()

    @inner.get("/users/{user}")
    async def user(user: str):
        return user

    router = APIRouter(prefix="/v1")
    nested = APIRouter(prefix="/boms")

    @nested.get("/{bom}")
    async def bom(bom: str):
        return bom

    router.include_router(nested)
    app = FastAPI()
    app.include_router(router, prefix="/api")
    app.mount("/tenants/{tenant}", inner)
    app.mount("/static", StaticFiles(directory=tmp_path))
    instrument_app(app)
    client = serve(app)
    expected = {
        "/api/v1/boms/7": "GET /api/v1/boms/{bom}",
        "/tenants/acme/users/u1": "GET /tenants/{tenant}/users/{user}",
        "/tenants/acme/nowhere": "GET /tenants/{tenant}",
        "/static/page.txt": "GET /static",
        "/nowhere": "GET",
    }
    for path in expected:
        client.get(path)
    wait_until(lambda: len(spans.finished) == len(expected))
    assert {span.attributes["url.path"]: span.name for span in spans.finished} == expected


def test_starlette_with_middleware_that_copies_the_scope(spans, serve):
    async def endpoint(request):
        return PlainTextResponse(request.path_params["part"])

    class Copies:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            await self.app(dict(scope), receive, send)

    class Base(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            with create_span("middleware"):
                return await call_next(request)

    app = Starlette(routes=[Mount("/m", app=Router([Route("/{part}", endpoint)]))])
    app.add_middleware(Copies)
    app.add_middleware(Base)
    instrument_app(app)
    assert serve(app).get("/m/R1").body == b"R1"
    wait_until(lambda: server_spans(spans))
    spans.assert_trace("GET /m/{part}\n  middleware")


def test_an_exception_is_recorded_once_with_the_500_it_becomes(spans, serve):
    app = FastAPI()

    @app.get("/fails")
    async def fails():
        raise LookupError("no such bom")

    instrument_app(app)
    assert serve(app).get("/fails").status == 500
    wait_until(lambda: spans.finished)
    span = spans.assert_span("GET /fails", status="ERROR")
    assert span.attributes["http.response.status_code"] == 500
    assert span.status.description == "LookupError: no such bom"
    assert [event.attributes["exception.type"] for event in span.events] == ["LookupError"]


def test_headers_are_captured_only_when_asked_and_secrets_never(spans, serve, monkeypatch):
    async def endpoint(request):
        return JSONResponse({}, headers={"X-Request-Id": "r1", "Set-Cookie": "session=hunter2"})

    def answer():
        app = Starlette(routes=[Route("/", endpoint)])
        instrument_app(app)
        client = serve(app)
        spans.clear()
        client.get("/", {"X-Tenant": "acme", "Authorization": "Bearer abcdefgh12345"})
        wait_until(lambda: spans.finished)
        return {
            key: value for key, value in spans.finished[0].attributes.items() if ".header." in key
        }

    assert answer() == {}
    every = CapturedHeaders(server_request=(".*",), server_response=("x-.*", "Set-Cookie"))
    put_settings_in_force(monkeypatch, captured_headers=every)
    captured = answer()
    assert captured["http.request.header.x_tenant"] == ("acme",)
    assert captured["http.request.header.authorization"] == ("[REDACTED]",)
    assert captured["http.response.header.x_request_id"] == ("r1",)
    assert captured["http.response.header.set_cookie"] == ("[REDACTED]",)
    assert "http.response.header.content_type" not in captured
    spans.assert_no_secrets("hunter2", "abcdefgh12345")


def test_a_disabled_sdk_costs_nothing_and_records_nothing(spans, serve, monkeypatch):
    app = bare_app()
    instrument_app(app)
    put_settings_in_force(monkeypatch, disabled=True)
    assert serve(app).get("/items/1").status == 200
    assert server_spans(spans) == []


def requests_on_one_connection(client, *requests: bytes, at_once: bool = False) -> None:
    """Send requests over one connection; wait for the answer to each."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
        if at_once:
            connection.sendall(b"".join(requests))
        for request in requests:
            if not at_once:
                connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()


def raw(method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize("headers", ["", f"traceparent: {NOT_SAMPLED['traceparent']}\r\n"])
@pytest.mark.parametrize("body", [b"", bytes(5_000_000)])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_request_has_nothing_of_the_one_before_on_its_connection(
    spans, serve, headers, body, at_once
):
    """A server goes on with a connection in the context of the request that it waits for."""
    app = FastAPI()

    @app.post("/slow")
    async def slow(request: Request) -> int:
        await asyncio.sleep(0.2)  # so that the server stops reading
        return len(await request.body())

    @app.get("/next")
    def following() -> str:
        return "ok"

    instrument_app(app)
    requests = raw("POST", "/slow", body, headers), raw("GET", "/next"), raw("GET", "/next")
    requests_on_one_connection(serve(app), *requests, at_once=at_once)
    wait_until(lambda: len(spans.find("GET /next")) == 2)
    for span in spans.find("GET /next"):
        assert span.kind is SpanKind.SERVER
        assert span.parent is None
