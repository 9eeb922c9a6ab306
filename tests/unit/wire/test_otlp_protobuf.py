"""OTLP protobuf through `SpanBatch`, held against the official messages."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from ananta.errors import DecodeError
from ananta.model import SpanBatch

from .otlp_messages import merge_containers, spans, traces_data

generous = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def through_columns(payload: bytes) -> bytes:
    """Decode to columns and encode again; a batch left alone would return its own bytes."""
    batch = SpanBatch.from_otlp(payload)
    parts = [batch.filter([True] * len(batch))]
    return SpanBatch.concat(parts).to_otlp()


def without_empty_containers(data: trace.TracesData) -> trace.TracesData:
    kept = trace.TracesData()
    for container in data.resource_spans:
        inner = [scope for scope in container.scope_spans if scope.spans]
        if inner:
            copy = kept.resource_spans.add()
            copy.CopyFrom(container)
            del copy.scope_spans[:]
            copy.scope_spans.extend(inner)
    return kept


@generous
@given(traces_data)
def test_every_field_survives_columns(data: trace.TracesData) -> None:
    decoded = trace.TracesData.FromString(through_columns(data.SerializeToString()))
    expected = without_empty_containers(merge_containers(data))
    # Serialised, so that NaN equals NaN.
    assert decoded.SerializeToString(deterministic=True) == expected.SerializeToString(
        deterministic=True
    )


def test_containers_keep_their_order_when_empty_ones_go() -> None:
    data = trace.TracesData()
    data.resource_spans.add(schema_url="first")
    second = data.resource_spans.add(schema_url="second")
    second.scope_spans.add().spans.add(name="b")
    second.scope_spans.add(schema_url="empty")
    data.resource_spans.add(schema_url="first").scope_spans.add().spans.add(name="a")
    decoded = trace.TracesData.FromString(through_columns(data.SerializeToString()))
    assert [container.schema_url for container in decoded.resource_spans] == ["first", "second"]


@generous
@given(traces_data)
def test_an_untouched_batch_keeps_its_bytes(data: trace.TracesData) -> None:
    payload = data.SerializeToString()
    batch = SpanBatch.from_otlp(payload)
    assert batch.to_otlp() == payload
    assert batch.nbytes == len(payload)
    assert len(batch) == sum(
        len(scope.spans) for res in data.resource_spans for scope in res.scope_spans
    )


@generous
@given(st.lists(traces_data, max_size=3), st.integers(1, 4))
def test_split_and_concat_lose_nothing(requests: list[trace.TracesData], max_spans: int) -> None:
    batch = SpanBatch.from_otlp([data.SerializeToString() for data in requests])
    parts = batch.split(max_spans)
    assert all(0 < len(part) <= max_spans for part in parts) or len(batch) == 0

    def sorted_spans(batch: SpanBatch) -> list[bytes]:
        data = trace.TracesData.FromString(batch.to_otlp())
        return sorted(
            span.SerializeToString(deterministic=True)
            for res in data.resource_spans
            for scope in res.scope_spans
            for span in scope.spans
        )

    assert sorted_spans(SpanBatch.concat(parts)) == sorted_spans(batch)


@generous
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_with_field_and_offset_or_taken(payload: bytes) -> None:
    refusal = None
    try:
        batch = SpanBatch.from_otlp(payload)
    except DecodeError as error:
        refusal = str(error)
    else:
        batch.rows()
        batch.to_arrow()
    assert refusal is None or re.fullmatch(r"[a-z_.]+ at byte \d+: .+", refusal, re.DOTALL)


@generous
@given(traces_data.filter(lambda data: data.ByteSize() > 0), st.data())
def test_a_damaged_payload_never_crashes(data: trace.TracesData, draw: st.DataObject) -> None:
    payload = bytearray(data.SerializeToString())
    for _ in range(draw.draw(st.integers(1, 4))):
        payload[draw.draw(st.integers(0, len(payload) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(payload)))
    for damaged in (bytes(payload), bytes(payload[:cut])):
        try:
            batch = SpanBatch.from_otlp(damaged)
        except DecodeError:
            continue
        again = SpanBatch.from_otlp(through_columns(damaged))
        assert len(again) == len(batch)
        batch.rows()
        batch.to_arrow().validate(full=True)


def request(span: trace.Span) -> bytes:
    return trace.TracesData(
        resource_spans=[trace.ResourceSpans(scope_spans=[trace.ScopeSpans(spans=[span])])]
    ).SerializeToString()


@pytest.mark.parametrize(
    ("span", "field"),
    [
        (trace.Span(trace_id=b"short"), "trace_id"),
        (trace.Span(span_id=bytes(9)), "span_id"),
        (trace.Span(parent_span_id=bytes(16)), "parent_span_id"),
        (trace.Span(links=[trace.Span.Link(trace_id=bytes(3))]), "links.trace_id"),
        (trace.Span(links=[trace.Span.Link(span_id=bytes(3))]), "links.span_id"),
    ],
)
def test_an_id_of_a_wrong_length_is_refused(span: trace.Span, field: str) -> None:
    payload = request(span)
    with pytest.raises(DecodeError) as caught:
        SpanBatch.from_otlp(payload)
    found = re.fullmatch(
        rf"resource_spans\.scope_spans\.spans\.{field} at byte (\d+): must have \d+ bytes, has \d+",
        str(caught.value),
    )
    assert found
    assert 0 < int(found[1]) < len(payload)


def test_a_string_that_is_not_utf8_is_refused_where_it_stands() -> None:
    payload = request(trace.Span(name="n@me")).replace(b"n@me", b"n\xffme")
    with pytest.raises(DecodeError, match=r"spans\.name at byte \d+: string is not valid UTF-8"):
        SpanBatch.from_otlp(payload)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field, for messages the official encoder won't write."""
    length, encoded = len(value), b""
    while length >= 0x80:
        encoded += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + encoded + bytes([length]) + value


@pytest.mark.parametrize(("levels", "taken"), [(48, True), (49, False), (5000, False)])
def test_values_may_nest_48_levels_and_no_deeper(levels: int, taken: bool) -> None:
    value = b""
    for _ in range(levels):
        value = field(5, field(1, value))
    span = field(9, field(1, b"deep") + field(2, value))
    payload = field(1, field(2, field(2, span)))
    if taken:
        assert len(SpanBatch.from_otlp(payload)) == 1
    else:
        with pytest.raises(DecodeError, match="nest deeper than 48 levels"):
            SpanBatch.from_otlp(payload)


def test_a_length_that_lies_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"resource_spans at byte 1: length 127 exceeds"):
        SpanBatch.from_otlp(b"\x0a\x7f\x00")


@generous
@given(st.lists(spans, max_size=3))
def test_rows_tell_what_the_message_holds(messages: list[trace.Span]) -> None:
    data = trace.TracesData(
        resource_spans=[trace.ResourceSpans(scope_spans=[trace.ScopeSpans(spans=messages)])]
    )
    rows = SpanBatch.from_otlp(data.SerializeToString()).rows()
    assert len(rows) == len(messages)
    for row, message in zip(rows, messages, strict=True):
        assert row["trace_id"] == message.trace_id.hex()
        assert row["span_id"] == message.span_id.hex()
        assert row["parent_span_id"] == message.parent_span_id.hex()
        assert row["name"] == message.name
        assert row["start_time_unix_nano"] == message.start_time_unix_nano
        assert row["end_time_unix_nano"] == message.end_time_unix_nano
        assert row["status_message"] == message.status.message
        assert [event["name"] for event in row["events"]] == [e.name for e in message.events]
        assert [link["span_id"] for link in row["links"]] == [
            link.span_id.hex() for link in message.links
        ]
        for pair in message.attributes:
            if pair.value.WhichOneof("value") == "string_value":
                assert pair.key in row["attributes"]


def test_arrow_has_a_row_a_span_with_ids_times_and_attributes() -> None:
    span = trace.Span(
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        name="checkout",
        kind=trace.Span.SPAN_KIND_SERVER,
        start_time_unix_nano=10,
        end_time_unix_nano=25,
        attributes=[
            common.KeyValue(key="tenant.id", value=common.AnyValue(string_value="12345")),
            common.KeyValue(key="retries", value=common.AnyValue(int_value=-2)),
        ],
    )
    table = SpanBatch.from_otlp(request(span)).to_arrow()
    table.validate(full=True)
    row = table.to_pylist()[0]
    assert row["trace_id"] == bytes(range(16))
    assert row["parent_span_id"] is None
    assert row["name"] == "checkout"
    assert row["end_time_unix_nano"] - row["start_time_unix_nano"] == 15
    assert [item["key"] for item in row["attributes"]] == ["tenant.id", "retries"]
    assert int.from_bytes(row["attributes"][1]["value"], "little", signed=True) == -2


def test_pandas_has_timestamps() -> None:
    frame = SpanBatch.from_otlp(
        request(trace.Span(name="checkout", start_time_unix_nano=1_700_000_000_000_000_000))
    ).to_pandas()
    assert frame["name"].tolist() == ["checkout"]
    assert frame["start_time"][0].isoformat() == "2023-11-14T22:13:20+00:00"
