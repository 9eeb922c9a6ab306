"""What is corrected in a trace when it is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.api.otlp_spans import (
    CLIENT,
    MILLISECOND,
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

from ananta._native import jaeger_traces
from ananta.model import SpanBatch


def adjusted(
    *resource_spans: Any, skew: float = 0.0, adjust: bool = True
) -> dict[str, dict[str, Any]]:
    """The spans by operation name, each with its process."""
    batch = SpanBatch.from_otlp(request(*resource_spans))
    data, _ = jaeger_traces(
        batch, [raw_trace_id(TRACE_ID)], adjust=adjust, max_clock_skew_seconds=skew
    )
    (trace,) = json.loads(data)
    for one in trace["spans"]:
        one["process"] = trace["processes"][one["processID"]]
    return {one["operationName"]: one for one in trace["spans"]}


def keys(tags: list[dict[str, Any]]) -> list[str]:
    return [tag["key"] for tag in tags]


def parent_of(one: dict[str, Any]) -> int:
    return int(one["references"][0]["spanID"], 16) if one["references"] else 0


def test_a_server_that_shares_its_clients_id_becomes_its_child() -> None:
    spans = adjusted(
        of("a", span(5, "client", kind=CLIENT, parent=4), span(4, "root")),
        of("b", span(5, "server", kind=SERVER, parent=4), span(6, "inside", parent=5)),
    )
    assert spans["client"]["spanID"] == "0000000000000005"
    assert parent_of(spans["client"]) == 4
    assert spans["server"]["spanID"] == "0000000000000001"
    assert parent_of(spans["server"]) == 5
    assert parent_of(spans["inside"]) == 1
    assert all(one["warnings"] is None for one in spans.values())


def test_a_fresh_id_is_one_nobody_has() -> None:
    spans = adjusted(
        of("a", span(1, "client", kind=CLIENT), span(2, "other")),
        of("b", span(1, "server", kind=SERVER)),
    )
    assert spans["server"]["spanID"] == "0000000000000003"


def test_a_raw_trace_is_left_alone() -> None:
    spans = adjusted(
        of("a", span(1, "client", kind=CLIENT, attributes={"b": 1, "a": 2}, parent=77)),
        of("b", span(1, "server", kind=SERVER, links=[link(0, 0)])),
        adjust=False,
    )
    assert spans["server"]["spanID"] == "0000000000000001"
    assert keys(spans["client"]["tags"])[:2] == ["b", "a"]
    assert len(spans["server"]["references"]) == 1
    assert all(one["warnings"] is None for one in spans.values())


def test_tags_and_fields_are_sorted_and_logs_stand_in_the_order_of_time() -> None:
    spans = adjusted(
        of(
            "shop",
            span(
                1,
                "root",
                kind=SERVER,
                attributes={"é": 1, "b": 1, "a": 1, "B": 1},
                events=[event("early", START + 9000, z=1, y=2), event("late", START)],
            ),
            resource={"z": 1, "a": 1},
        )
    )
    root = spans["root"]
    assert keys(root["tags"]) == ["B", "a", "b", "é", "span.kind"]
    assert keys(root["process"]["tags"]) == ["a", "z"]
    assert [keys(log["fields"]) for log in root["logs"]] == [["event"], ["event", "y", "z"]]
    assert [log["fields"][0]["value"] for log in root["logs"]] == ["late", "early"]


def test_a_span_delivered_twice_is_shown_once() -> None:
    def twice(**difference: Any) -> int:
        first = span(1, "same", attributes={"a": 1, "b": 2}, events=[event("e", x=1)])
        fields: dict[str, Any] = {"attributes": {"b": 2, "a": 1}, "events": [event("e", x=1)]}
        second = span(1, **({"name": "same"} | fields | difference))
        batch = SpanBatch.from_otlp(request(of("shop", first), of("shop", second)))
        data, _ = jaeger_traces(batch, [raw_trace_id(TRACE_ID)], adjust=True)
        return len(json.loads(data)[0]["spans"])

    assert twice() == 1
    differences: list[dict[str, Any]] = [
        {"name": "other"},
        {"attributes": {"a": 1, "b": 3}},
        {"attributes": {"a": 1, "b": "2"}},
        {"events": [event("e", x=2)]},
        {"events": []},
        {"start": START + 1},
        {"duration": MILLISECOND + 1},
        {"parent": 3},
        {"kind": 1},
        {"status": 1},
        {"status_message": "x"},
        {"trace_state": "x"},
        {"flags": 1},
        {"links": [link(1, 1)]},
    ]
    for difference in differences:
        assert twice(**difference) == 2, difference


def test_spans_of_another_resource_or_scope_are_not_the_same() -> None:
    for other in (
        of("other", span(1)),
        of("shop", span(1), resource={"host": "x"}),
        of("shop", span(1), scope=("library", "")),
    ):
        batch = SpanBatch.from_otlp(request(of("shop", span(1)), other))
        data, _ = jaeger_traces(batch, [raw_trace_id(TRACE_ID)], adjust=True)
        assert len(json.loads(data)[0]["spans"]) == 2


def test_an_id_given_twice_and_a_parent_that_is_not_there_are_warned_of() -> None:
    spans = adjusted(of("shop", span(1, "one"), span(1, "two"), span(2, "orphan", parent=0xABC)))
    assert spans["one"]["warnings"] is None
    assert spans["two"]["warnings"] == ["duplicate span IDs; skipping clock skew adjustment"]
    assert spans["orphan"]["warnings"] == [
        "parent span ID=0000000000000abc is not in the trace; skipping clock skew adjustment"
    ]


PARENT: dict[str, Any] = {"start": START, "duration": 100 * MILLISECOND}
LATE = {"start": START + 1000 * MILLISECOND, "duration": 40 * MILLISECOND}


def pair(
    child: dict[str, Any],
    skew: float,
    parent_host: dict[str, Any] | None = None,
    child_host: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """A parent, its child on another host and a grandchild beside the child."""
    if parent_host is None or child_host is None:
        parent_host, child_host = {"host.id": "x"}, {"host.id": "y"}
    return adjusted(
        of("a", span(1, "parent", **PARENT), resource=parent_host),
        of(
            "b",
            span(2, "child", parent=1, events=[event("e", child["start"])], **child),
            span(3, "grandchild", parent=2, start=child["start"], duration=MILLISECOND),
            resource=child_host,
        ),
        skew=skew,
    )


def test_a_child_outside_its_parent_is_centred_and_takes_its_own_along() -> None:
    spans = pair(LATE, 3600)
    expected = (START + 30 * MILLISECOND) // 1000
    assert spans["child"]["startTime"] == expected
    assert spans["child"]["duration"] == 40_000
    assert spans["child"]["logs"][0]["timestamp"] == expected
    assert spans["grandchild"]["startTime"] == expected
    for name in ("child", "grandchild"):
        assert spans[name]["warnings"] == ["This span's timestamps were adjusted by -970ms"]
    assert spans["parent"]["warnings"] is None


def test_a_child_longer_than_its_parent_only_must_not_start_before_it() -> None:
    early = {"start": START - 7 * MILLISECOND, "duration": 200 * MILLISECOND}
    assert pair(early, 3600)["child"]["startTime"] == START // 1000
    later = {"start": START + 7 * MILLISECOND, "duration": 200 * MILLISECOND}
    assert pair(later, 3600)["child"]["startTime"] == (START + 7 * MILLISECOND) // 1000


def test_a_child_inside_its_parent_stays() -> None:
    inside = {"start": START + MILLISECOND, "duration": MILLISECOND}
    assert pair(inside, 3600)["child"]["warnings"] is None


def test_skew_beyond_the_limit_is_told_and_not_applied() -> None:
    spans = pair(LATE, 0.5)
    assert spans["child"]["startTime"] == LATE["start"] // 1000
    assert spans["child"]["warnings"] == [
        "max clock skew adjustment delta of 500ms exceeded; not applying calculated delta of -970ms"
    ]


def test_by_default_skew_is_told_and_not_applied() -> None:
    spans = pair(LATE, 0)
    assert spans["child"]["startTime"] == LATE["start"] // 1000
    assert spans["child"]["warnings"] == [
        "clock skew adjustment disabled; not applying calculated delta of -970ms"
    ]


@pytest.mark.parametrize(
    ("parent", "child", "same"),
    [
        ({"host.id": "x"}, {"host.id": "x"}, True),
        ({"host.id": "x", "host.name": "n"}, {"host.id": "y", "host.name": "n"}, False),
        ({"host.ip": "1.1.1.1"}, {"host.ip": ["1.1.1.1", "2.2.2.2"]}, True),
        ({"host.ip": ["1.1.1.1"]}, {"host.ip": ["2.2.2.2", "1.1.1.1"]}, False),
        ({"host.ip": [], "host.name": "n"}, {"host.name": "n"}, True),
        ({"host.name": "n"}, {"host.name": "m"}, False),
        ({}, {}, False),
        ({"host.id": 5}, {"host.id": 5}, False),
    ],
)
def test_clocks_are_compared_between_hosts_only(
    parent: dict[str, Any], child: dict[str, Any], same: bool
) -> None:
    spans = pair(LATE, 3600, parent, child)
    moved = spans["child"]["startTime"] != LATE["start"] // 1000
    assert moved is not same


def test_a_circle_of_parents_ends() -> None:
    spans = adjusted(
        of("shop", span(1, "one", parent=2), span(2, "two", parent=1), span(3, "self", parent=3)),
        skew=1,
    )
    assert set(spans) == {"one", "two", "self"}


def test_a_chain_of_a_hundred_thousand_spans_is_walked() -> None:
    chain = [span(number, str(number), parent=number - 1) for number in range(1, 100_001)]
    assert len(adjusted(of("shop", *chain))) == 100_000


def test_numbers_that_are_addresses_are_written_out() -> None:
    attributes = {"ip": 0x7F000001, "peer.ipv4": float(0x0A000001), "other": 1}
    spans = adjusted(
        of(
            "shop",
            span(1, "root", attributes=attributes, events=[event("e", ip=5)]),
            resource={"ip": -1, "peer.ipv4": "text"},
        )
    )
    root = spans["root"]
    assert [(tag["type"], tag["value"]) for tag in root["tags"]] == [
        ("string", "127.0.0.1"),
        ("int64", 1),
        ("string", "10.0.0.1"),
    ]
    assert [tag["value"] for tag in root["process"]["tags"]] == ["255.255.255.255", "text"]
    assert root["logs"][0]["fields"][1]["value"] == 5


def test_attributes_of_the_sdk_move_to_the_process() -> None:
    spans = adjusted(
        of(
            "shop",
            span(1, "one", attributes={"telemetry.sdk.name": "otel", "x": 1}),
            span(2, "two", parent=1, attributes={"telemetry.sdk.language": "python"}),
            span(3, "other", parent=1, attributes={"telemetry.sdk.name": "different"}),
            resource={"telemetry.sdk.language": "python"},
        )
    )
    assert keys(spans["one"]["tags"]) == ["x"]
    assert keys(spans["two"]["tags"]) == []
    assert [(tag["key"], tag["value"]) for tag in spans["one"]["process"]["tags"]] == [
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.name", "otel"),
    ]
    assert keys(spans["other"]["tags"]) == ["telemetry.sdk.name"]
    assert spans["other"]["warnings"] == [
        "conflicting values between Span and Resource for attribute telemetry.sdk.name"
    ]


def test_links_that_lead_nowhere_are_removed() -> None:
    spans = adjusted(of("shop", span(1, "root", links=[link(0, 5), link(5, 0), link(5, 6)])))
    assert [reference["spanID"] for reference in spans["root"]["references"]] == [
        "0000000000000006"
    ]
    assert spans["root"]["warnings"] == ["Invalid span link removed"] * 2


def test_warnings_jaeger_stored_are_shown_as_warnings() -> None:
    attributes = {"@jaeger@warnings": ["stored once", "and again"], "x": 1}
    for adjust in (True, False):
        spans = adjusted(of("shop", span(1, "root", attributes=attributes)), adjust=adjust)
        assert spans["root"]["warnings"] == ["stored once", "and again"]
        assert keys(spans["root"]["tags"]) == ["x"]
