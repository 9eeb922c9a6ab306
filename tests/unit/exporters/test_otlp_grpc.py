"""The exporter `otlp_grpc` against a real gRPC server."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest
import trustme
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from ananta.errors import DeliveryError, PermanentError, RetryableError, StartupError
from ananta.model import SpanBatch

from .servers import GrpcServer, batch, grpc_exporter, grpc_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path


@pytest.fixture
async def server() -> AsyncIterator[GrpcServer]:
    async with grpc_server() as running:
        yield running


@pytest.mark.parametrize("compression", ["none", "", "gzip"])
async def test_a_batch_arrives(server: GrpcServer, compression: str) -> None:
    async with grpc_exporter(server.address, compression=compression) as exporter:
        await exporter.consume(batch("a", "b", attribute="x" * 10_000))
        await exporter.consume(SpanBatch.concat([batch("c"), batch("d"), batch("e")]))
        await exporter.consume(batch("f", "g").filter([False, True]))
    assert server.names == ["a", "b", "c", "d", "e", "g"]
    assert server.metadata["user-agent"].startswith("ananta/")


async def test_many_batches_share_one_connection(server: GrpcServer) -> None:
    async with grpc_exporter(server.address) as exporter:
        await asyncio.gather(*(exporter.consume(batch(f"{number}")) for number in range(100)))
    assert sorted(server.names, key=int) == [f"{number}" for number in range(100)]


async def test_headers_and_the_deadline_are_sent(server: GrpcServer) -> None:
    config: dict[str, Any] = {"headers": {"X-Team": "blue"}, "timeout": "30s", "user_agent": "me"}
    async with grpc_exporter(server.address, **config) as exporter:
        await exporter.consume(batch())
    assert server.metadata["x-team"] == "blue"
    assert server.metadata["user-agent"] == "me"
    assert server.remaining_seconds is not None
    assert 0 < server.remaining_seconds <= 30


def abort(
    code: grpc.StatusCode, text: str
) -> Callable[[grpc.aio.ServicerContext], Awaitable[None]]:
    async def fail(context: grpc.aio.ServicerContext) -> None:
        await context.abort(code, text)

    return fail


async def failure(server: GrpcServer, **config: Any) -> DeliveryError:
    async with grpc_exporter(server.address, **config) as exporter:
        with pytest.raises(DeliveryError) as caught:
            await exporter.consume(batch())
    return caught.value


@pytest.mark.parametrize("code", list(grpc.StatusCode)[1:])
async def test_every_status_is_of_its_class(server: GrpcServer, code: grpc.StatusCode) -> None:
    server.fail = abort(code, "später 100%")
    error = await failure(server)
    number: int = code.value[0]
    assert isinstance(error, RetryableError) == (number in {1, 4, 10, 11, 14, 15})
    assert error.grpc_status == number
    assert str(error) == "später 100%"


def throttle(code: grpc.StatusCode) -> Callable[[grpc.aio.ServicerContext], Awaitable[None]]:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(1500)
    detail = AnyMessage()
    detail.Pack(info)
    status = Status(code=code.value[0], message="slow down", details=[detail])

    async def fail(context: grpc.aio.ServicerContext) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        await context.abort(code, "slow down")

    return fail


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE])
async def test_a_server_that_throttles_is_obeyed(server: GrpcServer, code: grpc.StatusCode) -> None:
    server.fail = throttle(code)
    error = await failure(server)
    assert isinstance(error, RetryableError)
    assert error.retry_after_seconds == 1.5
    assert error.grpc_status == code.value[0]


async def test_a_partial_success_is_a_warning(
    server: GrpcServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer.partial_success.rejected_spans = 2
    server.answer.partial_success.error_message = "too old"
    async with grpc_exporter(server.address) as exporter:
        await exporter.consume(batch("a", "b", "c"))
    assert "accepted the batch but rejected 2 spans: too old" in caplog.text


async def test_a_warning_without_rejected_spans_is_logged(
    server: GrpcServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer.partial_success.error_message = "use a newer schema"
    async with grpc_exporter(server.address) as exporter:
        await exporter.consume(batch("a"))
    assert "use a newer schema" in caplog.text


async def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    async with grpc_exporter(address) as exporter:
        with pytest.raises(RetryableError, match=f"^{address}: .*[Cc]onnection refused") as caught:
            await exporter.consume(batch())
        assert caught.value.grpc_status == 14
        async with grpc_server(address) as server:
            await exporter.consume(batch("later"))
            assert server.names == ["later"]


async def test_a_name_without_address_is_worth_another_try() -> None:
    async with grpc_exporter("no-such-host.invalid:4317") as exporter:
        with pytest.raises(RetryableError, match=r"^no-such-host\.invalid:4317: "):
            await exporter.consume(batch())


async def test_waiting_for_ready_waits_for_the_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    async with grpc_exporter(address, wait_for_ready=True, timeout="30s") as exporter:
        sending = asyncio.create_task(exporter.consume(batch("patient")))
        done, _ = await asyncio.wait([sending], timeout=0.3)
        assert not done
        async with grpc_server(address) as server:
            await sending
            assert server.names == ["patient"]


async def hang(context: grpc.aio.ServicerContext) -> None:
    await asyncio.Event().wait()


async def test_a_server_that_does_not_answer_is_given_up(server: GrpcServer) -> None:
    server.fail = hang
    error = await failure(server, timeout="200ms")
    assert isinstance(error, RetryableError)
    assert error.grpc_status == 4
    assert str(error).endswith("did not answer within 0.2 s")


async def test_a_server_that_restarts_is_found_again() -> None:
    async with grpc_server() as first:
        address = first.address
        exporter_of = grpc_exporter(address)
        exporter = await exporter_of.__aenter__()
        await exporter.consume(batch("a"))
    async with grpc_server(address) as second:
        for _ in range(3):  # the broken connection may cost an attempt
            try:
                await exporter.consume(batch("b"))
                break
            except RetryableError:
                continue
        assert second.names == ["b"]
    await exporter_of.__aexit__(None, None, None)


async def test_an_address_that_refuses_is_passed_over(server: GrpcServer) -> None:
    # localhost may also be ::1, where nobody listens.
    async with grpc_exporter(f"localhost:{server.address.rsplit(':', 1)[1]}") as exporter:
        for number in range(6):
            await exporter.consume(batch(f"{number}"))
    assert len(server.names) == 6


async def test_a_port_that_speaks_no_grpc_is_said_so() -> None:
    async def not_grpc(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(not_grpc, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with grpc_exporter(f"127.0.0.1:{port}") as exporter:
            with pytest.raises(RetryableError, match=r"^127\.0\.0\.1:"):
                await exporter.consume(batch())


async def test_tls_and_mutual_tls(tmp_path: Path) -> None:
    ca, stranger = trustme.CA(), trustme.CA()
    certificate = ca.issue_cert("localhost", "127.0.0.1")
    chain = certificate.cert_chain_pems[0].bytes()
    key = certificate.private_key_pem.bytes()
    root = ca.cert_pem.bytes()
    credentials = grpc.ssl_server_credentials([(key, chain)], root, require_client_auth=True)
    (tmp_path / "ca.pem").write_bytes(root)
    (tmp_path / "cert.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    identity = {"cert_file": str(tmp_path / "cert.pem"), "key_file": str(tmp_path / "key.pem")}
    trust = {"ca_file": str(tmp_path / "ca.pem")}
    async with grpc_server(credentials=credentials) as server:
        for tls in (
            {**identity, **trust},
            {**identity, "insecure_skip_verify": True},
            {**identity, **trust, "server_name_override": "localhost"},
            {"cert_pem": chain.decode(), "key_pem": key.decode(), "ca_pem": root.decode()},
        ):
            async with grpc_exporter(server.address, tls=tls) as exporter:
                await exporter.consume(batch())
        assert len(server.names) == 4
        for tls, reason in (
            ({**identity, "ca_pem": stranger.cert_pem.bytes().decode()}, "certificate"),
            ({**identity, **trust, "server_name_override": "elsewhere"}, "certificate"),
            (trust, "."),
        ):
            async with grpc_exporter(server.address, tls=tls) as exporter:
                with pytest.raises(RetryableError, match=reason):
                    await exporter.consume(batch())
        assert len(server.names) == 4


async def test_a_certificate_that_is_not_there_is_a_startup_error() -> None:
    with pytest.raises(StartupError, match=r"^exporters::otlp_grpc::tls::ca_file: /no/ca: No such"):
        async with grpc_exporter("localhost:4317", tls={"ca_file": "/no/ca"}):
            pass


async def test_a_unix_socket_is_served(tmp_path: Path) -> None:
    path = tmp_path / "grpc.sock"
    async with grpc_server(f"unix:{path}") as server:
        for endpoint in (f"unix:{path}", f"unix://{path}"):
            async with grpc_exporter(endpoint) as exporter:
                await exporter.consume(batch("a"))
        assert server.names == ["a", "a"]


async def test_shutdown_gives_up_what_is_under_way(server: GrpcServer) -> None:
    server.fail = hang
    async with grpc_exporter(server.address) as exporter:
        sending = asyncio.create_task(exporter.consume(batch()))
        await server.arrived.wait()
        await exporter.shutdown()
        with pytest.raises(RetryableError, match="shutting down"):
            await sending
        await exporter.shutdown()
        with pytest.raises(RetryableError, match="not running"):
            await exporter.consume(batch())


async def test_a_cancelled_delivery_leaves_the_exporter_in_order(server: GrpcServer) -> None:
    server.fail = hang
    async with grpc_exporter(server.address) as exporter:
        sending = asyncio.create_task(exporter.consume(batch()))
        await server.arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.fail = None
        await exporter.consume(batch("next"))
    assert server.names == ["next"]


async def test_a_message_the_server_finds_too_large_is_permanent(server: GrpcServer) -> None:
    async with grpc_exporter(server.address, compression="none") as exporter:
        with pytest.raises(PermanentError) as caught:
            await exporter.consume(batch(attribute="x" * (5 * 2**20)))
    assert caught.value.grpc_status == 8
