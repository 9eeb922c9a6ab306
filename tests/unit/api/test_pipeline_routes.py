"""Routes about the running process, and who may send a test span."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.routing import Mount
from tests.unit.query.memory_reader import MemoryReader
from tests.unit.query.running_process import running

from ananta.api import ananta_v1
from ananta.api.web import create_app
from ananta.query import QueryService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIPELINE = f"{ananta_v1.PATH}/pipeline"
TEST_SPAN = f"{PIPELINE}/test-span"
RECEIVING = """
    receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
    exporters: {nop: }
    service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
"""
WITHOUT_OTLP = """
    receivers: {plain/in: }
    exporters: {nop: }
    service: {pipelines: {traces: {receivers: [plain/in], exporters: [nop]}}}
"""


OUT_OF_MEMORY = """
    receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
    processors: {memory_limiter: {limit_mib: 1, check_interval: 1h}}
    exporters: {nop: }
    service:
      pipelines:
        traces: {receivers: [otlp], processors: [memory_limiter], exporters: [nop]}
"""


async def flush() -> None:
    """Nothing is pending."""


@asynccontextmanager
async def client_of(text: str) -> AsyncIterator[httpx.AsyncClient]:
    service = QueryService(MemoryReader, flush)
    async with running(text) as process:
        api = ananta_v1.create_api(service, process.reader)
        transport = httpx.ASGITransport(create_app([Mount(ananta_v1.PATH, api)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://query:16686") as client:
            yield client


async def test_the_process_tells_of_itself() -> None:
    async with client_of(RECEIVING) as client:
        answer = await client.get(PIPELINE)
        sent = await client.post(TEST_SPAN)
        after = await client.get(PIPELINE)
    assert answer.status_code == sent.status_code == 200
    assert answer.json()["components"][0]["accepted"] == 0
    assert answer.json()["problems"] == []
    assert len(sent.json()["trace_id"]) == 32
    assert after.json()["components"][0]["accepted"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://query:3000"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://query:3000"},
        {"Origin": "null"},
    ],
)
async def test_pages_of_others_may_not_send_a_test_span(headers: dict[str, str]) -> None:
    async with client_of(RECEIVING) as client:
        answer = await client.post(TEST_SPAN, headers=headers)
        (receiver, _) = (await client.get(PIPELINE)).json()["components"]
    assert answer.status_code == 403
    assert "comes from a page of another site" in answer.json()["errors"][0]["msg"]
    assert receiver["accepted"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://proxied.example"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://query:16686"},
        {"Origin": "https://traces.example", "X-Forwarded-Host": "traces.example"},
    ],
)
async def test_our_own_pages_may(headers: dict[str, str]) -> None:
    async with client_of(RECEIVING) as client:
        assert (await client.post(TEST_SPAN, headers=headers)).status_code == 200


async def test_what_cannot_be_sent_is_an_error_that_says_why() -> None:
    async with client_of(WITHOUT_OTLP) as client:
        answer = await client.post(TEST_SPAN)
        read = await client.get(TEST_SPAN)
    assert answer.status_code == 409
    assert "no OTLP receiver" in answer.json()["errors"][0]["msg"]
    assert read.status_code == 405


async def test_what_is_not_taken_is_an_error_with_its_cause() -> None:
    async with client_of(OUT_OF_MEMORY) as client:
        answer = await client.post(TEST_SPAN)
    assert answer.status_code == 502
    assert "data refused due to high memory usage" in answer.json()["errors"][0]["msg"]
