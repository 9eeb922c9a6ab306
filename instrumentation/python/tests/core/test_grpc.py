"""Our gRPC against servers of grpcio: connections that end, proxies, bad answers."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import grpc
import pytest
import trustme

from ananta_tracing.delivery import Outcome, Verdict
from ananta_tracing.grpc_sender import GrpcSender
from ananta_tracing.http2 import Response
from ananta_tracing.settings import resolve_settings

from .conftest import wait_until
from .serving import QuietHandler, serving
from .sink import Sink, partial_success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def sender_to(port: int, scheme: str = "http", **environ: str) -> GrpcSender:
    arguments = {"otlp_endpoint": f"{scheme}://localhost:{port}", "protocol": "grpc"}
    return GrpcSender(resolve_settings(arguments, environ))


@contextmanager
def serving_grpc(
    export: Callable[[bytes], bytes],
    credentials: grpc.ServerCredentials | None = None,
    **options: int,
) -> Iterator[tuple[int, grpc.Server]]:
    """A server with options of grpcio, without the `grpc.` before their names."""
    handler = grpc.unary_unary_rpc_method_handler(lambda data, _: export(data))
    server = grpc.server(
        ThreadPoolExecutor(2), options=[(f"grpc.{name}", value) for name, value in options.items()]
    )
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "opentelemetry.proto.collector.trace.v1.TraceService", {"Export": handler}
            ),
        )
    )
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port, server
    finally:
        server.stop(0).wait()


def issue_credentials() -> tuple[trustme.CA, grpc.ServerCredentials]:
    """Those of a server called localhost, and the authority that vouches for it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return authority, grpc.ssl_server_credentials([(issued.private_key_pem.bytes(), chain)])


def send(sender: GrpcSender, payload: bytes = b"spans", timeout_seconds: float = 10) -> Outcome:
    return sender.send(payload, timeout_seconds, timeout_seconds)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_connection_serves_many_calls(scheme: str, tmp_path: Path) -> None:
    authority, credentials = issue_credentials()
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    received: list[bytes] = []
    with serving_grpc(
        lambda data: received.append(data) or b"", credentials if scheme == "https" else None
    ) as (port, _):
        sender = sender_to(port, scheme, OTEL_EXPORTER_OTLP_CERTIFICATE=str(trusted))
        kept = []
        for number in range(3):
            assert send(sender, bytes([number])).verdict is Verdict.DELIVERED
            kept.append(sender._http2)
        sender.close()
    assert received == [b"\0", b"\1", b"\2"]
    assert len(set(kept)) == 1


def test_a_connection_closed_meanwhile_is_opened_again_unnoticed() -> None:
    received: list[bytes] = []
    with serving_grpc(lambda data: received.append(data) or b"", max_connection_idle_ms=50) as (
        port,
        _,
    ):
        sender = sender_to(port)
        assert send(sender).verdict is Verdict.DELIVERED
        first = sender._http2
        assert first is not None
        wait_until(lambda: not first.is_usable())
        assert send(sender).verdict is Verdict.DELIVERED
        assert sender._http2 is not first
        sender.close()
    assert received == [b"spans"] * 2


def test_a_server_that_is_told_to_stop_still_answers_what_it_has_begun() -> None:
    received: list[bytes] = []
    begun, stopping = threading.Event(), threading.Event()

    def export(data: bytes) -> bytes:
        received.append(data)
        begun.set()
        stopping.wait()
        time.sleep(0.3)  # for what tells the client of the end to come before the answer
        return b""

    with serving_grpc(export) as (port, server), ThreadPoolExecutor(1) as pool:
        sender = sender_to(port)
        outcome = pool.submit(send, sender)
        begun.wait()
        server.stop(20)
        stopping.set()
        assert outcome.result().verdict is Verdict.DELIVERED
        assert send(sender).verdict is Verdict.UNREACHABLE
    assert received == [b"spans"]


def test_a_request_waits_for_the_room_the_server_gives() -> None:
    received: list[bytes] = []
    payload = bytes(range(256)) * 12_000
    with serving_grpc(
        lambda data: received.append(data) or b"", **{"http2.lookahead_bytes": 16_384}
    ) as (port, _):
        sender = sender_to(port)
        for _ in range(3):
            assert send(sender, payload).verdict is Verdict.DELIVERED
        sender.close()
    assert received == [payload] * 3


def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    released = threading.Event()

    def export(_: bytes) -> bytes:
        released.wait()
        return b""

    with serving_grpc(export) as (port, _):
        sender = sender_to(port)
        outcome = send(sender, timeout_seconds=0.3)
        released.set()
        assert outcome.verdict is not Verdict.DELIVERED
        assert send(sender).verdict is Verdict.DELIVERED
        sender.close()


def test_a_certificate_nobody_vouches_for_is_refused_with_advice() -> None:
    _, credentials = issue_credentials()
    with serving_grpc(lambda _: b"", credentials) as (port, _):
        outcome = send(sender_to(port, "https"))
        assert outcome.verdict is Verdict.REFUSED
        assert "set OTEL_EXPORTER_OTLP_CERTIFICATE" in outcome.message
        outcome = send(sender_to(port))
        assert outcome.verdict is Verdict.UNREACHABLE
        assert "for TLS write https://" in outcome.message


def test_a_tunnel_through_a_proxy(grpc_server: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Proxy(QuietHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            with socket.create_connection(("127.0.0.1", grpc_server.port)) as onward:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(onward, self.connection))
                back.start()
                _pump(self.connection, onward)
                back.join()
            self.close_connection = True

    with serving(Proxy) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        settings = resolve_settings(
            {"otlp_endpoint": "http://collector.example:4317", "protocol": "grpc"}, {}
        )
        sender = GrpcSender(settings)
        assert send(sender, b"").verdict is Verdict.DELIVERED
        sender.close()
    assert asked == ["collector.example:4317"]
    assert len(grpc_server.requests) == 1


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # either side may be gone first
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_headers_that_http2_does_not_have_are_told(grpc_server: Sink) -> None:
    sender = sender_to(grpc_server.port, OTEL_EXPORTER_OTLP_HEADERS=":tenant=acme")
    outcome = send(sender)
    assert outcome.verdict is Verdict.REFUSED
    assert "check OTEL_EXPORTER_OTLP_HEADERS" in outcome.message


@pytest.mark.parametrize(
    ("headers", "verdict", "told"),
    [
        ({":status": "503"}, Verdict.BUSY, "answered UNAVAILABLE"),
        ({":status": "403"}, Verdict.REFUSED, "the credentials do not allow it"),
        ({":status": "404"}, Verdict.REFUSED, "is it an OTLP endpoint?"),
        ({":status": "200", "content-type": "text/html"}, Verdict.UNREACHABLE, "http/protobuf"),
        ({":status": "200", "grpc-status": "7"}, Verdict.REFUSED, "PERMISSION_DENIED"),
        ({":status": "200", "grpc-status": "99"}, Verdict.REFUSED, "UNKNOWN"),
        ({":status": "200", "grpc-status": "x"}, Verdict.REFUSED, "UNKNOWN"),
        (
            {":status": "200", "grpc-status": "14", "grpc-message": "not%20now%20%e2%80%a6"},
            Verdict.BUSY,
            "not now …",
        ),
        (
            {":status": "200", "grpc-status": "8", "grpc-status-details-bin": "?"},
            Verdict.REFUSED,
            "RESOURCE_EXHAUSTED",
        ),
    ],
)
def test_what_answers_mean(headers, verdict, told) -> None:
    outcome = sender_to(4317)._judge(Response(headers, b""))
    assert outcome.verdict is verdict
    assert told in outcome.message


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        (b"", 0),
        (b"\0\0\0\0\0", 0),
        (b"\0\0\0\0\x02" + partial_success(7, "no")[:1], 0),
        (b"\0" + len(partial_success(7, "no")).to_bytes(4, "big") + partial_success(7, "no"), 7),
        (
            b"\1"
            + len(gzip.compress(partial_success(7, "no"), mtime=0)).to_bytes(4, "big")
            + gzip.compress(partial_success(7, "no"), mtime=0),
            7,
        ),
        (b"\1\0\0\0\x03abc", 0),
    ],
)
def test_the_message_of_an_answer(body, rejected) -> None:
    outcome = sender_to(4317)._judge(Response({":status": "200", "grpc-status": "0"}, body))
    assert (outcome.verdict, outcome.rejected_spans) == (Verdict.DELIVERED, rejected)
