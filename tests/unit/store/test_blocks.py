"""Blocks of the `spans` table, without an engine: what is written is what is read."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1 import trace_pb2 as trace  # noqa: TC002 - hypothesis reads it

from ananta._native import StoreEncoder, common_places, read_rows, read_spans, term
from ananta.errors import DecodeError
from ananta.model import SpanBatch
from tests.unit.api.otlp_spans import START, of, request, span
from tests.unit.store.stored_spans import spans_with_headers
from tests.unit.wire.otlp_messages import traces_data

PERIOD = 3600
NOW = START // 10**9


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(traces_data)
def test_every_field_survives_the_store(data: trace.TracesData) -> None:
    payload = data.SerializeToString()
    blocks = StoreEncoder().encode(SpanBatch.from_otlp(payload), PERIOD, NOW)
    stored = read_spans(blocks.spans)
    assert sorted(spans_with_headers(stored.to_otlp())) == sorted(spans_with_headers(payload))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_answer_never_crashes(data: st.DataObject) -> None:
    batch = SpanBatch.from_otlp(request(of("shop", span(attributes={"a": 1, "b": [2]}))))
    block = bytearray(StoreEncoder().encode(batch, PERIOD, NOW).spans)
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    for read in (read_spans, read_rows):
        with contextlib.suppress(DecodeError):
            read(bytes(block))


def test_what_is_remembered_is_not_given_again() -> None:
    encoder = StoreEncoder()
    batch = SpanBatch.from_otlp(request(of("shop", span(1), span(2))))
    first = encoder.encode(batch, PERIOD, NOW)
    assert {table for table, _ in first.catalog} == {"operations", "attribute_keys", "origins"}
    again = encoder.encode(batch, PERIOD, NOW)
    assert [table for table, _ in again.catalog] == [table for table, _ in first.catalog]
    encoder.remember(first)
    later = encoder.encode(batch, PERIOD, NOW)
    assert later.catalog == []
    assert len(later.postings) < len(first.postings)
    # Another partition has to stand by itself.
    other = SpanBatch.from_otlp(request(of("shop", span(1, start=START + 2 * PERIOD * 10**9))))
    assert encoder.encode(other, PERIOD, NOW).catalog


def test_a_period_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="period_seconds must be at least 1"):
        StoreEncoder().encode(SpanBatch.concat([]), 0, NOW)


def test_terms_are_numbered_by_their_parts() -> None:
    parts: list[tuple[Any, ...]] = [
        ("any",),
        ("service", b"a"),
        ("operation", b"a"),
        ("operation", b"a", b"b"),
        ("operation", b"b", b"a"),
        ("error",),
        ("error", b"a"),
        ("duration", b"\x05"),
        ("attribute", b"a", b"b"),
        ("attribute", b"b", b"a"),
        ("trace", b"a" * 16),
    ]
    assert len({term(*one) for one in parts}) == len(parts)
    with pytest.raises(ValueError, match="no term colour with 1 parts"):
        term("colour", b"red")


def test_an_empty_answer_has_no_places() -> None:
    assert common_places(b"", [[1], [2]], 0, 2**32 - 1) == ([], [])
