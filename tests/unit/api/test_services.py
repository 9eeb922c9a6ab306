"""The routes about services: parameters, defaults, errors, and the shape of what they answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    MILLISECOND,
    SERVER,
    TRACE_ID,
    event,
    of,
    request,
    span,
)
from tests.unit.query.memory_reader import MemoryReader

from ananta.api import ananta_v1
from ananta.model import SpanBatch
from ananta.query import QueryService
from ananta.query.services import usual_step_micros

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ananta.query.process import ProcessReader

SECOND = 1000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
ROUTES = (
    "/service-map",
    "/services/overview",
    "/services/operations",
    "/services/exceptions",
    "/services/metrics",
)
NOW = time.time_ns() // MINUTE * MINUTE
FAILED = event(
    "exception",
    NOW,
    **{"exception.type": "ConnectionError", "exception.message": "no answer in 30 s"},
)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The API over a few spans, one of them two hours old."""
    reader = MemoryReader()
    payload = request(
        of("front", span(1, "GET /", start=NOW - MINUTE, kind=SERVER)),
        of("front", span(2, "call", parent=1, start=NOW - MINUTE, kind=CLIENT, events=[FAILED])),
        of("größe", span(3, "GET /ä", parent=2, start=NOW - MINUTE, kind=SERVER, status=ERROR)),
        of("größe", span(4, "GET /ä", trace_id=4, start=NOW - 2 * HOUR, kind=SERVER)),
    )

    async def flush() -> None:
        if not reader.batches:
            reader.add(SpanBatch.from_otlp(payload))

    app = ananta_v1.create_api(QueryService(lambda: reader, flush), cast("ProcessReader", None))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
        yield client


async def answer(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    found = await client.get(path, params=parameters)
    assert found.status_code == 200, found.text
    return found.json()


async def problem(client: httpx.AsyncClient, path: str, **parameters: Any) -> str:
    found = await client.get(path, params=parameters)
    assert found.status_code == 400, found.text
    message: str = found.json()["errors"][0]["msg"]
    return message


async def test_the_window_is_the_last_hour_unless_said(client: httpx.AsyncClient) -> None:
    overview = await answer(client, "/services/overview")
    assert [(one["service"], one["spans"]) for one in overview] == [("front", 2), ("größe", 1)]
    start = (NOW - 2 * HOUR) // 1000
    overview = await answer(client, "/services/overview", start=start)
    assert [one["spans"] for one in overview] == [2, 2]
    overview = await answer(client, "/services/overview", start=start, end=start)
    assert [(one["spans"], one["last_span_micros"]) for one in overview] == [(0, 0), (1, start)]
    overview = await answer(client, "/services/overview", end=start + 1)
    assert [one["spans"] for one in overview] == [0, 1]


async def test_the_map_is_of_all_services_or_of_one(client: httpx.AsyncClient) -> None:
    whole = await answer(client, "/service-map")
    assert whole["edges"] == [
        {
            "caller": "front",
            "callee": "größe",
            "calls": 1,
            "messages": 0,
            "errors": 1,
            "p50_nanos": MILLISECOND,
            "p95_nanos": MILLISECOND,
        }
    ]
    assert await answer(client, "/service-map", service="größe") == whole
    assert await answer(client, "/service-map", service="no") == {"nodes": [], "edges": []}


async def test_operations_of_one_kind_or_all(client: httpx.AsyncClient) -> None:
    operations = await answer(client, "/services/operations", service="front")
    assert [(one["operation"], one["kind"]) for one in operations] == [
        ("GET /", "server"),
        ("call", "client"),
    ]
    assert await answer(client, "/services/operations", service="front", kind="client") == [
        operations[1]
    ]


async def test_exceptions_of_one_operation_or_all(client: httpx.AsyncClient) -> None:
    start = (NOW - HOUR) // 1000
    ask = {"service": "front", "start": start, "end": NOW // 1000}
    exception = {
        "type": "ConnectionError",
        "message": "no answer in 30 s",
        "messages": 1,
        "spans": 1,
        "last_micros": (NOW - MINUTE) // 1000,
        "trace_id": f"{TRACE_ID:032x}",
        "span_id": f"{2:016x}",
    }
    for operation in ("", "call"):
        assert await answer(client, "/services/exceptions", **ask, operation=operation) == {
            "exceptions": [exception],
            "start_micros": start,
        }
    none = await answer(client, "/services/exceptions", **ask, operation="GET /")
    assert none["exceptions"] == []


async def test_metrics_have_a_number_for_each_step(client: httpx.AsyncClient) -> None:
    start, end = (NOW - HOUR) // 1000, NOW // 1000
    ask = {"service": "größe", "operation": "GET /ä", "start": start, "end": end}
    metrics = await answer(client, "/services/metrics", **ask)
    assert (metrics["start_micros"], metrics["step_micros"]) == (start, 60_000_000)
    assert metrics["calls"] == metrics["errors"] == [*[0] * 59, 1]
    assert metrics["p99_nanos"] == [*[None] * 59, MILLISECOND]
    metrics = await answer(client, "/services/metrics", **ask, step=1_800_000_000)
    assert metrics["calls"] == [0, 1]


@pytest.mark.parametrize("path", ROUTES)
async def test_a_window_that_does_not_read_is_refused(client: httpx.AsyncClient, path: str) -> None:
    message = await problem(client, path, service="s", start="yesterday")
    assert message == (
        "unable to parse param 'start': \"yesterday\" is not a whole number of microseconds"
        " since 1970"
    )
    assert "'end'" in await problem(client, path, service="s", end="1.5")
    message = await problem(client, path, service="s", start=7, end=5)
    assert message == (
        "parameter 'start' is 7, after 'end', 5;"
        " write microseconds since 1970, the earlier one as 'start'"
    )


@pytest.mark.parametrize("path", ROUTES[2:])
async def test_a_service_is_required_and_a_kind_must_be_one(
    client: httpx.AsyncClient, path: str
) -> None:
    assert "'service'" in await problem(client, path)
    assert "'service'" in await problem(client, path, service="")
    message = await problem(client, path, service="s", kind="SERVER")
    assert message == (
        "unable to parse param 'kind': \"SERVER\" is no kind of span; write one of unspecified,"
        " internal, server, client, producer, consumer"
    )


@pytest.mark.parametrize("step", ["0", "-1", "7199999"])
async def test_there_may_be_500_steps(client: httpx.AsyncClient, step: str) -> None:
    ask = {"service": "s", "start": 0, "end": 3_600_000_000}
    assert await problem(client, "/services/metrics", **ask, step=step) == (
        f"parameter 'step' is {step} microseconds; from 'start' to 'end' there may be 500 steps"
        " at most, so write 7200000 or more, such as 60000000"
    )
    metrics = await answer(client, "/services/metrics", **ask, step=7_200_000)
    assert len(metrics["calls"]) == 500
    assert "'step'" in await problem(client, "/services/metrics", **ask, step="1m")


@pytest.mark.parametrize("nanos", [0, 1, 999, SECOND, 15 * MINUTE, HOUR, 5 * HOUR, 2**62])
def test_the_usual_step_makes_no_more_than_sixty(nanos: int) -> None:
    step_nanos = usual_step_micros(0, nanos) * 1000
    assert step_nanos > 0
    assert nanos <= 60 * step_nanos


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [(0.25, 0.25), (1, 1), (3, 5), (6, 10), (24, 30), (168, 180), (5000, 7200)],
)
def test_the_usual_step_is_one_people_read_easily(hours: float, minutes: float) -> None:
    assert usual_step_micros(0, int(hours * HOUR)) * 1000 == minutes * MINUTE
