"""The query API of a running platform over its real store."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.api.otlp_spans import CLIENT, ERROR, MILLISECOND, SERVER, of, request, span

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

    from tests.e2e.platform import Platform

pytestmark = pytest.mark.e2e

SECOND = 1000 * MILLISECOND


def send(platform: Platform, *resource_spans: ResourceSpans) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", platform.ports["http"], timeout=60)
    headers = {"Content-Type": "application/x-protobuf"}
    connection.request("POST", "/v1/traces", request(*resource_spans), headers)
    assert connection.getresponse().status == 200
    connection.close()


def test_what_was_acknowledged_is_found_at_once(platform: Platform) -> None:
    for number in range(1, 31):
        now = time.time_ns()
        send(platform, of("at-once", span(number, trace_id=0xA000 + number, start=now)))
        newest = platform.get("/api/traces", service="at-once", limit=1)
        assert newest["data"][0]["traceID"] == f"{0xA000 + number:016x}"
        assert newest.get("truncated", False) is (number > 1)


def test_a_list_and_its_numbers_are_of_all_that_was_acknowledged(platform: Platform) -> None:
    own = "/api/ananta/v1"
    now = time.time_ns()
    for number in (1, 2, 3):
        root = span(1, "GET /", trace_id=0xB000 + number, start=now, duration=number * SECOND)
        send(platform, of("listed", root))
        found = platform.get(f"{own}/search", service="listed", order="longest", limit=1)
        assert found["traces"][0]["duration_nanos"] == number * SECOND
        assert found["more"] is (number > 1)
        assert platform.get(f"{own}/histogram", service="listed")["total_traces"] == number
        (roots,) = platform.get(f"{own}/root-operations", service="listed")
        assert (roots["operation"], roots["traces"]) == ("GET /", number)
    values = platform.get(f"{own}/attributes/values", key="service", prefix="liste")
    assert values == [{"value": "listed", "spans": 3}]


def test_a_trace_of_ten_thousand_spans_is_shown_whole(platform: Platform) -> None:
    now = time.time_ns()
    for part in range(10):
        spans = [
            span(number, f"step {number}", trace_id=0xB16, parent=number - 1, start=now + number)
            for number in range(part * 1000 + 1, part * 1000 + 1001)
        ]
        send(platform, of("large", *spans))
    trace = platform.trace("b16")
    assert len(trace["spans"]) == 10_000
    found = platform.get("/api/traces", service="large", operation="step 7777")["data"]
    assert [len(one["spans"]) for one in found] == [10_000]


def test_operations_and_dependencies_follow_the_spans(platform: Platform) -> None:
    now = time.time_ns()
    send(
        platform,
        of("front", span(1, "GET /", trace_id=0xC1, start=now, kind=SERVER)),
        of("front", span(2, "call", trace_id=0xC1, parent=1, start=now, kind=CLIENT)),
    )
    send(platform, of("back", span(3, "serve", trace_id=0xC1, parent=2, start=now, kind=SERVER)))
    assert platform.get("/api/operations", service="front")["data"] == [
        {"name": "GET /", "spanKind": "server"},
        {"name": "call", "spanKind": "client"},
    ]
    edges = platform.get("/api/dependencies", service="back")["data"]
    assert edges == [{"parent": "front", "child": "back", "callCount": 1}]


def test_the_same_question_has_the_same_answer(platform: Platform) -> None:
    now = time.time_ns()
    for number in range(1, 21):
        send(
            platform,
            of(
                "steady",
                span(1, trace_id=0xD000 + number, start=now + number, status=ERROR),
                span(2, trace_id=0xD000 + number, start=now + number, parent=1),
            ),
        )
    ask: dict[str, Any] = {"service": "steady", "tag": "error:true", "limit": 7}
    first = platform.get("/api/traces", **ask)
    assert [int(one["traceID"], 16) - 0xD000 for one in first["data"]] == [*range(20, 13, -1)]
    for _ in range(5):
        assert platform.get("/api/traces", **ask) == first


def test_a_mistake_is_answered_and_harms_nothing(platform: Platform) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        platform.get("/api/traces", service="x", tags='{"a":1}')
    with refused.value as answer:
        assert answer.code == 400
        assert b"write it as a string" in answer.read()
    odd = {"'; DROP TABLE x": "\\' OR 1=1 --"}
    assert platform.get("/api/traces", tags=json.dumps(odd))["data"] == []
