"""OTLP over gRPC: calls, limits and errors as a real gRPC client sees them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc.aio
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ananta.errors import PermanentError, RetryableError

from .door import EXPORT, Door, open_door, request
from .messages import RetryInfo, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

UNLIMITED = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door(http=None) as running:
        yield running


@asynccontextmanager
async def connect(door: Door) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(door.grpc, options=UNLIMITED) as channel:
        yield channel


async def export(door: Door, body: bytes, path: str = EXPORT, **options: Any) -> bytes:
    async with connect(door) as channel:
        answer: bytes = await channel.unary_unary(path)(body, timeout=20, **options)
        return answer


async def refused(door: Door, body: bytes, **options: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await export(door, body, **options)
    return caught.value


async def test_a_call_is_accepted(door: Door) -> None:
    answer = await export(door, request("a", "b"))
    assert answer == b"\x0a\x00"
    assert not ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    assert door.sink.names == ["a", "b"]
    assert door.spans("grpc", "accepted") == 2


@pytest.mark.parametrize("body", [b"", b"\x0a\x00"])
async def test_a_call_without_spans_succeeds_without_the_pipeline(door: Door, body: bytes) -> None:
    assert await export(door, body) == b"\x0a\x00"
    assert door.sink.batches == []


async def test_gzip_is_taken(door: Door) -> None:
    body = request("a", attribute="x" * 5000)
    assert await export(door, body, compression=grpc.Compression.Gzip) == b"\x0a\x00"
    assert door.sink.batches[0].nbytes == len(body)


async def test_a_coding_that_is_not_installed_is_unimplemented(door: Door) -> None:
    body = request("a", attribute="x" * 5000)
    error = await refused(door, body, compression=grpc.Compression.Deflate)
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert error.details() == 'grpc: Decompressor is not installed for grpc-encoding "deflate"'


@pytest.mark.parametrize(
    ("path", "details"),
    [
        (
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            "unknown service opentelemetry.proto.collector.metrics.v1.MetricsService",
        ),
        (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
            "unknown method Import for service opentelemetry.proto.collector.trace.v1.TraceService",
        ),
    ],
)
async def test_other_methods_are_unimplemented(door: Door, path: str, details: str) -> None:
    error = await refused(door, b"", path=path)
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert (error.details() or "").startswith(details)


async def test_a_malformed_message_names_field_and_offset(door: Door) -> None:
    error = await refused(door, request("a")[:-1])
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "resource_spans" in (error.details() or "")
    assert "at byte" in (error.details() or "")
    assert door.requests("grpc", "malformed") == 1
    assert door.sink.batches == []


async def test_a_message_over_the_limit_is_refused_with_the_setting(door: Door) -> None:
    body = request("a", attribute="x" * (4 * 2**20))
    error = await refused(door, body)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"grpc: received message larger than max ({len(body)} vs. 4194304)" in (
        error.details() or ""
    )
    assert "max_recv_msg_size_mib" in (error.details() or "")
    assert retry_info(error) is None


async def test_a_message_over_the_limit_after_decompression_is_refused(door: Door) -> None:
    body = request("a", attribute="x" * (5 * 2**20))
    error = await refused(door, body, compression=grpc.Compression.Gzip)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc: received message after decompression larger than max (" in (error.details() or "")
    assert "vs. 4194304)" in (error.details() or "")


async def test_the_limit_can_be_raised() -> None:
    async with open_door(grpc={"max_recv_msg_size_mib": 8}, http=None) as door:
        body = request("a", attribute="x" * (6 * 2**20))
        assert await export(door, body) == b"\x0a\x00"
        assert await export(door, body, compression=grpc.Compression.Gzip) == b"\x0a\x00"
        assert [batch.nbytes for batch in door.sink.batches] == [len(body)] * 2


def retry_info(error: grpc.aio.AioRpcError) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = Status.FromString(value)
            assert status.code == error.code().value[0]
            assert status.message == error.details()
            info = RetryInfo()
            assert status.details[0].Unpack(info)
            return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return None


@pytest.mark.parametrize(
    ("raised", "code", "details", "delay"),
    [
        (RetryableError("sending queue is full"), 14, "sending queue is full", None),
        (RetryableError("später 100%", retry_after_seconds=1.5), 14, "später 100%", 1.5),
        (RetryableError("x", grpc_status=8, retry_after_seconds=7), 8, "x", 7),
        (PermanentError("bad"), 13, "Permanent error: bad", None),
        (PermanentError("x", grpc_status=16), 16, "x", None),
    ],
)
async def test_an_error_of_the_pipeline_becomes_a_status(
    door: Door, raised: Exception, code: int, details: str, delay: float | None
) -> None:
    door.sink.error = raised
    error = await refused(door, request("a", "b"))
    assert (error.code().value[0], error.details()) == (code, details)
    assert retry_info(error) == delay
    assert door.spans("grpc", "refused") == 2


async def test_a_call_past_its_deadline_leaves_nothing_behind(door: Door) -> None:
    door.sink.gate = asyncio.Event()
    async with connect(door) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(EXPORT)(request("late"), timeout=0.1)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        # Its spans are processed all the same, and the connection serves the next call.
        assert door.sink.names == ["late"]
        door.sink.gate.set()
        assert await channel.unary_unary(EXPORT)(request("next"), timeout=20) == b"\x0a\x00"
    assert door.pending_bytes == 0


async def test_a_cancelled_call_leaves_nothing_behind(door: Door) -> None:
    door.sink.gate = asyncio.Event()
    async with connect(door) as channel:
        call = channel.unary_unary(EXPORT)(request("a"))
        await door.sink.arrived.wait()
        call.cancel()
        door.sink.gate.set()
        assert await channel.unary_unary(EXPORT)(request("b"), timeout=20) == b"\x0a\x00"
    assert door.sink.names == ["a", "b"]
    assert door.pending_bytes == 0


async def test_calls_beyond_the_streams_of_a_connection_wait_their_turn() -> None:
    async with open_door(grpc={"max_concurrent_streams": 2}, http=None) as door:
        async with connect(door) as channel:
            calls = [channel.unary_unary(EXPORT)(request(f"{n}"), timeout=20) for n in range(20)]
            assert [await call for call in calls] == [b"\x0a\x00"] * 20
        assert sorted(door.sink.names, key=int) == [f"{n}" for n in range(20)]


async def test_http_1_on_the_grpc_port_is_told_where_to_go(door: Door) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://{door.grpc}/v1/traces", content=request("a"))
    assert answer.status_code == 400
    assert "send OTLP/HTTP to the endpoint of protocols.http" in answer.text


async def test_a_door_on_a_unix_socket_is_served(tmp_path: Any) -> None:
    path = tmp_path / "door.sock"
    section = {"transport": "unix", "endpoint": str(path)}
    async with open_door(grpc=section, http=None) as door:
        assert door.grpc == str(path)
        # grpcio would name the path as the authority, which HTTP/2 does not allow.
        options = [("grpc.default_authority", "localhost")]
        async with grpc.aio.insecure_channel(f"unix:{path}", options=options) as channel:
            assert await channel.unary_unary(EXPORT)(request("a"), timeout=20) == b"\x0a\x00"
    assert not path.exists()
