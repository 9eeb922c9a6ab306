"""Group commit: what arrives together is worked on together, and everyone gets an answer."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import grpc.aio
import httpx
import pytest

from ananta.errors import RetryableError
from ananta.receivers import otlp

from .door import EXPORT, PROTOBUF, Door, open_door, request, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as running:
        yield running


async def post(door: Door, body: bytes) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as client:
        url = f"{door.http}/v1/traces"
        return await client.post(url, content=body, headers={"content-type": PROTOBUF})


async def call(channel: grpc.aio.Channel, name: str) -> bytes:
    answer: bytes = await channel.unary_unary(EXPORT)(request(name), timeout=20)
    return answer


def occupy(door: Door) -> asyncio.Event:
    """Make the pipeline hold every batch until the event returned is set."""
    door.sink.gate = asyncio.Event()
    return door.sink.gate


async def test_a_refusal_reaches_every_sender_of_the_group(door: Door) -> None:
    door.sink.error = RetryableError("sending queue is full", retry_after_seconds=2)
    async with grpc.aio.insecure_channel(door.grpc) as channel:
        answers = await asyncio.gather(
            *(call(channel, f"{number}") for number in range(20)),
            *(post(door, request(f"{number}")) for number in range(20)),
            return_exceptions=True,
        )
    for answer in answers[:20]:
        assert isinstance(answer, grpc.aio.AioRpcError)
        assert answer.code() is grpc.StatusCode.UNAVAILABLE
    for response in answers[20:]:
        assert isinstance(response, httpx.Response)
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")


async def test_a_malformed_request_is_refused_alone(door: Door) -> None:
    gate = occupy(door)
    first = asyncio.create_task(post(door, request("first")))
    await door.sink.arrived.wait()
    good = [asyncio.create_task(post(door, request("good"))) for _ in range(5)]
    bad = await post(door, request("bad")[:-1])
    assert bad.status_code == 400  # while all others still wait
    gate.set()
    assert [(await answer).status_code for answer in [first, *good]] == [200] * 6


async def test_a_slow_batch_does_not_hold_up_the_next(door: Door) -> None:
    gate = occupy(door)
    slow = asyncio.create_task(post(door, request("slow")))
    await door.sink.arrived.wait()
    door.sink.gate = None
    assert (await post(door, request("quick"))).status_code == 200
    gate.set()
    assert (await slow).status_code == 200
    assert door.sink.names == ["slow", "quick"]


async def test_batches_under_way_are_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MAX_GROUPS_IN_FLIGHT", 2)
    gate = occupy(door)
    sent = []
    for number in range(2):
        sent.append(asyncio.create_task(post(door, request(f"{number}"))))
        await door.sink.arrived.wait()
        door.sink.arrived.clear()
    sent += [asyncio.create_task(post(door, request("later"))) for _ in range(3)]
    await until(lambda: door.waiting == 3)
    assert len(door.sink.batches) == 2
    gate.set()
    assert [(await answer).status_code for answer in sent] == [200] * 5
    assert sorted(door.sink.names) == ["0", "1", "later", "later", "later"]


def listens(address: tuple[str, int]) -> bool:
    with socket.socket() as client:
        return client.connect_ex(address) == 0


async def test_shutdown_answers_what_is_under_way(door: Door) -> None:
    gate = occupy(door)
    async with grpc.aio.insecure_channel(door.grpc) as channel:
        calls = [
            asyncio.create_task(call(channel, "grpc")),
            asyncio.create_task(post(door, request("http"))),
        ]
        await until(lambda: len(door.sink.names) == 2)
        stopping = asyncio.create_task(door.receiver.shutdown())
        await until(lambda: not listens(door.http_address))
        gate.set()
        assert await calls[0] == b"\x0a\x00"
        answer = await calls[1]
        assert isinstance(answer, httpx.Response)
        assert answer.status_code == 200
        await stopping
    assert door.connections == 0


async def test_shutdown_does_not_wait_for_ever(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(otlp, "SHUTDOWN_SECONDS", 0.2)
    occupy(door)
    hanging = asyncio.create_task(post(door, request("a")))
    await door.sink.arrived.wait()
    await door.receiver.shutdown()
    assert "1 connections were still busy after 0.2 s" in caplog.text
    [answer] = await asyncio.gather(hanging, return_exceptions=True)
    # The connection ends; the answer may still have made it out.
    assert isinstance(answer, httpx.Response | httpx.RemoteProtocolError)
    assert isinstance(answer, httpx.RemoteProtocolError) or answer.status_code == 503
    assert (door.connections, door.pending_bytes) == (0, 0)


async def test_shutdown_ends_idle_connections(door: Door) -> None:
    async with (
        grpc.aio.insecure_channel(door.grpc) as channel,
        httpx.AsyncClient() as client,
    ):
        await call(channel, "a")
        url = f"{door.http}/v1/traces"
        await client.post(url, content=request("b"), headers={"content-type": PROTOBUF})
        assert door.connections == 2
        await door.receiver.shutdown()
        assert door.connections == 0


async def test_received_spans_are_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(otlp, "REPORT_SECONDS", 0.05)
    async with open_door() as door:
        await post(door, request("a", "b"))
        await until(lambda: "Spans received: 2" in caplog.text)
        await post(door, request("c"))
        await until(lambda: "Spans received: 1, 3 in all" in caplog.text)
    assert caplog.text.count("Spans received") == 2
