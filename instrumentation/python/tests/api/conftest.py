"""Servers for the tests of the helpers: real frameworks behind real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import uvicorn
from opentelemetry.trace import SpanKind

from ananta_tracing.pytest_plugin import ananta_platform, spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from ananta_tracing.testing import RecordedSpans

__all__ = ["ananta_platform", "spans"]

HERE = Path(__file__).parents[2]
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


class Client:
    """Plain HTTP to one server, with nothing that could be instrumented in between."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(
                method, path, body or None, {"User-Agent": "tests", **(headers or {})}
            )
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.request("GET", path, headers)


@contextlib.contextmanager
def serve_asgi(app: Any):
    """A uvicorn server in a thread, stopped at the end."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        yield Client(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serve_wsgi(app: Any):
    """A WSGI server in a thread, stopped at the end."""
    server = make_server("127.0.0.1", 0, app, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Client(server.server_port)
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


def wait_until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for what happens after the answer; the assertion that follows tells what is missing."""
    step = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        step.wait(0.01)


def server_spans(spans: RecordedSpans) -> list[ReadableSpan]:
    """The finished server spans."""
    return [span for span in spans.finished if span.kind is SpanKind.SERVER]


def run_python(code: str, *arguments: str, **environ: str) -> str:
    """Run code in a process of its own, which has to succeed; what it wrote."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE,
        env={**clean, "PYTHONPATH": os.pathsep.join([*sys.path, "."]), **environ},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def serve():
    """Serve ASGI applications until the end of the test: `serve(app) -> Client`."""
    with contextlib.ExitStack() as stack:
        yield lambda app: stack.enter_context(serve_asgi(app))


@pytest.fixture
def serve_sync():
    """Serve WSGI applications until the end of the test: `serve_sync(app) -> Client`."""
    with contextlib.ExitStack() as stack:
        yield lambda app: stack.enter_context(serve_wsgi(app))
