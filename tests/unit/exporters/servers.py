"""Real servers the OTLP exporters send to in tests, doing as they are told."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from ananta.component import Settings
from ananta.exporters.otlp_grpc import OtlpGrpcConfig, OtlpGrpcExporter
from ananta.exporters.otlp_http import OtlpHttpConfig, OtlpHttpExporter
from ananta.model import SpanBatch
from ananta.telemetry.metrics import Metrics

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable


def batch(*names: str, attribute: str = "") -> SpanBatch:
    """A batch of one span of each name."""
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for name in names or ("a span",):
        span = scope.spans.add(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
        if attribute:
            span.attributes.add(key="text").value.string_value = attribute
    return SpanBatch.from_otlp(message.SerializeToString())


def names_in(message: ExportTraceServiceRequest) -> list[str]:
    return [
        span.name
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


class GrpcServer(TraceServiceServicer):
    """A TraceService; `fail` may abort a call."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.remaining_seconds: float | None = None
        self.arrived = asyncio.Event()
        self.answer = ExportTraceServiceResponse()
        self.fail: Callable[[grpc.aio.ServicerContext], Any] | None = None
        self.address = ""

    async def Export(
        self, request: ExportTraceServiceRequest, context: grpc.aio.ServicerContext
    ) -> ExportTraceServiceResponse:
        self.metadata = dict(context.invocation_metadata() or ())
        self.remaining_seconds = context.time_remaining()
        self.arrived.set()
        if self.fail is not None:
            await self.fail(context)
        self.names += names_in(request)
        return self.answer


@asynccontextmanager
async def grpc_server(
    address: str = "127.0.0.1:0", credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[GrpcServer]:
    server, service = grpc.aio.server(), GrpcServer()
    add_TraceServiceServicer_to_server(service, server)
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    service.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)


@dataclass
class HttpRequest:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """An HTTP/1.1 server that answers each request with `answers`, the last one again and again."""

    answers: list[bytes] = field(default_factory=lambda: [answer(200, b"\x0a\x00")])
    requests: list[HttpRequest] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    url: str = ""
    _at_once: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *lines = head.strip().split("\r\n")
                pairs = (text.split(": ", 1) for text in lines)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append(HttpRequest(line, headers, body))
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                await asyncio.sleep(0)  # let the requests that came together be seen together
                self._at_once -= 1
                reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if reply == HANG_UP:
                    break
                if reply != SILENCE:
                    writer.write(reply)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


HANG_UP = b"hang up"
SILENCE = b"silence"


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP response."""
    fields = {"content-type": "application/x-protobuf"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Any\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def http_server(ssl: ssl.SSLContext | None = None) -> AsyncIterator[HttpServer]:
    recorder = HttpServer()
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0, ssl=ssl)
    port = server.sockets[0].getsockname()[1]
    recorder.url = f"{'https' if ssl else 'http'}://localhost:{port}"
    async with server:
        yield recorder


def settings(exporter_id: str) -> Settings:
    log = logging.getLogger(f"test.{exporter_id}")
    return Settings(id=exporter_id, log=log, metrics=Metrics())


@asynccontextmanager
async def grpc_exporter(endpoint: str, **config: Any) -> AsyncIterator[OtlpGrpcExporter]:
    """An exporter that sends in plaintext unless told otherwise."""
    config = {"endpoint": endpoint, "tls": {"insecure": True}, **config}
    exporter = OtlpGrpcExporter(OtlpGrpcConfig.model_validate(config), settings("otlp_grpc"))
    await exporter.start(None)  # type: ignore[arg-type] # the exporter asks nothing of its host
    try:
        yield exporter
    finally:
        await exporter.shutdown()


@asynccontextmanager
async def http_exporter(**config: Any) -> AsyncIterator[OtlpHttpExporter]:
    exporter = OtlpHttpExporter(OtlpHttpConfig.model_validate(config), settings("otlp_http"))
    await exporter.start(None)  # type: ignore[arg-type] # the exporter asks nothing of its host
    try:
        yield exporter
    finally:
        await exporter.shutdown()
