"""OTLP sinks for tests: real servers on loopback that decode what they get and can misbehave."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from .serving import QuietHandler, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Answer:
    """What the sink says to one request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0


class Sink:
    """Requests as they came, and what to answer next."""

    def __init__(self) -> None:
        self.port = 0
        self.raw: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.requests: list[ExportTraceServiceRequest] = []
        self.answers: list[Answer] = []
        self.connections = 0
        self.open_connections: list[socket.socket] = []
        self._changed = threading.Condition()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """Close every connection a client keeps open."""
        for connection in self.open_connections:
            connection.shutdown(socket.SHUT_RDWR)

    def take(self, data: bytes, headers: dict[str, str]) -> Answer:
        with self._changed:
            answer = self.answers.pop(0) if self.answers else Answer()
        time.sleep(answer.delay_seconds)
        with self._changed:
            self.headers.append(headers)
            if answer.status == 200:
                self.raw.append(data)
                self.requests.append(ExportTraceServiceRequest.FromString(data))
            self._changed.notify_all()
        return answer

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in list(self.requests)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resources(self) -> list[dict[str, object]]:
        return [
            attributes(resource.resource.attributes)
            for request in list(self.requests)
            for resource in request.resource_spans
        ]

    def wait_for(self, count: int, timeout_seconds: float = 20.0) -> list[Span]:
        """The spans, once there are this many."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.spans) >= count, timeout_seconds)
        assert arrived, f"{len(self.spans)} of {count} spans arrived"
        return self.spans


def attributes(pairs) -> dict[str, object]:
    """OTLP attributes as plain values."""
    return {pair.key: value(pair.value) for pair in pairs}


def value(any_value) -> object:
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(any_value, kind)
    if kind == "array_value":
        return [value(item) for item in content.values]
    if kind == "kvlist_value":
        return attributes(content.values)
    return content


@contextmanager
def http_sink(port: int = 0) -> Iterator[Sink]:
    """A server for OTLP over HTTP."""
    sink = Sink()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            sink.connections += 1
            sink.open_connections.append(self.request)
            super().setup()

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            headers = {"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}
            answer = sink.take(data, headers)
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    with serving(Handler, port) as sink.port:
        yield sink


@contextmanager
def grpc_sink(port: int = 0) -> Iterator[Sink]:
    """A server for OTLP over gRPC. A status other than 200 is a name of a gRPC status code."""
    sink = Sink()

    def export(data: bytes, context: grpc.ServicerContext) -> bytes:
        headers = {str(key): str(text) for key, text in context.invocation_metadata()}
        answer = sink.take(data, headers)
        if answer.status != 200:
            context.set_trailing_metadata(
                tuple((key, text) for key, text in answer.headers.items())  # type: ignore[misc]
            )
            context.abort(list(grpc.StatusCode)[answer.status], "as the test wants")
        return answer.body

    handler = grpc.method_handlers_generic_handler(
        "opentelemetry.proto.collector.trace.v1.TraceService",
        {"Export": grpc.unary_unary_rpc_method_handler(export)},
    )
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler,))
    sink.port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield sink
    finally:
        server.stop(0).wait()


def partial_success(rejected: int, message: str) -> bytes:
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    return response.SerializeToString()
