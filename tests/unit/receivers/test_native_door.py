"""The native door on its own: groups taken and answered by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc.aio
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ananta._native import Group, OtlpDoor
from ananta.receivers.otlp import OtlpGrpcConfig, OtlpHttpConfig, grpc_options, http_options

from .door import EXPORT, PROTOBUF, request, until
from .messages import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class HandDoor:
    """A door whose groups a test takes itself."""

    def __init__(self, max_group_bytes: int = 2**20) -> None:
        self.native = OtlpDoor(2**20, max_group_bytes)
        self.grpc = self.native.serve_grpc(grpc_options(OtlpGrpcConfig(endpoint="127.0.0.1:0")))
        self.http = self.native.serve_http(http_options(OtlpHttpConfig(endpoint="127.0.0.1:0")))

    async def post(self, body: bytes) -> httpx.Response:
        async with httpx.AsyncClient(timeout=20) as client:
            url = f"http://{self.http}/v1/traces"
            return await client.post(url, content=body, headers={"content-type": PROTOBUF})

    async def take(self) -> Group:
        """The next group, once the door's descriptor says there is one."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.native.fileno(), readable.set)
        await readable.wait()
        loop.remove_reader(self.native.fileno())
        group = self.native.take()
        assert group is not None
        return group


@asynccontextmanager
async def hand_door(max_group_bytes: int = 2**20) -> AsyncIterator[HandDoor]:
    door = HandDoor(max_group_bytes)
    yield door
    door.native.close()


def partial(body: bytes) -> tuple[int, str]:
    message = ExportTraceServiceResponse.FromString(body).partial_success
    return message.rejected_spans, message.error_message


async def test_a_hundred_small_senders_are_one_group() -> None:
    async with hand_door() as door, grpc.aio.insecure_channel(door.grpc) as channel:
        names = [f"{number:03}" for number in range(100)]
        calls = [channel.unary_unary(EXPORT)(request(name), timeout=20) for name in names]
        asked = [asyncio.ensure_future(call) for call in calls]
        await until(lambda: door.native.waiting == 100)
        group = await door.take()
        assert door.native.take() is None
        assert (group.requests, group.spans) == (100, 100)
        assert sorted(row["name"] for row in group.batch.rows()) == names
        group.accept()
        assert await asyncio.gather(*asked) == [b"\x0a\x00"] * 100
        assert door.native.requests("grpc", "accepted") == 100
        assert door.native.spans("grpc", accepted=True) == 100
        assert door.native.pending_bytes == 0


async def test_a_group_counts_its_spans_by_transport() -> None:
    async with hand_door() as door, grpc.aio.insecure_channel(door.grpc) as channel:
        call = asyncio.ensure_future(channel.unary_unary(EXPORT)(request("a", "b"), timeout=20))
        post = asyncio.create_task(door.post(request("c", "d", "e")))
        await until(lambda: door.native.waiting == 2)
        group = await door.take()
        assert (group.grpc_spans, group.http_spans) == (2, 3)
        group.refuse(14, "not now", 1.0)
        with pytest.raises(grpc.aio.AioRpcError):
            await call
        assert (await post).status_code == 503
        assert door.native.spans("http", accepted=False) == 3


async def test_a_partial_success_is_spread_over_the_senders() -> None:
    async with hand_door() as door:
        posts = [asyncio.create_task(door.post(request("a", "b"))) for _ in range(2)]
        await until(lambda: door.native.waiting == 2)
        (await door.take()).accept(3, "too old")
        answers = sorted([partial((await post).content) for post in posts])
        assert answers == [(1, "too old"), (2, "too old")]


async def test_a_group_is_answered_once() -> None:
    async with hand_door() as door:
        post = asyncio.create_task(door.post(request("a")))
        group = await door.take()
        group.accept()
        group.refuse(13, "too late")
        assert (await post).status_code == 200
        assert door.native.requests("http", "refused") == 0


async def test_a_group_that_is_dropped_tells_its_senders_to_try_again() -> None:
    async with hand_door() as door:
        post = asyncio.create_task(door.post(request("a")))
        group = await door.take()
        del group
        answer = await post
        assert answer.status_code == 503
        assert "try again" in Status.FromString(answer.content).message
        assert door.native.pending_bytes == 0


async def test_a_group_is_bounded_by_bytes() -> None:
    async with hand_door(max_group_bytes=25_000) as door:
        body = request("a", attribute="x" * 10_000)
        posts = [asyncio.create_task(door.post(body)) for _ in range(5)]
        await until(lambda: door.native.waiting == 5)
        for expected in (2, 2, 1):
            group = await door.take()
            assert group.requests == expected
            group.accept()
        assert [(await post).status_code for post in posts] == [200] * 5


async def test_one_request_may_exceed_the_bytes_of_a_group() -> None:
    async with hand_door(max_group_bytes=100) as door:
        post = asyncio.create_task(door.post(request("a", attribute="x" * 1000)))
        (await door.take()).accept()
        assert (await post).status_code == 200


async def test_closing_answers_those_who_wait() -> None:
    async with hand_door() as door:
        post = asyncio.create_task(door.post(request("a")))
        await until(lambda: door.native.waiting == 1)
        door.native.close()
        [answer] = await asyncio.gather(post, return_exceptions=True)
        # Its connection ends; the answer may still have made it out.
        assert isinstance(answer, httpx.Response | httpx.RemoteProtocolError)
        assert isinstance(answer, httpx.RemoteProtocolError) or answer.status_code == 503
        await until(lambda: door.native.drained)
        assert door.native.pending_bytes == 0
        assert door.native.requests("http", "shutting_down") == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda door: door.spans("carrier pigeon", accepted=True),
        lambda door: door.requests("grpc", "lost"),
    ],
)
async def test_counters_know_what_they_count(call: Callable[[OtlpDoor], int]) -> None:
    with pytest.raises(ValueError, match=r"carrier pigeon|lost"):
        call(OtlpDoor(1, 1))
