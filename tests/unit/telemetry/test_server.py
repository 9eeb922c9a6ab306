"""Small HTTP servers: where they listen and what a wrong address says."""

from __future__ import annotations

import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ananta.errors import StartupError
from ananta.telemetry.server import HttpServer, bind

NEEDS_IPV6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


async def hello(request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def app() -> Starlette:
    return Starlette(routes=[Route("/", hello)])


async def test_it_serves_on_a_free_port_until_it_is_stopped() -> None:
    server = HttpServer(app(), "localhost:0", "extensions::zpages::endpoint")
    await server.start()
    url = f"http://{server.address}/"
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).text == "hello"
        await server.stop()
        with pytest.raises(httpx.ConnectError):
            await client.get(url)
    await server.stop()


async def test_a_taken_port_names_port_and_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        server = HttpServer(app(), f"127.0.0.1:{port}", "extensions::zpages::endpoint")
        with pytest.raises(StartupError) as caught:
            await server.start()
    assert str(caught.value) == (
        f"extensions::zpages::endpoint: cannot listen on 127.0.0.1:{port}: port {port} is already "
        "taken; stop the program that holds it or set another port"
    )


@pytest.mark.parametrize("endpoint", ["localhost", "localhost:", "localhost:http", "h:70000", ""])
async def test_an_endpoint_without_a_port_says_what_to_write(endpoint) -> None:
    with pytest.raises(StartupError, match=r"^e::endpoint: .*; write "):
        await HttpServer(app(), endpoint, "e::endpoint").start()


async def test_a_foreign_address_is_refused_with_a_hint() -> None:
    with pytest.raises(StartupError, match=r"cannot listen on 192\.0\.2\.1:0: .*; set localhost"):
        await HttpServer(app(), "192.0.2.1:0", "e::endpoint").start()


@NEEDS_IPV6
async def test_without_a_host_it_listens_on_every_interface() -> None:
    server = HttpServer(app(), ":0", "e::endpoint")
    await server.start()
    port = server.address.rpartition(":")[2]
    async with httpx.AsyncClient() as client:
        for host in ("127.0.0.1", "[::1]"):
            assert (await client.get(f"http://{host}:{port}/")).text == "hello"
    await server.stop()


@NEEDS_IPV6
async def test_an_ipv6_address_is_shown_with_its_brackets() -> None:
    server = HttpServer(app(), "[::1]:0", "e::endpoint")
    await server.start()
    assert server.address.startswith("[::1]:")
    await server.stop()


def test_answers_do_not_wait_for_acknowledgements() -> None:
    with bind("localhost:0", "extensions::zpages::endpoint") as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
