"""The processor `attributes` against a model that goes span by span."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace
from pydantic import ValidationError

from ananta.component import Kind
from ananta.components import load_table
from ananta.config.load import load_config
from ananta.errors import ConfigError
from ananta.model import SpanBatch
from ananta.processors.attributes import AttributesConfig, AttributesProcessor

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

keys = st.sampled_from([*KEYS, "new", "other"])
values = st.sampled_from(["x", "", 1, 0, True, 1.5, [1, "a"], {"k": [None, b"b"]}])
patterns = st.sampled_from(["a", "^b$", r"\.", "nothing", "new|a"])
extractions = st.sampled_from(
    [
        r"(?P<first>\w+)",
        r"^(?P<a>.)(?P<new>.)?",
        r"(?P<scheme>http)s?://(?P<host>[^/]+)",
        "(?P<x>z)",
    ]
)
actions = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "action": st.sampled_from(["insert", "update", "upsert"]),
                "key": keys,
                "value": values,
            }
        ),
        st.fixed_dictionaries(
            {
                "action": st.sampled_from(["insert", "update", "upsert"]),
                "key": keys,
                "from_attribute": keys,
            },
            optional={"default_value": values},
        ),
        st.fixed_dictionaries(
            {"action": st.sampled_from(["delete", "hash"]), "key": keys},
            optional={"pattern": patterns},
        ),
        st.fixed_dictionaries({"action": st.sampled_from(["delete", "hash"]), "pattern": patterns}),
        st.fixed_dictionaries({"action": st.just("delete"), "key": keys, "value": values}),
        st.fixed_dictionaries({"action": st.just("extract"), "key": keys, "pattern": extractions}),
        st.fixed_dictionaries(
            {
                "action": st.just("convert"),
                "key": keys,
                "converted_type": st.sampled_from(["int", "double", "string"]),
            }
        ),
    ),
    min_size=1,
    max_size=4,
)
texts = ["x", "42", "GET /a/1", "query", "lib", "<nil-service-name>"]


def conditions(match_type: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    wanted: st.SearchStrategy[Any] = (
        st.sampled_from(["x", 1, 0, True, 1.5, 0.0])
        if match_type == "strict"
        else st.sampled_from(["^1", "x", "4.", "e", r"^-?1\.5$", "true"])
    )
    return st.lists(
        st.fixed_dictionaries({"key": st.sampled_from(KEYS)}, optional={"value": wanted}),
        min_size=1,
        max_size=2,
    )


def properties(match_type: str) -> st.SearchStrategy[dict[str, Any]]:
    strict = match_type == "strict"
    names = st.lists(
        st.sampled_from(texts if strict else ["GET", "^q", "/1$", "nil", ""]), min_size=1
    )
    kinds = ["SPAN_KIND_CLIENT", "SPAN_KIND_SERVER"] if strict else ["CLIENT|SERVER", "INTERNAL$"]
    library = st.fixed_dictionaries(
        {"name": st.sampled_from(["lib", "other"] if strict else ["l", "^o"])},
        optional={"version": st.sampled_from(["", "1"])},
    )
    parts = {
        "services": names,
        "span_names": names,
        "span_kinds": st.lists(st.sampled_from(kinds), min_size=1, max_size=2),
        "attributes": conditions(match_type),
        "resources": conditions(match_type),
        "libraries": st.lists(library, min_size=1, max_size=2),
    }
    return st.lists(st.sampled_from(sorted(parts)), min_size=1, max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {"match_type": st.just(match_type), **{name: parts[name] for name in chosen}}
        )
    )


matchers = st.fixed_dictionaries(
    {},
    optional={
        "include": properties("strict") | properties("regexp"),
        "exclude": properties("strict") | properties("regexp"),
    },
)


async def run(config: dict[str, Any], batch: SpanBatch) -> SpanBatch:
    sink = RecordingSink()
    parsed = AttributesConfig.model_validate(config)
    processor = AttributesProcessor(parsed, component_settings(), sink)
    await processor.start(NoHost())
    await processor.consume(batch)
    await processor.shutdown()
    (result,) = sink.batches
    return result


def expected(config: dict[str, Any], data: trace.TracesData) -> trace.TracesData:
    changed = trace.TracesData()
    changed.CopyFrom(data)
    for container in changed.resource_spans:
        for inner in container.scope_spans:
            for span in inner.spans:
                if model.selected(config, span, inner.scope, container.resource):
                    kept = model.act_all(span.attributes, config["actions"])
                    copies = [common.KeyValue.FromString(pair.SerializeToString()) for pair in kept]
                    del span.attributes[:]
                    span.attributes.extend(copies)
    return changed


@generous
@given(requests, actions)
async def test_actions_do_what_the_model_does(
    data: trace.TracesData, actions: list[dict[str, Any]]
) -> None:
    config = {"actions": actions}
    result = await run(config, SpanBatch.from_otlp(data.SerializeToString()))
    assert model.flattened(parse(result)) == model.flattened(expected(config, data))


@generous
@given(requests, matchers)
async def test_only_spans_that_match_are_changed(
    data: trace.TracesData, matcher: dict[str, Any]
) -> None:
    config = {"actions": [{"action": "upsert", "key": "seen", "value": True}], **matcher}
    result = await run(config, SpanBatch.from_otlp(data.SerializeToString()))
    assert model.flattened(parse(result)) == model.flattened(expected(config, data))


async def attributes_after(actions: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
    result = await run({"actions": actions}, one_span(before))
    return dict(result.rows()[0]["attributes"])


@pytest.mark.parametrize(
    ("value", "digits"),
    [
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (True, "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"),
        (False, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (1, "7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8"),
        (0.0, "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc"),
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (None, ""),
        ([1], ""),
        ({"k": "v"}, ""),
        (b"bytes", ""),
    ],
)
async def test_hash_is_sha256_of_the_value_as_the_collector_lays_it_out(
    value: Any, digits: str
) -> None:
    assert await attributes_after([{"action": "hash", "key": "k"}], {"k": value}) == {"k": digits}


@pytest.mark.parametrize(
    ("value", "target", "after"),
    [
        ("42", "int", 42),
        ("4.2", "int", "4.2"),
        (-1.9, "int", -1),
        (1e300, "int", 1e300),
        (True, "int", 1),
        ("4.5", "double", 4.5),
        ("1e999", "double", "1e999"),
        (2, "double", 2.0),
        (False, "double", 0.0),
        ([1], "double", [1]),
        (7, "string", "7"),
        (0.1, "string", "0.1"),
        (1e21, "string", "1e+21"),
        (True, "string", "true"),
        (b"\xfb\xff", "string", "+/8="),
        ([1, "a", None], "string", '[1,"a",null]'),
        ({"b": 1.5, "a": {"c": False}}, "string", '{"a":{"c":false},"b":1.5}'),
    ],
)
async def test_convert_changes_what_can_be_read_as_the_type(
    value: Any, target: str, after: Any
) -> None:
    action = {"action": "convert", "key": "k", "converted_type": target}
    result = await attributes_after([action], {"k": value})
    assert result == {"k": after}
    assert type(result["k"]) is type(after)


async def test_extract_makes_attributes_of_groups_found_anywhere() -> None:
    pattern = r"(?P<protocol>\w+)://(?P<host>[^/:]+)(?::(?P<port>\d+))?"
    after = await attributes_after(
        [{"action": "extract", "key": "url", "pattern": pattern}],
        {"url": "see http://shop/cart", "host": "old"},
    )
    assert after == {"url": "see http://shop/cart", "host": "shop", "protocol": "http", "port": ""}


async def test_action_names_are_read_in_any_case() -> None:
    after = await attributes_after([{"action": "DeLeTe", "key": "k"}], {"k": 1, "l": 2})
    assert after == {"l": 2}


async def test_a_secret_given_twice_is_deleted_twice() -> None:
    span = trace.Span(
        attributes=[
            common.KeyValue(key="token", value=any_value(value)) for value in ("one", "two", 3)
        ]
    )
    data = trace.TracesData(
        resource_spans=[trace.ResourceSpans(scope_spans=[trace.ScopeSpans(spans=[span])])]
    )
    result = await run(
        {"actions": [{"action": "delete", "key": "token"}]},
        SpanBatch.from_otlp(data.SerializeToString()),
    )
    assert list(spans_of(parse(result))[0].attributes) == []


async def test_a_value_only_its_bytes_can_tell_is_read_as_its_last_part() -> None:
    """A KeyValue with two values: no encoder writes it, and a secret in it must not slip by."""
    first = common.KeyValue(key="k", value=any_value("abc")).SerializeToString()
    twice = first + common.KeyValue(value=any_value(5)).SerializeToString()
    # events: none; attributes is field 9 of Span, spans 2 of ScopeSpans, and so on outwards.
    payload = twice
    for tag in (b"\x4a", b"\x12", b"\x12", b"\x0a"):
        payload = tag + bytes([len(payload)]) + payload
    batch = SpanBatch.from_otlp(payload)
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"action": "upsert", "key": "copy", "from_attribute": "k"}, {"copy": 5}),
        ({"action": "delete", "key": "k", "value": 5}, {}),
        ({"action": "update", "key": "k", "value": "new"}, {"k": "new"}),
        ({"action": "convert", "key": "k", "converted_type": "string"}, {"k": "5"}),
    ]
    for action, after in cases:
        result = (await run({"actions": [action]}, batch)).rows()[0]["attributes"]
        assert {key: result[key] for key in after} == after
        assert ("k" in result) == (action["action"] != "delete")


@pytest.mark.parametrize(
    "action",
    [
        {"action": "delete", "key": "absent"},
        {"action": "hash", "pattern": "^absent"},
        {"action": "update", "key": "absent", "value": 1},
        {"action": "insert", "key": "present", "value": "other"},
        {"action": "upsert", "key": "present", "value": "text"},
        {"action": "upsert", "key": "new", "from_attribute": "absent"},
        {"action": "upsert", "key": "new", "from_context": "metadata.tenant"},
        {"action": "extract", "key": "present", "pattern": "(?P<digit>[0-9])"},
        {"action": "convert", "key": "present", "converted_type": "int"},
        {"action": "delete", "key": "service.name"},
    ],
)
async def test_a_batch_nothing_changes_in_is_handed_on_as_it_came(action: dict[str, Any]) -> None:
    batch = one_span({"present": "text"}, {"service.name": "shop"})
    assert await run({"actions": [action]}, batch) is batch


async def test_a_default_value_stands_in_for_a_source_that_is_not_there() -> None:
    actions: list[dict[str, Any]] = [
        {"action": "insert", "key": "a", "from_attribute": "absent", "default_value": 1},
        {"action": "upsert", "key": "b", "from_context": "tenant", "default_value": [2]},
        {"action": "update", "key": "c", "default_value": "3"},
        {"action": "insert", "key": "d", "from_attribute": "c", "default_value": 4},
    ]
    after = await attributes_after(actions, {"c": 0})
    assert after == {"a": 1, "b": [2], "c": "3", "d": "3"}


async def test_from_context_is_accepted_and_explained(caplog: pytest.LogCaptureFixture) -> None:
    config = {"actions": [{"action": "upsert", "key": "tenant", "from_context": "tenant"}]}
    with caplog.at_level(logging.WARNING):
        await run(config, one_span())
    assert "action 0 on tenant is skipped" in caplog.text
    assert "include_metadata" in caplog.text


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            {"action": "insert", "value": 1},
            'error creating AttrProc due to missing required field "key" at the 1-th actions',
        ),
        (
            {"action": "update", "key": "k"},
            'error creating AttrProc. Either field "value", "from_attribute" or "from_context"'
            " setting must be specified for 1-th action",
        ),
        (
            {"action": "upsert", "key": "k", "value": 1, "from_attribute": "l"},
            "error creating AttrProc due to multiple value sources being set at the 1-th actions",
        ),
        (
            {"action": "invert", "key": "k"},
            'error creating AttrProc due to unsupported action "invert" at the 1-th actions',
        ),
        ({"key": "k"}, 'error creating AttrProc due to unsupported action "" at the 1-th actions'),
        (
            {"action": "extract", "key": "k", "pattern": "[0-9]"},
            'error creating AttrProc. Field "pattern" contains no named matcher groups'
            " at the 1-th actions",
        ),
        (
            {"action": "extract", "key": "k", "pattern": "(?P<a>.)(.)"},
            'error creating AttrProc. Field "pattern" contains at least one unnamed matcher group'
            " at the 1-th actions",
        ),
        (
            {"action": "extract", "key": "k", "pattern": "(?P<a>"},
            'error creating AttrProc. Field "pattern" has invalid pattern: "(?P<a>" to be set'
            " at the 1-th actions; unclosed group",
        ),
        (
            {"action": "hash", "pattern": "["},
            'error creating AttrProc. Field "pattern" has invalid pattern: "[" to be set'
            " at the 1-th actions",
        ),
        (
            {"action": "extract", "key": "k"},
            'error creating AttrProc due to missing required field "pattern" for action "extract"'
            " at the 1-th action",
        ),
        (
            {"action": "convert", "key": "k", "converted_type": "bool"},
            'error creating AttrProc due to invalid value "bool" in field "converted_type"'
            ' for action "convert" at the 1-th action',
        ),
        (
            {"action": "convert", "key": "k"},
            'error creating AttrProc due to missing required field "converted_type"'
            ' for action "convert" at the 1-th action',
        ),
        (
            {"action": "delete"},
            "error creating AttrProc due to missing required field (at least one of"
            ' "key" and "pattern" have to be used) at the 1-th actions',
        ),
        (
            {"action": "upsert", "key": "k", "value": 1, "pattern": "x"},
            'error creating AttrProc. Action "upsert" does not use the "pattern" field.'
            " This must not be specified for 1-th action",
        ),
        (
            {"action": "hash", "key": "k", "value": 0},
            'Action "hash" does not use the "value" field.',
        ),
        (
            {"action": "hash", "key": "k", "default_value": 0},
            'Action "hash" does not use the "default_value" field.',
        ),
        (
            {"action": "delete", "key": "k", "from_attribute": "l"},
            'Action "delete" does not use the "from_attribute" field.',
        ),
        (
            {"action": "insert", "key": "k", "value": 1, "converted_type": "int"},
            'Action "insert" does not use the "converted_type" field.',
        ),
    ],
)
def test_an_incomplete_action_is_refused_with_its_index(
    action: dict[str, Any], message: str
) -> None:
    fine = {"action": "delete", "key": "k"}
    with pytest.raises(ValidationError) as caught:
        AttributesConfig.model_validate({"actions": [fine, action]})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("include", "message"),
    [
        ({}, "unrecognized match_type: '', valid types are: [regexp strict]"),
        ({"match_type": "exact"}, "unrecognized match_type: 'exact', valid types are:"),
        (
            {"match_type": "strict"},
            'at least one of "attributes", "libraries",  or "resources" field must be specified',
        ),
        (
            {"match_type": "strict", "span_kinds": ["CLIENT"]},
            "span_kinds string must match one of the standard span kinds when match_type=strict:",
        ),
        (
            {"match_type": "regexp", "span_names": ["("]},
            'invalid regular expression "(": unclosed group',
        ),
        (
            {"match_type": "regexp", "attributes": [{"key": "k", "value": 1}]},
            'error creating attribute filters: match_type=regexp for "k" only supports Str,'
            " but found 1",
        ),
        (
            {"match_type": "strict", "resources": [{"value": 1}]},
            "error creating resource filters: can't have empty key in the list of attributes",
        ),
        (
            {"match_type": "strict", "services": ["s"], "log_bodies": ["b"]},
            "log_bodies",
        ),
    ],
)
def test_an_incomplete_matcher_is_refused(include: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AttributesConfig.model_validate(
            {"actions": [{"action": "delete", "key": "k"}], "include": include}
        )
    assert message in str(caught.value)


def test_a_configuration_file_is_refused_with_the_path_of_each_action() -> None:
    text = """
receivers: {otlp: {protocols: {grpc: }}}
processors:
  attributes/empty: {}
  attributes:
    actions:
      - {key: k, action: delete}
      - {action: insert, value: 1}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], processors: [attributes], exporters: [nop]}}}
"""
    with pytest.raises(ConfigError) as caught:
        load_config([f"yaml:{text}"], table=load_table())
    problems = {problem.path: problem.message for problem in caught.value.problems}
    assert 'missing required field "actions"' in problems["processors::attributes/empty::actions"]
    assert 'required field "key" at the 1-th' in problems["processors::attributes::actions::1"]


def test_the_table_of_components_names_these_classes() -> None:
    factory = load_table().find(Kind.PROCESSOR, "attributes")
    assert factory is not None
    assert factory.config_class() is AttributesConfig
    assert factory.component_class() is AttributesProcessor
