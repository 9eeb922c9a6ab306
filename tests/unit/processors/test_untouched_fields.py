"""What a processor does not change it hands on, whatever the spans hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ananta._native import TraceSampler
from ananta.errors import DecodeError
from ananta.model import SpanBatch
from ananta.processors.actions import compile_actions
from ananta.processors.attributes import AttributesConfig
from ananta.processors.span import SpanConfig
from tests.unit.wire.otlp_messages import traces_data

from . import model
from .span_requests import generous, parse, spans_of

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1 import trace_pb2 as trace

ADD = compile_actions(
    AttributesConfig.model_validate(
        {"actions": [{"key": "added", "value": "x", "action": "upsert"}]}
    ).actions
)
ALL_ACTIONS = compile_actions(
    AttributesConfig.model_validate(
        {
            "actions": [
                {"pattern": "a", "action": "hash"},
                {"key": "", "pattern": "^$", "action": "delete"},
                {"key": "é", "from_attribute": "http.method", "action": "upsert"},
                {"key": "http.method", "pattern": "(?P<a>.)", "action": "extract"},
                {"key": "a", "converted_type": "string", "action": "convert"},
            ]
        }
    ).actions
)
RULES = SpanConfig.model_validate(
    {
        "name": {
            "from_attributes": ["a"],
            "to_attributes": {"rules": ["(?P<first>.)", "(?P<x>x+)"]},
        },
        "status": {"code": "Error", "description": "d"},
        "exclude": {"match_type": "regexp", "attributes": [{"key": "http.method", "value": "^a"}]},
    }
)


def drop_added(attributes: object) -> None:
    kept = [pair for pair in attributes if pair.key != "added"]  # type: ignore[attr-defined]
    del attributes[:]  # type: ignore[attr-defined]
    attributes.extend(kept)  # type: ignore[attr-defined]


@generous
@given(traces_data)
def test_every_other_field_survives_a_change_of_attributes(data: trace.TracesData) -> None:
    batch = SpanBatch.from_otlp(data.SerializeToString())
    result = parse(ADD.apply_to_resources(ADD.apply_to_spans(batch)))
    for span in spans_of(result):
        assert [pair.key for pair in span.attributes].count("added") == 1
        drop_added(span.attributes)
    for container in result.resource_spans:
        assert any(pair.key == "added" for pair in container.resource.attributes)
        drop_added(container.resource.attributes)
    for container in data.resource_spans:
        container.resource.SetInParent()  # it has one now
    assert model.flattened(result) == model.flattened(data)


@generous
@given(traces_data)
def test_every_other_field_survives_the_sampler(data: trace.TracesData) -> None:
    sampler = TraceSampler(
        mode="equalizing", percentage=100, hash_seed=0, precision=4, fail_closed=False
    )
    kept, _ = sampler.sample(SpanBatch.from_otlp(data.SerializeToString()))
    result = parse(kept)
    for span in [*spans_of(result), *spans_of(data)]:
        span.ClearField("trace_state")
    assert model.flattened(result) == model.flattened(data)


@generous
@given(traces_data.filter(lambda data: data.ByteSize() > 0), st.data())
def test_damaged_payloads_that_pass_the_check_never_crash(
    data: trace.TracesData, draw: st.DataObject
) -> None:
    payload = bytearray(data.SerializeToString())
    for _ in range(draw.draw(st.integers(0, 4))):
        payload[draw.draw(st.integers(0, len(payload) - 1))] = draw.draw(st.integers(0, 255))
    try:
        batch = SpanBatch.from_otlp(bytes(payload))
    except DecodeError:
        return
    for result in (
        ALL_ACTIONS.apply_to_spans(batch),
        ALL_ACTIONS.apply_to_resources(batch),
        RULES.compile_rules().apply(batch, RULES.compile_matcher()),
    ):
        assert len(SpanBatch.from_otlp(result.to_otlp())) == len(batch)
    for mode in ("hash_seed", "equalizing", "proportional"):
        sampler = TraceSampler(mode=mode, percentage=50, hash_seed=1, precision=4, fail_closed=True)
        kept, decisions = sampler.sample(batch)
        assert len(SpanBatch.from_otlp(kept.to_otlp())) == len(kept)
        assert sum(spans for _, _, spans in decisions) == len(batch)
