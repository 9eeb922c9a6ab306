"""Whatever a trace holds, its columns are one forest with every span in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.api.otlp_spans import MILLISECOND, START, of, raw_trace_id, request, span
from tests.unit.api.trace_columns import decode
from tests.unit.wire.otlp_messages import traces_data

from ananta._native import trace_columns
from ananta.model import SpanBatch

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1 import trace_pb2 as trace

generous = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
TRACE = 5

small_ids = st.integers(0, 12)
trees = st.lists(st.tuples(small_ids, small_ids, st.integers(0, 20)), min_size=1, max_size=40)


def batch_of(*spans: Any, host: str = "a") -> SpanBatch:
    return SpanBatch.from_otlp(request(of("shop", *spans, resource={"host.name": host})))


def columns(batch: SpanBatch, **options: Any) -> Any:
    body = trace_columns(batch, raw_trace_id(TRACE), **({"adjust": False} | options))
    return None if body is None else decode(body)


@generous
@given(trees)
def test_every_span_has_its_row_whatever_its_ids_say(tree: list[tuple[int, int, int]]) -> None:
    spans = [span(id_, trace_id=TRACE, parent=up, start=START + at) for id_, up, at in tree]
    shown = columns(batch_of(*spans))
    ids, parents = shown.ids("span_id"), shown.ids("parent_span_id")
    expected = [(f"{id_:016x}", f"{up:016x}") for id_, up, _ in tree]
    assert sorted(zip(ids, parents, strict=True)) == sorted(expected)
    for row, parent in enumerate(shown["parent"]):
        assert parent < 0 or ids[parent] == parents[row]
        known = parents[row] in ids and int(parents[row], 16)
        if parent < 0 and known:
            assert "own descendants" in shown.warnings(row)[-1]
        assert bool(shown["flags"][row] & 2) is bool(int(parents[row], 16) and not known)


@generous
@given(trees)
def test_what_is_below_a_span_is_the_same_alone(tree: list[tuple[int, int, int]]) -> None:
    spans = [span(id_, trace_id=TRACE, parent=up, start=START + at) for id_, up, at in tree]
    batch = batch_of(*spans)
    whole = columns(batch)
    ids = whole.ids("span_id")
    for root in set(ids):
        row = ids.index(root)
        alone = columns(batch, root=bytes.fromhex(root))
        assert alone.ids("span_id") == ids[row : whole["next"][row]]
        assert alone["flags"] == whole["flags"][row : whole["next"][row]]


@generous
@given(traces_data, st.booleans())
def test_all_that_otlp_allows_can_be_shown(data: trace.TracesData, adjust: bool) -> None:
    batch = SpanBatch.from_otlp(data.SerializeToString())
    rows = batch.rows()
    for trace_id in {row["trace_id"].rjust(32, "0") for row in rows}:
        of_trace = [row for row in rows if row["trace_id"].rjust(32, "0") == trace_id]
        body = trace_columns(batch, bytes.fromhex(trace_id), adjust=adjust)
        assert body is not None
        shown = decode(body)
        count = shown.header["count"]
        assert 0 < count <= len(of_trace)
        assert adjust or count == len(of_trace)
        for row in range(count):
            shown.attributes("attribute", row)
            shown.attributes("resource_attribute", shown["resource"][row])
            shown.attributes("scope_attribute", shown["scope"][row])


def test_a_skewed_child_is_moved_with_its_events_and_says_so() -> None:
    parent = span(1, trace_id=TRACE, duration=10 * MILLISECOND)
    late = START + 100 * MILLISECOND
    child = span(2, trace_id=TRACE, parent=1, start=late, duration=2 * MILLISECOND)
    child.events.add(name="e", time_unix_nano=late + 1)
    batch = SpanBatch.concat([batch_of(parent), batch_of(child, host="b")])
    moved = columns(batch, adjust=True, max_clock_skew_seconds=1.0)
    assert moved["shift"] == (0, -96 * MILLISECOND)
    assert moved["start"] == (0, 4 * MILLISECOND)
    assert moved["event_time"] == (4 * MILLISECOND + 1,)
    assert "adjusted by -96ms" in moved.warnings(1)[0]
    kept = columns(batch, adjust=True)
    assert (kept["shift"], kept["start"]) == ((0, 0), (0, 100 * MILLISECOND))
    assert "adjustment disabled" in kept.warnings(1)[0]


def test_a_span_delivered_twice_is_shown_once() -> None:
    twice = batch_of(span(1, trace_id=TRACE), span(2, trace_id=TRACE, parent=1))
    batch = SpanBatch.concat([twice, twice])
    assert columns(batch, adjust=True).header["count"] == 2
    assert columns(batch).header["count"] == 4


def test_a_trace_that_is_not_there_has_no_columns() -> None:
    assert columns(batch_of(span(1, trace_id=6))) is None
    assert columns(batch_of(span(1, trace_id=TRACE)), root=bytes(7) + b"\x02") is None
    with pytest.raises(ValueError, match="length"):
        trace_columns(batch_of(span(1)), b"short", adjust=False)
