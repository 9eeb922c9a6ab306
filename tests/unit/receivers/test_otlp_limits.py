"""Senders that lie, hang, flood or leave: each is refused alone and holds nothing for long."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING

import grpc.aio
import httpx
import pytest
import zstandard

from ananta.receivers import otlp

from .door import EXPORT, PROTOBUF, Door, open_door, request, until
from .messages import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD = (
    "POST /v1/traces HTTP/1.1\r\nhost: door\r\ncontent-type: application/x-protobuf\r\n"
    "content-length: {length}\r\n\r\n"
)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as running:
        yield running


async def send(door: Door, body: bytes = b"", **headers: str) -> httpx.Response:
    headers = {"content-type": PROTOBUF} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    async with httpx.AsyncClient(timeout=20) as client:
        url = f"{door.http}/v1/traces"
        return await client.post(url, content=body or request("ok"), headers=headers)


class Liar:
    """A raw connection to the HTTP port."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, door: Door) -> Liar:
        return cls(*await asyncio.open_connection(*door.http_address))

    async def write(self, data: str | bytes) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of one response."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(
            line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        body = await self.reader.readexactly(int(fields.get(b"content-length", 0)))
        return int(head.split()[1]), body

    async def closed(self) -> bool:
        """Whether the peer has closed, once it has nothing more to say."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_a_sender_that_stops_in_the_middle_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "STALL_SECONDS", 0.2)
    async with open_door() as door:
        liar = await Liar.connect(door)
        body = request("a")
        await liar.write(HEAD.format(length=len(body)))
        await liar.write(body[:10])
        code, answer = await liar.answer()
        assert code == 408
        assert Status.FromString(answer).message == "the body stopped coming"
        assert await liar.closed()
        assert door.requests("http", "unfinished") == 1
        await until(lambda: door.pending_bytes == 0)
        await liar.leave()


async def test_a_slow_sender_is_given_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "STALL_SECONDS", 10.0)
    async with open_door() as door:
        liar = await Liar.connect(door)
        body = request("slow")
        await liar.write(HEAD.format(length=len(body)))
        for byte in body:
            await liar.write(bytes([byte]))
        assert (await liar.answer())[0] == 200
        assert door.sink.names == ["slow"]
        await liar.leave()


async def test_a_request_must_be_read_within_its_time() -> None:
    async with open_door(http={"read_timeout": "200ms"}) as door:
        liar = await Liar.connect(door)
        await liar.write(HEAD.format(length=10_000))
        code, answer = await liar.answer()
        assert (code, Status.FromString(answer).message) == (408, "the body took too long")
        await liar.leave()


async def test_headers_must_be_read_within_their_time() -> None:
    async with open_door(http={"read_header_timeout": "200ms"}) as door:
        liar = await Liar.connect(door)
        await liar.write("POST /v1/traces HTTP/1.1\r\nhost: d")
        assert await liar.closed()
        await liar.leave()


async def test_an_answer_must_be_there_within_its_time() -> None:
    async with open_door(http={"write_timeout": "200ms"}) as door:
        door.sink.gate = asyncio.Event()
        answer = await send(door)
        assert answer.status_code == 503
        assert "write_timeout" in Status.FromString(answer.content).message
        door.sink.gate.set()


async def test_an_idle_connection_is_closed() -> None:
    async with open_door(http={"idle_timeout": "200ms"}) as door:
        liar = await Liar.connect(door)
        await liar.write(HEAD.format(length=0))
        assert (await liar.answer())[0] == 200
        assert await liar.closed()
        await liar.leave()


async def test_a_busy_connection_is_not_idle() -> None:
    async with open_door(http={"idle_timeout": "100ms"}) as door:
        door.sink.gate = asyncio.Event()
        sending = asyncio.create_task(send(door))
        await door.sink.arrived.wait()
        await asyncio.sleep(0.4)  # several times the idle time
        door.sink.gate.set()
        assert (await sending).status_code == 200


async def test_a_length_beyond_the_limit_is_refused_unread(door: Door) -> None:
    liar = await Liar.connect(door)
    await liar.write(HEAD.format(length=2**40).replace("\r\n\r\n", "\r\nexpect: x\r\n\r\n"))
    code, answer = await liar.answer()
    assert code == 400
    assert "http: request body too large" in Status.FromString(answer).message
    assert await liar.closed()
    await liar.leave()


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999999"])
async def test_a_length_that_is_none_is_refused(door: Door, length: str) -> None:
    liar = await Liar.connect(door)
    await liar.write(HEAD.format(length=length))
    assert (await liar.answer())[0] == 400
    await liar.leave()


async def test_a_sender_that_announces_more_than_it_sends_takes_no_room(door: Door) -> None:
    liars = [await Liar.connect(door) for _ in range(50)]
    for liar in liars:
        await liar.write(HEAD.format(length=20 * 2**20))
    await until(lambda: door.connections >= 50)
    assert door.pending_bytes == 0
    assert (await send(door)).status_code == 200
    for liar in liars:
        await liar.leave()


async def test_a_sender_that_leaves_in_the_middle_takes_its_room_with_it(door: Door) -> None:
    liar = await Liar.connect(door)
    await liar.write(HEAD.format(length=1_000_000))
    await liar.write(b"x" * 500_000)
    await until(lambda: door.pending_bytes == 500_000)
    await liar.leave()
    await until(lambda: door.pending_bytes == 0 and door.connections == 0)


async def test_a_sender_that_leaves_before_its_answer_loses_no_span(door: Door) -> None:
    door.sink.gate = asyncio.Event()
    liar = await Liar.connect(door)
    body = request("orphan")
    await liar.write(HEAD.format(length=len(body)).encode() + body)
    await door.sink.arrived.wait()
    await liar.leave()
    door.sink.gate.set()
    await until(lambda: door.pending_bytes == 0)
    assert door.sink.names == ["orphan"]
    assert door.spans("http", "accepted") == 1


@pytest.mark.parametrize(
    ("coding", "bomb"),
    [
        ("gzip", gzip.compress(bytes(2**26))),
        ("zstd", zstandard.compress(bytes(2**26))),
        ("zstd", zstandard.ZstdCompressor(level=19).compress(bytes(2**26))),
    ],
)
async def test_a_bomb_is_refused_and_leaves_no_room_taken(
    door: Door, coding: str, bomb: bytes
) -> None:
    assert len(bomb) < 2**17
    answers = await asyncio.gather(
        *(send(door, bomb, content_encoding=coding) for _ in range(4)), return_exceptions=True
    )
    for answer in answers:
        assert isinstance(answer, httpx.Response)
        message = Status.FromString(answer.content).message
        # 20 MiB at most for each, and 64 MiB for all of them together.
        assert (answer.status_code, "too large" in message) in {(400, True), (503, False)}
    assert door.pending_bytes == 0
    assert (await send(door)).status_code == 200


async def test_a_zstd_frame_with_a_huge_window_is_refused(door: Door) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = stream.compress(request("a")) + stream.flush()
    answer = await send(door, body, content_encoding="zstd")
    assert answer.status_code == 400
    assert "zstd" in Status.FromString(answer.content).message


async def test_a_full_door_refuses_at_once_and_says_when_to_come_back() -> None:
    async with open_door(
        grpc={"max_recv_msg_size_mib": 1},
        http={"max_request_body_size": 2**20},
        max_pending_bytes=2**20,
    ) as door:
        door.sink.gate = asyncio.Event()
        filling = [
            asyncio.create_task(send(door, request(f"{number}", attribute="x" * 330_000)))
            for number in range(3)
        ]
        await until(lambda: door.pending_bytes > 950_000)
        large = request("large", attribute="x" * 330_000)
        answer = await send(door, large)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert Status.FromString(answer.content).code == 14
        padded = b"{}" + b" " * 330_000
        answer = await send(door, padded, content_type="application/json")
        assert json.loads(answer.content)["details"][0]["retryDelay"] == "1s"
        async with grpc.aio.insecure_channel(door.grpc) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(EXPORT)(large, timeout=20)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "grpc-status-details-bin" in dict(caught.value.trailing_metadata() or ())
        assert door.requests("http", "overloaded") == 2
        assert door.requests("grpc", "overloaded") == 1
        door.sink.gate.set()
        assert [(await answer).status_code for answer in filling] == [200] * 3
        assert (await send(door, large)).status_code == 200
        assert door.pending_bytes == 0


async def test_connections_beyond_the_limit_are_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp, "MAX_CONNECTIONS", 3)
    async with open_door(grpc=None) as door:
        guests = [await Liar.connect(door) for _ in range(3)]
        await until(lambda: door.connections == 3)
        surplus = await Liar.connect(door)
        assert await surplus.closed()
        await surplus.leave()
        await guests[0].leave()
        await until(lambda: door.connections == 2)
        assert (await send(door)).status_code == 200
        for guest in guests[1:]:
            await guest.leave()


async def test_a_grpc_connection_ends_with_its_age_and_the_client_comes_back() -> None:
    parameters = {"max_connection_age": "100ms", "max_connection_age_grace": "5s"}
    keepalive = {"server_parameters": parameters}
    async with open_door(grpc={"keepalive": keepalive}, http=None) as door:
        async with grpc.aio.insecure_channel(door.grpc) as channel:
            for number in range(3):
                await channel.unary_unary(EXPORT)(request(f"{number}"), timeout=20)
                await until(lambda: door.connections == 0)
        assert door.sink.names == ["0", "1", "2"]


async def test_an_idle_grpc_connection_ends() -> None:
    keepalive = {"server_parameters": {"max_connection_idle": "100ms"}}
    async with (
        open_door(grpc={"keepalive": keepalive}, http=None) as door,
        grpc.aio.insecure_channel(door.grpc) as channel,
    ):
        await channel.unary_unary(EXPORT)(request("a"), timeout=20)
        await until(lambda: door.connections == 0)


async def test_garbage_on_either_port_does_no_harm(door: Door) -> None:
    for address in (door.grpc_address, door.http_address):
        for garbage in (b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 100, b"GET\r\n\r\n"):
            _, writer = await asyncio.open_connection(*address)
            writer.write(garbage)
            await writer.drain()
            writer.close()
    await until(lambda: door.connections == 0)
    assert (await send(door)).status_code == 200
