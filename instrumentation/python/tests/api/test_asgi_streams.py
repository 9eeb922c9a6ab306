"""Requests that last: streams, background work, clients that go away, websockets."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import threading

import pytest
import websockets.sync.client
from fastapi import BackgroundTasks, FastAPI, WebSocket, WebSocketDisconnect
from opentelemetry.trace import StatusCode
from starlette.responses import StreamingResponse

from ananta_tracing.apps import instrument_app
from ananta_tracing.spans import create_span, current_trace_id

from .conftest import SAMPLED, TRACE_ID, server_spans, wait_until


def test_an_exception_in_the_middle_of_a_stream(spans, serve):
    app = FastAPI()

    @app.get("/stream")
    async def stream():
        async def parts():
            yield b"first"
            raise OSError("disk")

        return StreamingResponse(parts())

    instrument_app(app)
    with pytest.raises(http.client.HTTPException):
        serve(app).get("/stream")
    wait_until(lambda: spans.finished)
    span = spans.assert_span("GET /stream", status="ERROR")
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["error.type"] == "OSError"


def test_streaming_is_part_of_the_span_and_background_work_is_not(spans, serve):
    app = FastAPI()
    release = threading.Event()
    done = threading.Event()

    @app.get("/stream")
    async def stream(tasks: BackgroundTasks):
        async def parts():
            for number in range(3):
                with create_span(f"part {number}"):
                    await asyncio.sleep(0.01)
                yield str(number).encode()

        def afterwards():
            release.wait(10)
            with create_span("afterwards"):
                done.set()

        tasks.add_task(afterwards)
        return StreamingResponse(parts(), background=tasks)

    instrument_app(app)
    assert serve(app).get("/stream").body == b"012"
    wait_until(lambda: server_spans(spans))
    (span,) = server_spans(spans)  # it has ended while the background still waits
    assert not done.is_set()
    release.set()
    wait_until(lambda: spans.find("afterwards"))
    spans.assert_trace("""
        GET /stream
          part 0
          part 1
          part 2
          BackgroundTask afterwards
            afterwards
    """)
    assert span.end_time >= max(spans.find("part 2")[0].end_time, 0)


def test_a_background_task_that_fails_is_its_own_error(spans, serve):
    app = FastAPI()

    async def fails():
        raise OSError("mail server")

    @app.get("/")
    async def root(tasks: BackgroundTasks):
        tasks.add_task(fails)

    instrument_app(app)
    assert serve(app).get("/").status == 200
    wait_until(lambda: len(spans.finished) == 2)
    spans.assert_trace("GET /\n  BackgroundTask fails")
    spans.assert_span("GET /", status="UNSET")
    spans.assert_span("BackgroundTask fails", "GET /", status="ERROR")


def test_a_client_that_goes_away_ends_the_span_without_error(spans, serve):
    app = FastAPI()

    @app.get("/slow")
    async def slow():
        async def parts():
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.01)

        return StreamingResponse(parts())

    instrument_app(app)
    client = serve(app)
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: tests\r\n\r\n")
        assert connection.recv(100)
    wait_until(lambda: spans.finished)
    spans.assert_no_orphans()
    assert spans.finished[0].status.status_code is StatusCode.UNSET


def websocket_app() -> FastAPI:
    app = FastAPI()

    @app.websocket("/rooms/{room}")
    async def room(websocket: WebSocket, room: str):
        if room == "closed":
            await websocket.close(1008)
            return
        await websocket.accept()
        if room == "broken":
            raise RuntimeError("room collapsed")
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                text = await websocket.receive_text()
                with create_span("message"):
                    await websocket.send_text(f"{text} {current_trace_id()}")

    instrument_app(app)
    return app


def test_a_websocket_is_one_span(spans, serve):
    client = serve(websocket_app())
    url = f"ws://127.0.0.1:{client.port}/rooms/blue"
    with websockets.sync.client.connect(url, additional_headers=SAMPLED) as connection:
        for text in ("a", "b"):
            connection.send(text)
            assert connection.recv() == f"{text} {TRACE_ID}"
        assert spans.find("/rooms/{room}") == []
    wait_until(lambda: server_spans(spans))
    spans.assert_trace("/rooms/{room}\n  message\n  message")
    span = spans.assert_span("/rooms/{room}", kind="server", status="UNSET")
    assert span.attributes["url.scheme"] == "ws"
    assert span.attributes["http.response.status_code"] == 101


def test_a_websocket_that_is_refused_or_fails(spans, serve):
    client = serve(websocket_app())
    with pytest.raises(websockets.exceptions.InvalidStatus):
        websockets.sync.client.connect(f"ws://127.0.0.1:{client.port}/rooms/closed")
    with (
        websockets.sync.client.connect(f"ws://127.0.0.1:{client.port}/rooms/broken") as connection,
        pytest.raises(websockets.exceptions.ConnectionClosed),
    ):
        connection.recv()
    wait_until(lambda: len(server_spans(spans)) == 2)
    refused, broken = server_spans(spans)
    assert refused.attributes["http.response.status_code"] == 403
    assert refused.status.status_code is StatusCode.UNSET
    assert broken.attributes["error.type"] == "RuntimeError"
    assert broken.status.description == "RuntimeError: room collapsed"
