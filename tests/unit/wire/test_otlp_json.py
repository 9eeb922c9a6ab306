"""OTLP/JSON through `SpanBatch`, held against google.protobuf's own JSON."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from ananta.errors import DecodeError
from ananta.model import SpanBatch

from .otlp_messages import traces_data

generous = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ID_FIELDS = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}


def with_hex_ids(value: Any) -> Any:
    """ProtoJSON as OTLP wants it: ids in hexadecimal where protobuf has base64."""
    if isinstance(value, list):
        return [with_hex_ids(item) for item in value]
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex() if key in ID_FIELDS else with_hex_ids(item)
            for key, item in value.items()
        }
    return value


def one_span(span: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def parse(batch: SpanBatch) -> trace.TracesData:
    return trace.TracesData.FromString(batch.to_otlp())


@generous
@given(traces_data)
def test_what_is_written_is_what_google_writes_but_for_ids(data: trace.TracesData) -> None:
    written = json.loads(SpanBatch.from_otlp(data.SerializeToString()).to_otlp_json())
    expected = json_format.MessageToDict(data, use_integers_for_enums=True)
    assert written == with_hex_ids(expected)


@generous
@given(traces_data, st.booleans(), st.booleans(), st.booleans())
def test_every_spelling_google_writes_is_read(
    data: trace.TracesData, proto_names: bool, enum_numbers: bool, defaults: bool
) -> None:
    document = json_format.MessageToDict(
        data,
        preserving_proto_field_name=proto_names,
        use_integers_for_enums=enum_numbers,
        always_print_fields_with_no_presence=defaults,
    )
    batch = SpanBatch.from_otlp_json(json.dumps(with_hex_ids(document)).encode())
    # What Google reads is the measure, not the message: JSON has but one NaN. Serialised, so that
    # it equals itself.
    expected = json_format.ParseDict(document, trace.TracesData())
    assert parse(batch).SerializeToString(deterministic=True) == expected.SerializeToString(
        deterministic=True
    )


@generous
@given(traces_data)
def test_columns_and_json_say_the_same(data: trace.TracesData) -> None:
    batch = SpanBatch.from_otlp(data.SerializeToString())
    if len(batch) == 0:
        return
    again = SpanBatch.from_otlp_json(batch.to_otlp_json())
    assert repr(again.rows()) == repr(batch.rows())


def test_ids_are_hexadecimal_in_either_case() -> None:
    batch = SpanBatch.from_otlp_json(
        one_span({"traceId": "4BF92F3577B34DA6A3CE929D0E0E4736", "spanId": "00f067aa0ba902b7"})
    )
    assert batch.rows()[0]["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert b'"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"' in batch.to_otlp_json()


def test_unknown_fields_are_ignored_at_every_level() -> None:
    document = {
        "futureField": {"deep": [[[{}]]]},
        "resourceSpans": [
            {"scopeSpans": [{"spans": [{"name": "n", "x": 1e300, "y": None}]}], "z": "\ud83d\ude00"}
        ],
    }
    assert SpanBatch.from_otlp_json(json.dumps(document).encode()).rows()[0]["name"] == "n"


def test_bytes_are_read_in_every_base64_dialect() -> None:
    values = ["+/8=", "+/8", "-_8=", "-_8"]
    span = {"attributes": [{"key": "k", "value": {"bytesValue": value}} for value in values]}
    attributes = parse(SpanBatch.from_otlp_json(one_span(span))).resource_spans[0].scope_spans[0]
    assert {pair.value.bytes_value for pair in attributes.spans[0].attributes} == {b"\xfb\xff"}


@pytest.mark.parametrize(
    ("span", "field"),
    [
        ({"traceId": "abcd"}, "traceId"),
        ({"spanId": "4bf92f3577b34da6a3ce929d0e0e4736"}, "spanId"),
        ({"links": [{}, {"traceId": "x" * 32}]}, r"links\[1\]\.traceId"),
        ({"kind": "SERVER"}, "kind"),
        ({"status": {"code": "OK"}}, r"status\.code"),
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano"),
        ({"endTimeUnixNano": 2**64}, "endTimeUnixNano"),
        ({"events": {"name": "one"}}, "events"),
        ({"attributes": [{"key": 1}]}, r"attributes\[0\]\.key"),
        ({"attributes": [{"value": {"intValue": 0.5}}]}, r"attributes\[0\]\.value\.intValue"),
        ({"attributes": [{"value": {"boolValue": 1}}]}, r"attributes\[0\]\.value\.boolValue"),
    ],
)
def test_a_refusal_names_the_path_and_the_offset(span: dict[str, Any], field: str) -> None:
    document = one_span(span)
    with pytest.raises(DecodeError) as caught:
        SpanBatch.from_otlp_json(document)
    path = rf"resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[0\]\.{field}"
    found = re.fullmatch(rf"{path} at byte (\d+): .+", str(caught.value))
    assert found
    assert 0 < int(found[1]) < len(document)


def nested_arrays(levels: int) -> bytes:
    value: dict[str, Any] = {"intValue": "1"}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return one_span({"attributes": [{"key": "deep", "value": value}]})


def test_values_nested_too_deep_are_refused() -> None:
    allowed = SpanBatch.from_otlp_json(nested_arrays(48))
    assert allowed.to_otlp_json() == nested_arrays(48).replace(b" ", b"")
    for levels in (49, 200):
        with pytest.raises(DecodeError, match="nest"):
            SpanBatch.from_otlp_json(nested_arrays(levels))
    unclosed = b'{"resourceSpans":' + b"[" * 1_000_000
    with pytest.raises(DecodeError):
        SpanBatch.from_otlp_json(unclosed)


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[]", b'"x"', b"{", b"{}{}", b"\xff", b"\xef\xbb\xbf{}"]
)
def test_text_that_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(DecodeError, match=r"^JSON at byte \d+: "):
        SpanBatch.from_otlp_json(text)


def test_an_empty_request_is_an_empty_batch() -> None:
    batch = SpanBatch.from_otlp_json(b' {"resourceSpans": null} ')
    assert len(batch) == 0
    assert batch.to_otlp_json() == b"{}"


@generous
@given(traces_data.filter(lambda data: data.ByteSize() > 0), st.data())
def test_damaged_json_never_crashes(data: trace.TracesData, draw: st.DataObject) -> None:
    text = bytearray(SpanBatch.from_otlp(data.SerializeToString()).to_otlp_json())
    interesting = st.sampled_from(b'"{}[]:,\\0-.eEtfn \x00\xff') | st.integers(0, 255)
    for _ in range(draw.draw(st.integers(1, 4))):
        text[draw.draw(st.integers(0, len(text) - 1))] = draw.draw(interesting)
    cut = draw.draw(st.integers(0, len(text)))
    refusals = []
    for damaged in (bytes(text), bytes(text[:cut])):
        try:
            batch = SpanBatch.from_otlp_json(damaged)
        except DecodeError as error:
            refusals.append(str(error))
        else:
            assert len(SpanBatch.from_otlp_json(batch.to_otlp_json())) == len(batch)
    for refusal in refusals:
        assert re.fullmatch(r"[\w.\[\]]+ at byte \d+: .+", refusal, re.DOTALL)


@generous
@given(st.binary(max_size=200))
def test_any_checked_protobuf_can_be_written(payload: bytes) -> None:
    try:
        batch = SpanBatch.from_otlp(payload)
    except DecodeError:
        return
    assert isinstance(json.loads(batch.to_otlp_json()), dict)


def test_a_large_request_is_transcoded_both_ways() -> None:
    """Lengths of one to four bytes, on every level."""
    span = trace.Span(
        name="x" * 130,
        attributes=[
            common.KeyValue(key="a", value=common.AnyValue(string_value="y" * size))
            for size in (0, 1, 120, 127, 128, 16_300, 16_384, 2_100_000)
        ],
    )
    data = trace.TracesData(
        resource_spans=[trace.ResourceSpans(scope_spans=[trace.ScopeSpans(spans=[span] * 3)])]
    )
    batch = SpanBatch.from_otlp(data.SerializeToString())
    assert parse(SpanBatch.from_otlp_json(batch.to_otlp_json())) == data
