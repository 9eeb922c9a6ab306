"""The processor `span` against a model that goes span by span."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace
from pydantic import ValidationError

from ananta.model import SpanBatch
from ananta.processors.span import SpanConfig, SpanProcessor

from . import model
from .span_requests import (
    KEYS,
    NoHost,
    RecordingSink,
    any_value,
    component_settings,
    generous,
    one_span,
    parse,
    requests,
    spans_of,
)
from .test_attributes import actions, matchers

rules = st.lists(
    st.sampled_from(
        [
            r"^(?P<method>[A-Z]+) ",
            r"/(?P<number>\d+)",
            r"/(?P<a>[a-z])(?P<rest>/.*)?$",
            r"^(?P<whole>.*)$",
            r"(?P<outer>/(?P<inner>\w))",
            r"(?P<x>nothing)",
            r"/(\d+)$",
        ]
    ),
    min_size=1,
    max_size=3,
)
to_attributes = st.fixed_dictionaries(
    {"rules": rules},
    optional={"break_after_match": st.booleans(), "keep_original_name": st.booleans()},
)
names = st.fixed_dictionaries(
    {},
    optional={
        "from_attributes": st.lists(st.sampled_from(KEYS), min_size=1, max_size=2),
        "separator": st.sampled_from(["", "::"]),
        "to_attributes": to_attributes,
    },
)
statuses = st.sampled_from(
    [{"code": "Ok"}, {"code": "Unset"}, {"code": "Error"}, {"code": "Error", "description": "bad"}]
)


async def run(config: dict[str, Any], batch: SpanBatch) -> SpanBatch:
    sink = RecordingSink()
    parsed = SpanConfig.model_validate(config)
    processor = SpanProcessor(parsed, component_settings(), sink)
    await processor.start(NoHost())
    await processor.consume(batch)
    await processor.shutdown()
    (result,) = sink.batches
    return result


def name_from_attributes(name: dict[str, Any], span: trace.Span) -> str:
    pairs = [model.find(list(span.attributes), key) for key in name.get("from_attributes", [])]
    if not pairs or None in pairs:
        return span.name
    texts = [model.plain_text(pair.value) for pair in pairs if pair]
    return str(name.get("separator", "")).join(
        "<unknown-attribute-type>" if text is None else text for text in texts
    )


def apply_rules(rules: dict[str, Any], span: trace.Span) -> None:
    attributes = list(span.attributes)
    for rule in rules["rules"]:
        match = re.search(rule, span.name) if span.name else None
        if match is None:
            continue
        rewritten, position = "", 0
        for group in match.re.groupindex:
            value = common.KeyValue(value=any_value(match[group] or ""))
            attributes = model.put(attributes, group, value, "upsert")
            if match.start(group) >= position:
                rewritten += f"{span.name[position : match.start(group)]}{{{group}}}"
                position = match.end(group)
        if not rules.get("keep_original_name"):
            span.name = rewritten + span.name[position:]
        if rules.get("break_after_match"):
            break
    replace_attributes(span, attributes)


def replace_attributes(span: trace.Span, attributes: list[common.KeyValue]) -> None:
    copies = [common.KeyValue.FromString(pair.SerializeToString()) for pair in attributes]
    del span.attributes[:]
    span.attributes.extend(copies)


def apply_status(status: dict[str, str], span: trace.Span) -> None:
    code = {"Unset": 0, "Ok": 1, "Error": 2}[status["code"]]
    if span.HasField("status") or code:
        span.status.code = code  # type: ignore[assignment]
        span.status.message = status.get("description", "")


@generous
@given(
    requests,
    names,
    st.none() | statuses,
    st.just([]) | actions,
    st.just({}) | matchers,
)
async def test_rules_do_what_the_model_does(
    data: trace.TracesData,
    name: dict[str, Any],
    status: dict[str, str] | None,
    actions: list[dict[str, Any]],
    matcher: dict[str, Any],
) -> None:
    config = {"name": name, "status": status or {"code": "Ok"}, "attributes": actions, **matcher}
    result = await run(config, SpanBatch.from_otlp(data.SerializeToString()))
    for container in data.resource_spans:
        for inner in container.scope_spans:
            for span in inner.spans:
                if not model.selected(config, span, inner.scope, container.resource):
                    continue
                span.name = name_from_attributes(name, span)
                if "to_attributes" in name:
                    apply_rules(name["to_attributes"], span)
                apply_status(config["status"], span)
                replace_attributes(span, model.act_all(span.attributes, actions))
    assert model.flattened(parse(result)) == model.flattened(data)


async def test_a_name_is_made_of_attribute_values() -> None:
    batch = one_span({"db.svc": "location", "operation": "get", "id": 1234}, name="old")
    config = {"name": {"from_attributes": ["db.svc", "operation", "id"], "separator": "::"}}
    assert (await run(config, batch)).rows()[0]["name"] == "location::get::1234"


async def test_parts_of_a_name_become_attributes() -> None:
    batch = one_span(name="/api/v1/document/12345678/update")
    rule = r"^\/api\/v1\/document\/(?P<documentId>.*)\/update$"
    (row,) = (await run({"name": {"to_attributes": {"rules": [rule]}}}, batch)).rows()
    assert row["name"] == "/api/v1/document/{documentId}/update"
    assert row["attributes"] == {"documentId": "12345678"}


async def test_secrets_are_deleted_even_where_the_name_put_them() -> None:
    """The action list runs last."""
    config = {
        "name": {"to_attributes": {"rules": ["token=(?P<token>\\w+)"]}},
        "attributes": [
            {"key": "token", "action": "delete"},
            {"key": "http.request.header.authorization", "action": "delete"},
            {"key": "db.statement", "action": "hash"},
        ],
    }
    before = {"http.request.header.authorization": "Basic x", "db.statement": [1], "kept": 1}
    (row,) = (await run(config, one_span(before, name="GET /?token=s3cret"))).rows()
    assert row["name"] == "GET /?token={token}"
    assert row["attributes"] == {"db.statement": "", "kept": 1}


async def test_events_and_links_stay_with_their_spans() -> None:
    span = trace.Span(name="a", events=[trace.Span.Event(name="a")], links=[trace.Span.Link()])
    data = trace.TracesData(
        resource_spans=[trace.ResourceSpans(scope_spans=[trace.ScopeSpans(spans=[span, span])])]
    )
    result = await run(
        {"name": {"to_attributes": {"rules": ["(?P<x>a)"]}}},
        SpanBatch.from_otlp(data.SerializeToString()),
    )
    for changed in spans_of(parse(result)):
        assert changed.name == "{x}"
        assert [event.name for event in changed.events] == ["a"]
        assert len(changed.links) == 1


@pytest.mark.parametrize(
    "config",
    [
        {"name": {"from_attributes": ["absent"]}},
        {"name": {"from_attributes": ["name"]}},
        {"name": {"to_attributes": {"rules": ["(?P<x>nothing)"]}}},
        {"status": {"code": "Ok"}},
        {"attributes": [{"key": "absent", "action": "delete"}]},
        {
            "include": {"match_type": "strict", "services": ["other"]},
            "status": {"code": "Error"},
        },
    ],
)
async def test_a_batch_nothing_changes_in_is_handed_on_as_it_came(config: dict[str, Any]) -> None:
    batch = one_span({"name": "same"}, name="same", status=trace.Status(code=1))  # type: ignore[arg-type]
    assert await run(config, batch) is batch


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {},
            'error creating "span" processor: either "from_attributes" or "to_attributes" must be'
            ' specified in "name:" or "setStatus" must be specified',
        ),
        (
            {"name": {"to_attributes": {"rules": []}}},
            'error creating "span" processor: either "from_attributes"',
        ),
        (
            {"status": {"code": "Ok", "description": "fine"}},
            'error creating "span" processor: "description" can be specified only for "code"'
            ' "Error"',
        ),
        (
            {"status": {"code": "OK"}},
            'error creating "span" processor: "status" must have specified "code" as "Ok" or'
            ' "Error" or "Unset", got "OK"',
        ),
        ({"name": {"to_attributes": {"rules": ["("]}}}, "invalid regexp pattern (: unclosed group"),
        (
            {"attributes": [{"key": "k"}]},
            'error creating AttrProc due to unsupported action "" at the 0-th actions',
        ),
    ],
)
def test_an_incomplete_configuration_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SpanConfig.model_validate(config)
    assert message in str(caught.value)
