"""Jaeger's v1 routes: what they take, what they answer, and how they fail."""

from __future__ import annotations

import base64
import gzip
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    MILLISECOND,
    SERVER,
    START,
    event,
    link,
    of,
    span,
)

from ananta.errors import AnantaError, RetryableError

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api

SECOND = 1000 * MILLISECOND
GOLDEN = Path(__file__).parents[2] / "golden" / "jaeger"
GOLDEN_IN, GOLDEN_OUT = GOLDEN / "transform-in.json", GOLDEN / "transform-out.json"


async def test_services_are_sorted_and_counted(api: Api) -> None:
    api.send(of("b", span(1)), of("a", span(2)), of(None, span(3)))
    answer = await api.get("/api/services")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "data": ["a", "b", "missing-service-name"],
        "total": 3,
        "limit": 0,
        "offset": 0,
        "errors": None,
    }


async def test_without_spans_lists_are_empty_as_jaegers_are(api: Api) -> None:
    assert await api.data("/api/services") == []
    assert await api.data("/api/services/shop/operations") is None
    assert await api.data("/api/operations", service="shop") == []
    assert await api.data("/api/traces", service="shop") == []
    assert await api.data("/api/dependencies") == []


async def test_operations_have_their_kinds(api: Api) -> None:
    api.send(
        of("shop", span(1, "GET", kind=SERVER), span(2, "GET", kind=CLIENT), span(3, "work")),
        of("other", span(4, "nothing")),
    )
    body = (await api.get("/api/operations", service="shop")).json()
    assert body["total"] == 3
    assert body["data"] == [
        {"name": "GET", "spanKind": "client"},
        {"name": "GET", "spanKind": "server"},
        {"name": "work", "spanKind": ""},
    ]
    assert await api.data("/api/operations", service="shop", spanKind="server") == [
        {"name": "GET", "spanKind": "server"}
    ]
    assert await api.data("/api/operations", service="shop", spanKind="consumer") == []
    names = (await api.get("/api/services/shop/operations")).json()
    assert (names["data"], names["total"]) == (["GET", "work"], 2)


async def test_operations_need_a_service(api: Api) -> None:
    assert await api.problem("/api/operations") == "parameter 'service' is required"


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("shop", "shop"),
        ("team/shop", "team/shop"),
        ("team/shop", "team%2Fshop"),
        ("team/shop/operations", "team/shop/operations"),
        ("my shop", "my%20shop"),
        ("my shop", "my+shop"),
        ("my shop", "my%2520shop"),
        ("c++", "c++"),
        ("c++", "c%2B%2B"),
        ("50%", "50%25"),
        ("größe", "gr%C3%B6%C3%9Fe"),
    ],
)
async def test_a_service_in_a_path_is_found_however_it_was_escaped(
    api: Api, service: str, path: str
) -> None:
    api.send(of(service, span(1, "work")))
    answer = await api.client.get(f"http://query/api/services/{path}/operations")
    assert answer.json()["data"] == ["work"]


async def test_a_search_sees_what_was_accepted_before_it(api: Api) -> None:
    api.send(of("shop", span(1, trace_id=1)))
    assert await api.found() == ["1"]
    api.send(of("shop", span(1, trace_id=2, start=START + 1)))
    assert await api.found() == ["2", "1"]


def send_four(api: Api) -> None:
    api.send(
        of(
            "shop",
            span(
                1,
                "buy",
                trace_id=1,
                duration=10 * MILLISECOND,
                attributes={"tenant": "a", "count": 3, "big": 2.0, "ok": True, "key:x": "v"},
                kind=SERVER,
            ),
            span(2, "other", trace_id=1, parent=1, duration=500 * MILLISECOND),
            resource={"region": "eu"},
            scope=("lib", "1.0"),
        ),
        of(
            "shop",
            span(
                1,
                "buy",
                trace_id=2,
                start=START + 10 * SECOND,
                duration=20 * MILLISECOND,
                status=ERROR,
                attributes={"tenant": "b", "region": "us"},
                events=[event("e", message="boom")],
            ),
        ),
        of("store", span(1, "buy", trace_id=3, start=START + 20 * SECOND)),
        of(
            "store",
            span(
                1,
                "sell",
                trace_id=4,
                start=START + 30 * SECOND,
                links=[link(9, 9, {"why": "retry"})],
            ),
        ),
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["4", "3", "2", "1"]),
        ({"service": ""}, ["4", "3", "2", "1"]),
        ({"service": "shop"}, ["2", "1"]),
        ({"service": "sho"}, []),
        ({"operation": "buy"}, ["3", "2", "1"]),
        ({"service": "store", "operation": "buy"}, ["3"]),
        ({"limit": 2}, ["4", "3"]),
        ({"minDuration": "10ms", "maxDuration": "10ms"}, ["1"]),
        ({"minDuration": "0.4s"}, ["1"]),
        ({"maxDuration": "1ms"}, ["4", "3"]),
        ({"operation": "buy", "minDuration": "0.4s"}, []),
        ({"start": START // 1000 + 10_000_000}, ["4", "3", "2"]),
        ({"end": START // 1000 + 10_000_000}, ["2", "1"]),
        ({"tag": "tenant:a"}, ["1"]),
        ({"tag": ["tenant:a", "count:3"]}, ["1"]),
        ({"tag": ["tenant:a", "count:4"]}, []),
        ({"tag": "key:x:v"}, []),
        ({"tags": '{"key:x":"v"}'}, ["1"]),
        ({"tags": '{"big":"2","ok":"true"}'}, ["1"]),
        ({"tag": "tenant:zzz", "tags": '{"tenant":"b"}'}, ["2"]),
        ({"tags": ['{"tenant":"a"}', '{"count":"3"}']}, ["1"]),
        ({"tags": "null"}, ["4", "3", "2", "1"]),
        ({"tags": ""}, ["4", "3", "2", "1"]),
        ({"tag": "region:eu"}, ["1"]),
        ({"tag": "region:us"}, ["2"]),
        ({"tag": "resource.region:us"}, []),
        ({"tag": "resource.region:eu"}, ["1"]),
        ({"tag": "message:boom"}, ["2"]),
        ({"tag": "why:retry"}, ["4"]),
        ({"tag": "error:true"}, ["2"]),
        ({"tag": "error:false", "service": "shop"}, ["1"]),
        ({"tag": "span.kind:server"}, ["1"]),
        ({"tag": "scope.name:lib"}, ["1"]),
        ({"lookback": "custom", "view": "ddg"}, ["4", "3", "2", "1"]),
        ({"service": ["shop", "store"]}, ["2", "1"]),
    ],
)
async def test_a_search_finds_what_matches_newest_first(
    api: Api, parameters: dict[str, Any], expected: list[str]
) -> None:
    send_four(api)
    assert await api.found(**parameters) == expected


async def test_a_search_returns_whole_traces(api: Api) -> None:
    send_four(api)
    (trace,) = await api.data("/api/traces", operation="other", start=0)
    assert [one["operationName"] for one in trace["spans"]] == ["buy", "other"]


async def test_a_search_without_times_covers_two_days(api: Api) -> None:
    now, hour = time.time_ns(), 3600 * SECOND
    api.send(of("shop", *(span(1, trace_id=age, start=now - age * hour) for age in (1, 47, 49))))
    traces = await api.data("/api/traces")
    assert [int(trace["traceID"], 16) for trace in traces] == [1, 47]


async def test_a_search_says_when_the_limit_cut_it(api: Api) -> None:
    send_four(api)
    for limit, cut in ((3, True), (4, False), (5, False)):
        answer = await api.get("/api/traces", start=0, limit=limit)
        assert answer.json().get("truncated", False) is cut
        assert (answer.headers.get("x-ananta-truncated") == "true") is cut
        assert len(answer.json()["data"]) == min(limit, 4)


async def test_an_answer_that_grows_too_large_is_cut_between_traces(api: Api) -> None:
    api.send(of("shop", *(span(1, trace_id=number) for number in range(1, 251))))
    async with api.client_of(max_response_bytes=50_000) as client:
        answer = await client.get("/api/traces", params={"start": 0, "limit": 250})
        ids = [f"{number:x}" for number in range(1, 251)]
        several = await client.get("/api/traces", params={"traceID": ids})
        one = await client.get("/api/traces/1")
    for body in (answer.json(), several.json()):
        assert len(body["data"]) == 200
        assert body["truncated"] is True
        assert body["errors"] is None
    assert len({trace["traceID"] for trace in answer.json()["data"]}) == 200
    assert "truncated" not in one.json()


async def test_the_limit_is_a_hundred_unless_asked(api: Api) -> None:
    api.send(of("shop", *(span(1, trace_id=number) for number in range(1, 102))))
    assert len(await api.data("/api/traces", start=0)) == 100


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"start": "x"}, "unable to parse param 'start': \"x\" is not a whole number"),
        ({"end": "1.5"}, "unable to parse param 'end'"),
        ({"start": str(2**63)}, "unable to parse param 'start'"),
        ({"limit": "ten"}, "unable to parse param 'limit': \"ten\""),
        ({"limit": "0"}, "limit must be greater than 0"),
        ({"limit": "-5"}, "limit must be greater than 0"),
        ({"limit": "10001"}, "limit must be at most 10000"),
        ({"minDuration": "20"}, "unable to parse param 'minDuration': \"20\" is not a duration"),
        ({"maxDuration": "1d"}, "unable to parse param 'maxDuration'"),
        (
            {"minDuration": "2s", "maxDuration": "1s"},
            "'maxDuration' should be greater than 'minDuration'",
        ),
        ({"q": "a="}, "query, character 3: a= has no value"),
        ({"tag": "nothing"}, "malformed 'tag' parameter, expecting key:value, received: nothing"),
        ({"tags": "{"}, "malformed 'tags' parameter, cannot unmarshal JSON: "),
        ({"tags": "[]"}, "malformed 'tags' parameter, cannot unmarshal JSON: "),
        (
            {"tags": '{"http.status_code": 200}'},
            "malformed 'tags' parameter, cannot unmarshal JSON:"
            ' the value of "http.status_code" is 200; write it as a string',
        ),
        ({"raw": "maybe"}, "unable to parse param 'raw': \"maybe\" is neither true nor false"),
        ({"traceID": "xyz!"}, 'cannot parse traceID param: "xyz!" is not a trace id'),
        ({"start": "9", "end": "8"}, "start time must be before end time"),
    ],
)
async def test_a_bad_parameter_is_refused_and_named(
    api: Api, parameters: dict[str, Any], message: str
) -> None:
    assert message in await api.problem("/api/traces", service="shop", **parameters)


async def test_several_traces_by_id(api: Api) -> None:
    send_four(api)
    answer = await api.get("/api/traces", traceID=["3", "ff", "0001", "3"])
    assert answer.status_code == 200
    body = answer.json()
    assert [int(trace["traceID"], 16) for trace in body["data"]] == [3, 1]
    assert body["errors"] == [{"msg": "trace not found", "traceID": "00000000000000ff"}]


async def test_one_trace_by_id(api: Api) -> None:
    number = 0x463AC35C9F6413AD48485A3953BB6124
    api.send(of("shop", span(1, trace_id=number), span(2, trace_id=5)))
    for form in (
        f"{number:032x}",
        f"{number:032X}",
        base64.b64encode(number.to_bytes(16, "big")).decode(),
        base64.urlsafe_b64encode(number.to_bytes(16, "big")).decode().rstrip("="),
    ):
        path = form.replace("/", "%2F")
        (trace,) = (await api.client.get(f"http://query/api/traces/{path}")).json()["data"]
        assert trace["traceID"] == f"{number:032x}"
    for form in ("5", "0005", "0" * 31 + "5", base64.b64encode((5).to_bytes(8, "big")).decode()):
        (trace,) = await api.data(f"/api/traces/{form}")
        assert trace["traceID"] == "0000000000000005"


async def test_an_unknown_or_malformed_trace_id(api: Api) -> None:
    assert await api.problem("/api/traces/abc", 404) == "trace not found"
    assert "is not a trace id" in await api.problem("/api/traces/not-an-id")
    too_long = await api.problem(f"/api/traces/{'a' * 33}")
    assert too_long == f"TraceID cannot be longer than 32 hex characters: {'a' * 33}"
    assert "unable to parse param 'start'" in await api.problem("/api/traces/1?start=a")
    assert "unable to parse param 'raw'" in await api.problem("/api/traces/1?raw=a")


async def test_raw_skips_the_adjusters(api: Api) -> None:
    api.send(of("shop", span(1, trace_id=1, attributes={"b": 1, "a": 1}, parent=9)))
    (adjusted,) = (await api.data("/api/traces/1"))[0]["spans"]
    (raw,) = (await api.data("/api/traces/1", raw="true"))[0]["spans"]
    assert [tag["key"] for tag in adjusted["tags"]] == ["a", "b"]
    assert [tag["key"] for tag in raw["tags"]] == ["b", "a"]
    assert adjusted["warnings"]
    assert raw["warnings"] is None


async def test_clock_skew_is_corrected_up_to_the_setting(api: Api) -> None:
    api.send(
        of("a", span(1, "parent", trace_id=1, duration=10 * MILLISECOND)),
        of("b", span(2, "child", trace_id=1, parent=1, start=START + SECOND)),
    )
    async with api.client_of(max_clock_skew_seconds=2.0) as client:
        (trace,) = (await client.get("/api/traces/1")).json()["data"]
    child = trace["spans"][1]
    assert child["startTime"] == (START + 4_500_000) // 1000
    assert child["warnings"] == ["This span's timestamps were adjusted by -995.5ms"]


async def test_dependencies_are_filtered_by_service_and_time(api: Api) -> None:
    now = time.time_ns()
    api.send(
        of("web", span(1, trace_id=1, start=now)),
        of(
            "shop",
            span(2, trace_id=1, parent=1, start=now),
            span(3, trace_id=1, parent=2, start=now),
        ),
        of("db", span(4, trace_id=1, parent=3, start=now)),
        of("db", span(5, trace_id=1, parent=99, start=now)),
    )
    assert await api.data("/api/dependencies") == [
        {"parent": "shop", "child": "db", "callCount": 1},
        {"parent": "shop", "child": "shop", "callCount": 1},
        {"parent": "web", "child": "shop", "callCount": 1},
    ]
    assert await api.data("/api/dependencies", service="web") == [
        {"parent": "web", "child": "shop", "callCount": 1}
    ]
    day = 24 * 3600 * 1000
    for end, lookback, found in (
        (now // MILLISECOND + 1, 1000, 3),
        (now // MILLISECOND - 1000, 1000, 0),
        (now // MILLISECOND + 2 * day, "", 0),
        (now // MILLISECOND + 2 * day, 7 * day, 3),
    ):
        links = await api.data("/api/dependencies", endTs=end, lookback=lookback)
        assert len(links) == found, (end, lookback)


async def test_dependencies_refuse_bad_times(api: Api) -> None:
    assert "'endTs'" in await api.problem("/api/dependencies", endTs="x")
    assert "'lookback'" in await api.problem("/api/dependencies", lookback="1h")


async def test_archive_is_not_there(api: Api) -> None:
    answer = await api.client.post("/api/archive/1")
    assert answer.status_code == 500
    assert answer.json()["errors"] == [
        {"code": 500, "msg": "archive span storage was not configured"}
    ]
    assert (await api.client.post("/api/archive/zzz")).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/"),
        ("GET", "/api/unknown"),
        ("GET", "/api/deep-dependencies"),
        ("GET", "/api/quality-metrics"),
        ("GET", "/api/metrics/minstep"),
        ("GET", "/api/services/"),
        ("GET", "/api/traces/"),
        ("GET", "/api/traces/1/2"),
        ("GET", "/api/archive/1"),
        ("GET", "/api/transform"),
        ("POST", "/api/services"),
        ("DELETE", "/api/traces/1"),
        ("PUT", "/api/traces"),
    ],
)
async def test_what_the_api_does_not_have_is_not_found(api: Api, method: str, path: str) -> None:
    answer = await api.client.request(method, path)
    assert answer.status_code == 404
    assert answer.text == "404 page not found\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_head_answers_as_get_does(api: Api) -> None:
    answer = await api.client.head("/api/services")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("value", "pretty"), [("true", 1), ("x", 1), ("false", 0), ("", 0)])
async def test_pretty_print_indents_by_four(api: Api, value: str, *, pretty: int) -> None:
    api.send(of("größe", span(1)))
    answer = await api.get("/api/services", prettyPrint=value)
    expected = {"data": ["größe"], "total": 1, "limit": 0, "offset": 0, "errors": None}
    if pretty:
        assert answer.text == json.dumps(expected, indent=4, ensure_ascii=False)
    else:
        assert answer.text == json.dumps(expected, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("*", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_large_answers_are_compressed_for_who_takes_it(
    api: Api, accepted: str, *, compressed: bool
) -> None:
    api.send(of("shop", *(span(number) for number in range(1, 20))))
    query = {"headers": {"Accept-Encoding": accepted}, "params": {"start": 0}}
    async with api.client.stream("GET", "/api/traces", **query) as answer:  # type: ignore[arg-type]
        body = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    plain = gzip.decompress(body) if compressed else body
    assert len(json.loads(plain)["data"][0]["spans"]) == 19


async def test_a_store_that_fails_is_a_500_with_its_reason(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.reader.error = AnantaError("the store is on fire")
    assert await api.problem("/api/services", 500) == "the store is on fire"
    assert "GET /api/services failed: the store is on fire" in caplog.text


async def test_a_store_that_is_not_ready_is_a_503(api: Api) -> None:
    api.reader.error = RetryableError("ask again in a moment")
    assert await api.problem("/api/services", 503) == "ask again in a moment"


async def test_a_mistake_of_ours_is_a_500_that_tells_nothing_of_it(api: Api) -> None:
    api.reader.error = KeyError("secret")
    assert await api.problem("/api/services", 500) == "internal error; the log has its cause"


async def test_a_body_beyond_the_limit_is_refused(api: Api) -> None:
    async with api.client_of(max_body_bytes=1000) as client:
        answer = await client.post("/api/transform", content=b" " * 1001)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["msg"] == "the request body is larger than 1000 bytes"


async def test_transform_refuses_what_is_not_otlp(api: Api) -> None:
    for body in (b"{", b"[]", b'{"resourceSpans": 5}'):
        answer = await api.client.post("/api/transform", content=body)
        assert answer.status_code == 400, body
        assert answer.json()["errors"][0]["msg"].startswith("cannot unmarshal OTLP: ")


async def test_transform_shows_otlp_as_jaeger_does(api: Api) -> None:
    answer = await api.client.post("/api/transform", content=GOLDEN_IN.read_bytes())
    assert answer.status_code == 200
    assert answer.json() == json.loads(GOLDEN_OUT.read_bytes())
