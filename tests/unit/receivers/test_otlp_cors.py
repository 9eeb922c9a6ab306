"""Browsers of other origins: what the OTLP receiver lets them send and read."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .door import PROTOBUF, open_door, request

SHOP = "https://shop.example"


async def ask(cors: dict[str, Any], method: str = "OPTIONS", **headers: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with open_door(grpc=None, http={"cors": cors}) as door, httpx.AsyncClient() as client:
        url = f"{door.http}/v1/traces"
        body = request("a") if method == "POST" else b""
        answer = await client.request(method, url, content=body, headers=headers)
        assert len(door.sink.batches) == (method == "POST")
        return answer


async def preflight(cors: dict[str, Any], origin: str, asked: str = "") -> httpx.Response:
    headers = {"access_control_request_method": "POST", "origin": origin}
    if asked:
        headers["access_control_request_headers"] = asked
    return await ask(cors, **headers)


async def test_a_preflight_of_an_allowed_origin_is_granted() -> None:
    cors = {"allowed_origins": ["https://*.example"], "allowed_headers": "x-team", "max_age": 7200}
    answer = await preflight(cors, SHOP, "x-team")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "x-team"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-max-age"] == "7200"
    assert "Origin" in answer.headers["vary"] or "origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("origin", "asked"), [("https://evil.test", ""), (SHOP, "x-secret"), (SHOP, "x-team, x-secret")]
)
async def test_a_preflight_of_anything_else_is_told_nothing(origin: str, asked: str) -> None:
    cors = {"allowed_origins": [SHOP], "allowed_headers": ["x-team"]}
    answer = await preflight(cors, origin, asked)
    assert answer.status_code == 204
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_content_type_may_be_set_without_being_listed() -> None:
    answer = await preflight({"allowed_origins": [SHOP]}, SHOP, "content-type")
    assert answer.headers["access-control-allow-headers"] == "content-type"


async def test_a_page_of_an_allowed_origin_may_read_the_answer() -> None:
    cors = {"allowed_origins": [SHOP], "exposed_headers": ["x-a", "x-b"]}
    answer = await ask(cors, "POST", origin=SHOP, content_type=PROTOBUF)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-expose-headers"] == "x-a, x-b"


async def test_any_origin_can_be_allowed() -> None:
    answer = await ask({"allowed_origins": ["*"]}, "POST", origin=SHOP, content_type=PROTOBUF)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_foreign_page_gets_its_answer_without_leave_to_read_it() -> None:
    cors = {"allowed_origins": [SHOP]}
    answer = await ask(cors, "POST", origin="https://evil.test", content_type=PROTOBUF)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_without_origins_there_is_no_cors() -> None:
    answer = await ask({"allowed_headers": ["x-team"]}, origin=SHOP)
    assert answer.status_code == 405
