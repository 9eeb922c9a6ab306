"""The exporter `otlp_http` against a real HTTP server."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest
import trustme
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ananta.errors import DeliveryError, PermanentError, RetryableError, StartupError
from ananta.model import SpanBatch

from .servers import (
    HANG_UP,
    SILENCE,
    HttpServer,
    answer,
    batch,
    http_exporter,
    http_server,
    names_in,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    async with http_server() as running:
        yield running


OPEN: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "zlib": zlib.decompress,
    "deflate": zlib.decompress,
    "lz4": lz4.frame.decompress,
}


async def test_a_batch_arrives_as_protobuf(server: HttpServer) -> None:
    async with http_exporter(endpoint=server.url, compression="none") as exporter:
        await exporter.consume(SpanBatch.concat([batch("a"), batch("b", "c")]))
    [request] = server.requests
    assert request.line == "POST /v1/traces HTTP/1.1"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["user-agent"].startswith("ananta/")
    assert "content-encoding" not in request.headers
    assert names_in(ExportTraceServiceRequest.FromString(request.body)) == ["a", "b", "c"]


async def test_a_batch_arrives_as_json(server: HttpServer) -> None:
    server.answers = [answer(200, b'{"partialSuccess":{}}', content_type="application/json")]
    async with http_exporter(endpoint=server.url, encoding="json") as exporter:
        await exporter.consume(batch("a"))
    [request] = server.requests
    assert request.headers["content-type"] == "application/json"
    spans = json.loads(gzip.decompress(request.body))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert spans == [{"traceId": "74" * 16, "spanId": "73" * 8, "name": "a"}]


@pytest.mark.parametrize("compression", OPEN)
async def test_bodies_are_compressed(server: HttpServer, compression: str) -> None:
    sent = batch("a", attribute="x" * 100_000)
    async with http_exporter(endpoint=server.url, compression=compression) as exporter:
        await exporter.consume(sent)
    [request] = server.requests
    assert request.headers["content-encoding"] == compression
    assert len(request.body) < 5000
    assert OPEN[compression](request.body) == sent.to_otlp()


async def test_the_level_of_compression_can_be_set(server: HttpServer) -> None:
    sent = SpanBatch.concat([batch(f"span {number}") for number in range(1000)])
    for level in (1, 9):
        parameters = {"level": level}
        async with http_exporter(endpoint=server.url, compression_params=parameters) as exporter:
            await exporter.consume(sent)
    assert len(server.requests[1].body) < len(server.requests[0].body)


async def test_headers_are_sent_and_the_whole_url_is_used(server: HttpServer) -> None:
    url = f"{server.url}/ingest?tenant=7"
    async with http_exporter(traces_endpoint=url, headers={"X-Team": "blue"}) as exporter:
        await exporter.consume(batch())
    assert server.requests[0].line == "POST /ingest?tenant=7 HTTP/1.1"
    assert server.requests[0].headers["x-team"] == "blue"


async def test_a_connection_is_used_again(server: HttpServer) -> None:
    async with http_exporter(endpoint=server.url) as exporter:
        for _ in range(5):
            await exporter.consume(batch())
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_keep_alive_can_be_turned_off(server: HttpServer) -> None:
    async with http_exporter(endpoint=server.url, disable_keep_alives=True) as exporter:
        for _ in range(3):
            await exporter.consume(batch())
    assert server.connections == 3


async def test_connections_can_be_limited(server: HttpServer) -> None:
    async with http_exporter(endpoint=server.url, max_conns_per_host=2) as exporter:
        await asyncio.gather(*(exporter.consume(batch()) for _ in range(20)))
    assert len(server.requests) == 20
    assert server.most_at_once <= 2


async def failure(server: HttpServer, **config: Any) -> DeliveryError:
    async with http_exporter(endpoint=server.url, **config) as exporter:
        with pytest.raises(DeliveryError) as caught:
            await exporter.consume(batch())
    return caught.value


@pytest.mark.parametrize(
    ("status", "retryable", "grpc_status"),
    [
        (400, False, 3),
        (401, False, 16),
        (403, False, 7),
        (404, False, 12),
        (413, False, 2),
        (429, True, 8),
        (500, False, 2),
        (502, True, 14),
        (503, True, 14),
        (504, True, 14),
        (505, False, 2),
        (301, False, 2),
    ],
)
async def test_every_status_is_of_its_class(
    server: HttpServer, status: int, retryable: bool, grpc_status: int
) -> None:
    server.answers = [answer(status, Status(code=1, message="told why").SerializeToString())]
    error = await failure(server)
    assert type(error) is (RetryableError if retryable else PermanentError)
    assert error.grpc_status == grpc_status
    assert f"/v1/traces answered {status}" in str(error)
    assert str(error).endswith(": told why")


async def test_a_reason_in_json_is_read(server: HttpServer) -> None:
    body = b'{"code": 3, "message": "no such field"}'
    server.answers = [answer(400, body, content_type="application/json")]
    assert str(await failure(server)).endswith("400 Bad Request: no such field")


async def test_a_reason_that_is_a_web_page_does_no_harm(server: HttpServer) -> None:
    server.answers = [answer(502, b"<html>" * 100_000, content_type="text/html")]
    error = await failure(server)
    assert isinstance(error, RetryableError)
    assert str(error).endswith("answered 502 Bad Gateway")


@pytest.mark.parametrize(
    ("status", "header", "low", "high"),
    [
        (503, "7", 7, 7),
        (429, "0", 0, 0),
        (503, timedelta(hours=3), 3600, 10800),
        (503, timedelta(hours=-1), 0, 0),
    ],
)
async def test_retry_after_is_obeyed(
    server: HttpServer, status: int, header: str | timedelta, low: float, high: float
) -> None:
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header, usegmt=True)
    server.answers = [answer(status, retry_after=header)]
    error = await failure(server)
    assert isinstance(error, RetryableError)
    assert error.retry_after_seconds is not None
    assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize(("status", "header"), [(503, "soon"), (502, "7")])
async def test_retry_after_that_says_nothing_is_none(
    server: HttpServer, status: int, header: str
) -> None:
    server.answers = [answer(status, retry_after=header)]
    error = await failure(server)
    assert isinstance(error, RetryableError)
    assert error.retry_after_seconds is None


@pytest.mark.parametrize("form", ["protobuf", "json"])
async def test_a_partial_success_is_a_warning(
    server: HttpServer, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    message = ExportTraceServiceResponse()
    message.partial_success.rejected_spans = 2
    message.partial_success.error_message = "too old"
    if form == "json":
        body = b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'
        server.answers = [answer(200, body, content_type="application/json")]
    else:
        server.answers = [answer(200, message.SerializeToString())]
    async with http_exporter(endpoint=server.url) as exporter:
        await exporter.consume(batch("a", "b", "c"))
    assert "accepted the batch but rejected 2 spans: too old" in caplog.text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"<html>hello</html>", "text/html"), (b"{", "application/json"), (b"[]", "application/json")],
)
async def test_a_success_that_is_no_otlp_is_permanent(
    server: HttpServer, body: bytes, content_type: str
) -> None:
    server.answers = [answer(200, body, content_type=content_type)]
    error = await failure(server)
    assert isinstance(error, PermanentError)
    assert "no OTLP response" in str(error)


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_success_without_a_body_is_one(server: HttpServer, status: int) -> None:
    server.answers = [answer(status)]
    async with http_exporter(endpoint=server.url) as exporter:
        await exporter.consume(batch())


async def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with http_exporter(endpoint=url) as exporter:
        with pytest.raises(RetryableError, match=f"^{url}/v1/traces: .*[Cc]onnection refused"):
            await exporter.consume(batch())


async def test_an_error_names_the_url_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    async with http_exporter(endpoint=f"http://me:sesame@{address}/in") as exporter:
        with pytest.raises(RetryableError) as failed:
            await exporter.consume(batch())
    assert str(failed.value).startswith(f"http://me:[REDACTED]@{address}/in/v1/traces: ")


async def test_a_server_that_hangs_up_is_worth_another_try(server: HttpServer) -> None:
    server.answers = [HANG_UP]
    assert isinstance(await failure(server), RetryableError)


async def test_a_server_that_does_not_answer_is_given_up(server: HttpServer) -> None:
    server.answers = [SILENCE]
    error = await failure(server, timeout="200ms")
    assert isinstance(error, RetryableError)
    assert str(error).endswith("did not answer within 0.2 s")


async def test_tls_and_mutual_tls() -> None:
    ca, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = ca.issue_cert("client@example.test")
    identity = {
        "cert_pem": client.cert_chain_pems[0].bytes().decode(),
        "key_pem": client.private_key_pem.bytes().decode(),
    }
    trust = {"ca_pem": ca.cert_pem.bytes().decode()}
    async with http_server(context) as server:
        for tls in (
            {**identity, **trust},
            {**identity, **trust, "include_system_ca_certs_pool": True},
            {**identity, "insecure_skip_verify": True},
        ):
            async with http_exporter(endpoint=server.url, tls=tls) as exporter:
                await exporter.consume(batch())
        for tls in (
            {**identity, "ca_pem": stranger.cert_pem.bytes().decode()},
            {**identity, **trust, "server_name_override": "elsewhere"},
            trust,
        ):
            async with http_exporter(endpoint=server.url, tls=tls) as exporter:
                with pytest.raises(RetryableError):
                    await exporter.consume(batch())
        assert len(server.requests) == 3


async def test_a_proxy_is_asked_for_the_whole_url(server: HttpServer) -> None:
    proxy = server.url.replace("http://", "http://user:secret@")
    async with http_exporter(endpoint="http://collector.test:4318", proxy_url=proxy) as exporter:
        await exporter.consume(batch())
    [request] = server.requests
    assert request.line == "POST http://collector.test:4318/v1/traces HTTP/1.1"
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="


async def test_a_proxy_tunnels_https(server: HttpServer) -> None:
    server.answers = [answer(403)]
    async with http_exporter(
        endpoint="https://collector.test:4318", proxy_url=server.url
    ) as exporter:
        with pytest.raises(RetryableError, match="tunnel"):
            await exporter.consume(batch())
    assert server.requests[0].line == "CONNECT collector.test:4318 HTTP/1.1"


async def test_the_proxy_of_the_environment_is_used(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "direct.test")
    async with http_exporter(endpoint="http://collector.test:4318") as exporter:
        await exporter.consume(batch())
    async with http_exporter(endpoint=server.url) as exporter:  # this machine: never by proxy
        await exporter.consume(batch())
    lines = [request.line for request in server.requests]
    assert lines == [
        "POST http://collector.test:4318/v1/traces HTTP/1.1",
        "POST /v1/traces HTTP/1.1",
    ]


async def test_a_proxy_that_is_not_spoken_to_by_http_is_a_startup_error() -> None:
    with pytest.raises(
        StartupError, match=r"^exporters::otlp_http::proxy_url: a proxy spoken to by"
    ):
        async with http_exporter(endpoint="http://a.test", proxy_url="socks5://b.test:1080"):
            pass


async def test_settings_without_effect_are_said_so(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with http_exporter(endpoint=server.url, cookies={"enabled": True}) as exporter:
        await exporter.consume(batch())
    assert "cookies has no effect" in caplog.text
