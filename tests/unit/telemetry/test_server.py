"""Small HTTP servers: where they listen and what a wrong address says."""

from __future__ import annotations

import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ananta.errors import StartupError
from ananta.telemetry.server import HttpServer, split_endpoint


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
    with pytest.raises(StartupError, match=r"e::endpoint: .*write host:port"):
        await HttpServer(app(), endpoint, "e::endpoint").start()


async def test_a_foreign_address_is_refused_with_a_hint() -> None:
    with pytest.raises(StartupError, match=r"cannot listen on 192\.0\.2\.1:0: .*; set localhost"):
        await HttpServer(app(), "192.0.2.1:0", "e::endpoint").start()


def test_endpoints_are_split_into_host_and_port() -> None:
    assert split_endpoint("[::1]:4317") == ("::1", 4317)
    assert split_endpoint(":4317") == ("", 4317)
