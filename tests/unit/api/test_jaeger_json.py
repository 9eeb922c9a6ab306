"""Spans in the JSON of Jaeger's v1 API."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.unit.api.otlp_spans import (
    CLIENT,
    CONSUMER,
    ERROR,
    INTERNAL,
    MILLISECOND,
    OK,
    PRODUCER,
    SERVER,
    START,
    TRACE_ID,
    event,
    link,
    of,
    raw_trace_id,
    request,
    span,
)

from ananta._native import jaeger_traces, jaeger_transform
from ananta.model import SpanBatch

STRANGE_TEXT = 'quote " back \\ line \n tab \t nul \x00 é 😀'


def shown(*resource_spans: Any, adjust: bool = False, skew: float = 0.0) -> dict[str, Any]:
    """The one trace these spans are, as it is shown from storage."""
    batch = SpanBatch.from_otlp(request(*resource_spans))
    data, missing = jaeger_traces(
        batch, [raw_trace_id(TRACE_ID)], adjust=adjust, max_clock_skew_seconds=skew
    )
    assert missing == []
    trace: dict[str, Any]
    (trace,) = json.loads(data)
    return trace


def shown_span(*resource_spans: Any, adjust: bool = False) -> dict[str, Any]:
    only: dict[str, Any]
    (only,) = shown(*resource_spans, adjust=adjust)["spans"]
    return only


def tags(owner: dict[str, Any]) -> list[tuple[str, str, Any]]:
    assert all(list(tag) == ["key", "type", "value"] for tag in owner["tags"])
    return [(tag["key"], tag["type"], tag["value"]) for tag in owner["tags"]]


def test_a_plain_span_has_every_member_in_jaegers_order() -> None:
    data = shown(of("shop", span(7, "GET /", duration=2_500_999)))
    assert data == {
        "traceID": "0af7651916cd43dd8448eb211c80319c",
        "spans": [
            {
                "traceID": "0af7651916cd43dd8448eb211c80319c",
                "spanID": "0000000000000007",
                "operationName": "GET /",
                "references": [],
                "startTime": START // 1000,
                "duration": 2500,
                "tags": [],
                "logs": [],
                "processID": "p1",
                "warnings": None,
            }
        ],
        "processes": {"p1": {"serviceName": "shop", "tags": []}},
        "warnings": None,
    }
    assert list(data) == ["traceID", "spans", "processes", "warnings"]
    assert list(data["spans"][0]) == [
        "traceID",
        "spanID",
        "operationName",
        "references",
        "startTime",
        "duration",
        "tags",
        "logs",
        "processID",
        "warnings",
    ]


def test_times_are_cut_to_microseconds() -> None:
    data = shown_span(of("shop", span(1, start=START + 1999, duration=1001)))
    assert data["startTime"] == START // 1000 + 1
    assert data["duration"] == 1


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        ("text", "string", "text"),
        ("", "string", ""),
        (STRANGE_TEXT, "string", STRANGE_TEXT),
        (True, "bool", True),
        (False, "bool", False),
        (0, "int64", 0),
        (2**53 - 1, "int64", 2**53 - 1),
        (2**53, "int64", "9007199254740992"),
        (-(2**53) + 1, "int64", -(2**53) + 1),
        (-(2**63), "int64", "-9223372036854775808"),
        (0.5, "float64", 0.5),
        (1e300, "float64", 1e300),
        (5e-324, "float64", 5e-324),
        (float("inf"), "float64", "Infinity"),
        (float("-inf"), "float64", "-Infinity"),
        (float("nan"), "float64", "NaN"),
        (b"\x00\xff\x10", "binary", "AP8Q"),
        (b"", "binary", ""),
        (None, "string", ""),
        ([], "string", "[]"),
        (
            [1, "two", 3.5, True, None, b"\xff", [2**60]],
            "string",
            '[1,"two",3.5,true,null,"/w==",[1152921504606846976]]',
        ),
        ({}, "string", "{}"),
        (
            {"b": {"z": 1, "a": [{}]}, "a": "<&>"},
            "string",
            '{"a":"<&>","b":{"a":[{}],"z":1}}',
        ),
    ],
)
def test_a_value_is_written_with_its_type(value: Any, kind: str, written: Any) -> None:
    data = shown_span(of("shop", span(1, attributes={"key": value})))
    assert tags(data) == [("key", kind, written)]


def test_tags_follow_jaegers_order() -> None:
    data = shown_span(
        of(
            "shop",
            span(
                1,
                kind=SERVER,
                attributes={"z": 1, "a": 2},
                status=ERROR,
                status_message="out of stock",
                trace_state="vendor=1",
            ),
            scope=("library", "1.2"),
        )
    )
    assert tags(data) == [
        ("otel.scope.name", "string", "library"),
        ("otel.scope.version", "string", "1.2"),
        ("z", "int64", 1),
        ("a", "int64", 2),
        ("span.kind", "string", "server"),
        ("otel.status_code", "string", "ERROR"),
        ("error", "bool", True),
        ("otel.status_description", "string", "out of stock"),
        ("w3c.tracestate", "string", "vendor=1"),
    ]


def test_status_ok_has_no_error_tag() -> None:
    data = shown_span(of("shop", span(1, status=OK)))
    assert tags(data) == [("otel.status_code", "string", "OK")]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (INTERNAL, "internal"),
        (SERVER, "server"),
        (CLIENT, "client"),
        (PRODUCER, "producer"),
        (CONSUMER, "consumer"),
    ],
)
def test_every_kind_has_its_name(kind: int, name: str) -> None:
    assert tags(shown_span(of("shop", span(1, kind=kind)))) == [("span.kind", "string", name)]


def test_a_kind_nobody_knows_has_no_tag() -> None:
    assert tags(shown_span(of("shop", span(1, kind=77)))) == []


def test_ids_of_64_bits_are_written_with_16_digits() -> None:
    batch = SpanBatch.from_otlp(request(of("shop", span(1, trace_id=0xABC, parent=2))))
    (trace,) = json.loads(jaeger_transform(batch))
    assert trace["traceID"] == "0000000000000abc"
    assert trace["spans"][0]["traceID"] == "0000000000000abc"
    assert trace["spans"][0]["references"][0]["traceID"] == "0000000000000abc"


def test_parent_comes_first_and_links_follow() -> None:
    links = [
        link(0xF00, 3),
        link(TRACE_ID, 4, {"opentracing.ref_type": "child_of", "other": 1}),
        link(TRACE_ID, 5, {"opentracing.ref_type": "something"}),
    ]
    data = shown_span(of("shop", span(9, parent=2, links=links)))
    own = "0af7651916cd43dd8448eb211c80319c"
    assert data["references"] == [
        {"refType": "CHILD_OF", "traceID": own, "spanID": "0000000000000002"},
        {"refType": "FOLLOWS_FROM", "traceID": "0000000000000f00", "spanID": "0000000000000003"},
        {"refType": "CHILD_OF", "traceID": own, "spanID": "0000000000000004"},
        {"refType": "FOLLOWS_FROM", "traceID": own, "spanID": "0000000000000005"},
    ]


def test_a_link_to_the_parent_says_what_kind_of_parent_it_is() -> None:
    data = shown_span(of("shop", span(9, parent=2, links=[link(TRACE_ID, 2)])))
    assert [reference["refType"] for reference in data["references"]] == ["FOLLOWS_FROM"]


def test_events_are_logs_with_the_name_first() -> None:
    events = [
        event("exception", START + 1_500, type="ValueError", line=3),
        event("", START, only="fields"),
        event("named", START, event="attribute wins", other=1),
    ]
    data = shown_span(of("shop", span(1, events=events)))
    assert data["logs"] == [
        {
            "timestamp": START // 1000 + 1,
            "fields": [
                {"key": "event", "type": "string", "value": "exception"},
                {"key": "type", "type": "string", "value": "ValueError"},
                {"key": "line", "type": "int64", "value": 3},
            ],
        },
        {
            "timestamp": START // 1000,
            "fields": [{"key": "only", "type": "string", "value": "fields"}],
        },
        {
            "timestamp": START // 1000,
            "fields": [
                {"key": "event", "type": "string", "value": "attribute wins"},
                {"key": "other", "type": "int64", "value": 1},
            ],
        },
    ]


def test_the_sampled_flag_shows_and_other_flags_do_not() -> None:
    assert shown_span(of("shop", span(1, flags=0x301)))["flags"] == 1
    assert "flags" not in shown_span(of("shop", span(1, flags=0x300)))


def test_processes_are_numbered_by_first_appearance_and_shared() -> None:
    data = shown(
        of("b", span(1), resource={"host": "x"}),
        of("a", span(2)),
        of("b", span(3), resource={"host": "x"}),
        of("b", span(4), resource={"host": "y"}),
    )
    assert [one["processID"] for one in data["spans"]] == ["p1", "p2", "p1", "p3"]
    assert data["processes"] == {
        "p1": {
            "serviceName": "b",
            "tags": [{"key": "host", "type": "string", "value": "x"}],
        },
        "p2": {"serviceName": "a", "tags": []},
        "p3": {
            "serviceName": "b",
            "tags": [{"key": "host", "type": "string", "value": "y"}],
        },
    }


@pytest.mark.parametrize(
    ("resource", "stored", "given"),
    [
        ({}, "missing-service-name", "OTLPResourceNoServiceName"),
        ({"host": "x"}, "missing-service-name", ""),
        ({"service.name": ""}, "empty-service-name", ""),
        ({"service.name": 5}, "service-name-wrong-type", ""),
    ],
)
def test_a_service_without_a_name_gets_one(
    resource: dict[str, Any], stored: str, given: str
) -> None:
    spans = of(None, span(1), resource=resource)
    assert shown(spans)["processes"]["p1"]["serviceName"] == stored
    (trace,) = json.loads(jaeger_transform(SpanBatch.from_otlp(request(spans))))
    assert trace["processes"]["p1"]["serviceName"] == given
    assert all(tag[0] != "service.name" for tag in tags(trace["processes"]["p1"]))


def test_a_span_without_a_name_gets_one_when_stored() -> None:
    spans = of("shop", span(1, ""))
    assert shown_span(spans)["operationName"] == "empty-span-name"
    (trace,) = json.loads(jaeger_transform(SpanBatch.from_otlp(request(spans))))
    assert trace["spans"][0]["operationName"] == ""


def test_a_span_that_ends_before_it_starts_lasts_no_time() -> None:
    data = shown_span(of("shop", span(1, duration=-2 * MILLISECOND)))
    assert data["duration"] == 0
    (warning,) = data["warnings"]
    assert warning.startswith("Negative duration detected")
    assert "2ms" in warning


def test_stored_spans_come_in_the_order_of_their_start() -> None:
    data = shown(of("shop", span(1, start=START + 2), span(2, start=START), span(3, start=START)))
    assert [one["spanID"][-1] for one in data["spans"]] == ["2", "3", "1"]


def test_traces_come_in_the_order_asked_for_and_the_missing_are_named() -> None:
    batch = SpanBatch.from_otlp(
        request(of("shop", span(1, trace_id=1), span(2, trace_id=2), span(3, trace_id=1)))
    )
    ids = [raw_trace_id(number) for number in (2, 9, 1, 2)]
    data, missing = jaeger_traces(batch, ids, adjust=True)
    assert [trace["traceID"][-1] for trace in json.loads(data)] == ["2", "1"]
    assert missing == [raw_trace_id(9)]


def test_no_trace_at_all_is_an_empty_array() -> None:
    data, missing = jaeger_traces(SpanBatch.from_otlp(b""), [raw_trace_id(1)], adjust=True)
    assert (data, missing) == (b"[]", [raw_trace_id(1)])


def test_a_trace_id_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        jaeger_traces(SpanBatch.from_otlp(b""), [b"short"], adjust=True)


def test_transform_keeps_the_order_of_traces_and_spans() -> None:
    batch = SpanBatch.from_otlp(
        request(
            of("shop", span(3, trace_id=2, start=START + 9), span(2, trace_id=1)),
            of("shop", span(1, trace_id=2)),
        )
    )
    data = json.loads(jaeger_transform(batch))
    assert [[one["spanID"][-1] for one in trace["spans"]] for trace in data] == [["3", "1"], ["2"]]


def test_binary_values_read_back() -> None:
    value = bytes(range(256))
    data = shown_span(of("shop", span(1, attributes={"blob": value})))
    assert base64.b64decode(data["tags"][0]["value"]) == value
