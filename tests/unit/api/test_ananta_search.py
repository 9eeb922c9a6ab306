"""Our own API's routes about finding traces: what they take, what they answer, how they fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.api.otlp_spans import CLIENT, ERROR, MILLISECOND, SERVER, START, of, span

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api

PATH = "/api/ananta/v1"
SECOND = 1000 * MILLISECOND
WINDOW = {"start": START // 1000, "end": START // 1000 + 60_000_000}


async def ask(api: Api, route: str, **parameters: Any) -> Any:
    answer = await api.get(f"{PATH}/{route}", **(WINDOW | parameters))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def send_three(api: Api) -> None:
    """Three traces, each a second after the one before and longer by two."""
    for number in (1, 2, 3):
        start = START + number * SECOND
        root = span(1, "GET /", trace_id=number, start=start, duration=SECOND, kind=SERVER)
        child = span(
            2,
            "query",
            trace_id=number,
            parent=1,
            start=start,
            duration=2 * number * SECOND,
            kind=CLIENT,
            status=ERROR if number == 2 else 0,
            attributes={"tenant": f"t{number % 2}"},
        )
        api.send(of("front", root), of("back", child))


async def test_a_list_has_a_line_for_each_whole_trace(api: Api) -> None:
    send_three(api)
    answer = await ask(api, "search", service="front", limit=1)
    assert answer == {
        "traces": [
            {
                "trace_id": "00000000000000000000000000000003",
                "root_service": "front",
                "root_operation": "GET /",
                "start_micros": (START + 3 * SECOND) // 1000,
                "duration_nanos": 6 * SECOND,
                "spans": 2,
                "errors": 0,
                "services": [
                    {"service": "back", "spans": 1, "errors": 0},
                    {"service": "front", "spans": 1, "errors": 0},
                ],
            }
        ],
        "more": True,
    }


async def test_traces_are_named_by_their_ids(api: Api) -> None:
    send_three(api)
    answer = await ask(api, "traces", traceID=["1", "3".zfill(32), "beef", "1"])
    listed = await ask(api, "search")
    assert answer == [listed["traces"][0], listed["traces"][2]]
    assert (await api.get(f"{PATH}/traces")).status_code == 400
    broken = await api.get(f"{PATH}/traces", traceID="so what")
    assert broken.status_code == 400
    message = broken.json()["errors"][0]["msg"]
    assert message.startswith('cannot parse traceID param: "so what" is not a trace id')


async def ids(api: Api, **parameters: Any) -> tuple[str, bool]:
    answer = await ask(api, "search", **parameters)
    return "".join(trace["trace_id"][-1] for trace in answer["traces"]), answer["more"]


async def test_pages_follow_each_other_in_every_order(api: Api) -> None:
    send_three(api)
    assert await ids(api) == ("321", False)
    assert await ids(api, limit=2) == ("32", True)
    assert await ids(api, limit=2, offset=2) == ("1", False)
    assert await ids(api, limit=2, offset=3) == ("", False)
    assert await ids(api, order="longest", limit=2) == ("32", True)
    assert await ids(api, order="errors", limit=1) == ("2", True)
    assert await ids(api, order="spans", limit=3) == ("321", False)
    assert await ids(api, order="longest", tags='{"tenant":"t1"}') == ("31", False)


async def test_a_page_of_the_newest_stands_in_the_order_of_its_starts(api: Api) -> None:
    for number, start, last in ((1, 1, 9), (2, 3, 4), (3, 2, 8)):
        root = span(1, "GET /", trace_id=number, start=START + start * SECOND)
        child = span(2, "query", trace_id=number, parent=1, start=START + last * SECOND)
        api.send(of("front", root, child))
    assert await ids(api) == ("231", False)
    assert await ids(api, limit=2) == ("31", True), "2 has the oldest of the newest spans"
    assert await ids(api, order="oldest") == ("132", False)
    assert await ids(api, order="oldest", limit=1, operation="query") == ("2", True)


async def test_a_trace_without_a_root_has_none(api: Api) -> None:
    api.send(of("back", span(2, trace_id=1, parent=1)))
    (trace,) = (await ask(api, "search"))["traces"]
    assert (trace["root_service"], trace["root_operation"]) == ("", "")
    (roots,) = await ask(api, "root-operations")
    assert (roots["service"], roots["operation"], roots["traces"]) == ("", "", 1)


async def test_the_histogram_counts_all_spans_whatever_the_limit(api: Api) -> None:
    send_three(api)
    answer = await ask(api, "histogram", buckets=6, limit=1)
    assert (answer["start_micros"], answer["step_micros"]) == (START // 1000, 10_000_000)
    assert answer["duration_bounds_nanos"] == [n * SECOND for n in (1, 2, 3, 5)]
    empty = [0, 0, 0, 0]
    assert answer["spans"] == [[3, 1, 1, 1], *[empty] * 6]
    assert answer["errors"] == [[0, 0, 1, 0], *[empty] * 6]
    assert (answer["total_spans"], answer["total_traces"]) == (6, 3)


async def test_a_histogram_of_nothing_has_its_times(api: Api) -> None:
    answer = await ask(api, "histogram", buckets=6, service="absent")
    assert (answer["duration_bounds_nanos"], answer["spans"]) == ([], [[]] * 7)
    assert (answer["total_spans"], answer["total_traces"]) == (0, 0)


async def test_root_operations_tell_how_long_their_traces_take(api: Api) -> None:
    send_three(api)
    assert await ask(api, "root-operations", service="back") == [
        {
            "service": "front",
            "operation": "GET /",
            "traces": 3,
            "errors": 1,
            "p50_nanos": 4 * SECOND,
            "p95_nanos": 6 * SECOND,
            "max_nanos": 6 * SECOND,
            "slowest_trace_id": f"{3:032x}",
        }
    ]


async def test_keys_are_fields_and_attributes(api: Api) -> None:
    send_three(api)
    assert await ask(api, "attributes/keys", prefix="SERV") == [
        {"key": "service", "level": "field"},
        {"key": "service.name", "level": "resource"},
    ]
    assert await ask(api, "attributes/keys", prefix="t", limit=3) == [
        {"key": "tenant", "level": "span"},
        {"key": "operation", "level": "field"},
        {"key": "status", "level": "field"},
    ]
    assert await ask(api, "attributes/keys", prefix="even") == [{"key": "event", "level": "event"}]
    of_front = await ask(api, "attributes/keys", service="front")
    assert "tenant" not in [one["key"] for one in of_front]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("tenant", [("t1", 2), ("t0", 1)]),
        ("span.tenant", [("t1", 2), ("t0", 1)]),
        ("resource.tenant", []),
        ("resource.service.name", [("back", 3), ("front", 3)]),
        ("name", [("GET /", 3), ("query", 3)]),
        ("kind", [("client", 3), ("server", 3)]),
        ("status", [("unset", 5), ("error", 1)]),
        ("duration", []),
    ],
)
async def test_values_are_asked_for_by_names_of_the_query_language(
    api: Api, key: str, expected: list[tuple[str, int]]
) -> None:
    send_three(api)
    answer = await ask(api, "attributes/values", key=key)
    assert answer == [{"value": value, "spans": spans} for value, spans in expected]


async def test_values_are_narrowed_by_the_search_and_a_text(api: Api) -> None:
    send_three(api)
    front = await ask(api, "attributes/values", key="operation", service="front")
    assert front == [{"value": "GET /", "spans": 3}]
    assert await ask(api, "attributes/values", key="tenant", prefix="T0", limit=1) == [
        {"value": "t0", "spans": 1}
    ]


@pytest.mark.parametrize(
    ("route", "parameters", "told"),
    [
        (
            "search",
            {"order": "slowest"},
            "'order': Input should be 'newest', .*, got 'slowest'",
        ),
        (
            "search",
            {"offset": "10001"},
            "'offset': Input should be less .* to 10000, got '10001'",
        ),
        ("search", {"offset": "x"}, "'offset': Input should be a valid integer, .*, got 'x'"),
        ("search", {"limit": "0"}, "limit must be greater than 0, got 0"),
        ("search", {"q": "duration>x"}, "'x' is not a duration; write one such as 250ms"),
        ("search", {"start": "2", "end": "1"}, "start time must be before end time"),
        (
            "histogram",
            {"buckets": "201"},
            "'buckets': Input should be less .* to 200, got '201'",
        ),
        ("histogram", {"minDuration": "5"}, "'minDuration': \"5\" is not a duration"),
        ("root-operations", {"tags": "x"}, "malformed 'tags' parameter"),
        (
            "attributes/keys",
            {"limit": "1001"},
            "'limit': Input should be less .* to 1000",
        ),
        ("attributes/values", {}, "'key': Field required"),
        ("attributes/values", {"key": ""}, "'key': String should have at least 1 character"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(
    api: Api, route: str, parameters: dict[str, str], told: str
) -> None:
    answer = await api.get(f"{PATH}/{route}", **parameters)
    assert answer.status_code == 400, answer.text
    message = answer.json()["errors"][0]["msg"]
    assert re.search(told, message), message


async def test_the_description_names_every_route(api: Api) -> None:
    paths = (await api.get(f"{PATH}/openapi.json")).json()["paths"]
    routes = ("search", "histogram", "root-operations", "attributes/keys", "attributes/values")
    assert {f"/{route}" for route in routes} <= set(paths)
