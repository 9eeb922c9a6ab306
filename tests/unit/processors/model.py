"""What the processors promise, span by span in plain Python: the measure for the native ones."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from .span_requests import any_value

if TYPE_CHECKING:
    from opentelemetry.proto.resource.v1 import resource_pb2 as resource


def kind_of(value: common.AnyValue) -> str:
    return value.WhichOneof("value") or "empty"


def same(left: common.AnyValue, right: common.AnyValue) -> bool:
    return left.SerializeToString(deterministic=True) == right.SerializeToString(deterministic=True)


def find(attributes: list[common.KeyValue], key: str) -> common.KeyValue | None:
    return next((pair for pair in attributes if pair.key == key), None)


def pair_of(key: str, value: common.KeyValue) -> common.KeyValue:
    """A KeyValue with this key and the other's value, which may be none."""
    made = common.KeyValue(key=key)
    if value.HasField("value"):
        made.value.CopyFrom(value.value)
    return made


def put(
    attributes: list[common.KeyValue], key: str, value: common.KeyValue, when: str
) -> list[common.KeyValue]:
    if find(attributes, key) is None:
        return attributes if when == "update" else [*attributes, pair_of(key, value)]
    if when == "insert":
        return attributes
    return [pair_of(key, value) if pair.key == key else pair for pair in attributes]


def hashed(value: common.AnyValue) -> str:
    match kind_of(value):
        case "string_value":
            content = value.string_value.encode()
        case "bool_value":
            content = bytes([value.bool_value])
        case "int_value":
            content = struct.pack("<q", value.int_value)
        case "double_value":
            content = struct.pack("<d", value.double_value)
        case _:
            return ""
    return hashlib.sha256(content).hexdigest()


def number_text(value: float) -> str:
    """As JSON is written in Go and JavaScript."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    mantissa, exponent = f"{value!r}".split("e") if "e" in repr(value) else (repr(value), "0")
    return f"{mantissa.removesuffix('.0')}e{'+' if int(exponent) > 0 else '-'}{abs(int(exponent))}"


def as_text(value: common.AnyValue) -> str:
    match kind_of(value):
        case "string_value":
            return value.string_value
        case "bool_value":
            return str(value.bool_value).lower()
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return number_text(value.double_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "array_value":
            return f"[{','.join(json_text(item) for item in value.array_value.values)}]"
        case _:
            return ""


def json_text(value: common.AnyValue) -> str:
    """As JSON; strings here need nothing but quotes."""
    text = as_text(value)
    if kind_of(value) == "empty":
        return "null"
    if kind_of(value) == "double_value" and not math.isfinite(value.double_value):
        text = {"+Inf": "Infinity", "-Inf": "-Infinity"}.get(text, text)
        return f'"{text}"'
    return f'"{text}"' if kind_of(value) in ("string_value", "bytes_value") else text


def converted(value: common.AnyValue, target: str) -> common.AnyValue:
    kind = kind_of(value)
    if target == "string":
        return value if kind == "string_value" else any_value(as_text(value))
    if kind == "bool_value":
        number: Any = value.bool_value
    elif kind in ("int_value", "double_value"):
        number = getattr(value, kind)
    elif kind == "string_value":
        try:
            number = int(value.string_value) if target == "int" else float(value.string_value)
        except ValueError:
            return value
    else:
        return value
    if target == "double":
        return any_value(float(number))
    if not math.isfinite(number) or not -(2**63) <= int(number) < 2**63:
        return value
    return any_value(int(number))


def act(attributes: list[common.KeyValue], action: dict[str, Any]) -> list[common.KeyValue]:
    """One owner's attributes after one action."""
    key, pattern = action.get("key", ""), action.get("pattern", "")
    name = action["action"]

    def meant(pair: common.KeyValue) -> bool:
        by_pattern = bool(pattern) and re.search(pattern, pair.key) is not None
        return by_pattern or bool(key and pair.key == key)

    if name in ("insert", "update", "upsert"):
        if "value" in action:
            source = common.KeyValue(value=any_value(action["value"]))
        elif found := find(attributes, action["from_attribute"]):
            source = found
        elif "default_value" in action:
            source = common.KeyValue(value=any_value(action["default_value"]))
        else:
            return attributes
        return put(attributes, key, source, name)
    if name == "delete":
        wanted = action.get("value")
        return [
            pair
            for pair in attributes
            if not meant(pair) or (wanted is not None and not same(pair.value, any_value(wanted)))
        ]
    if name == "hash":
        return [
            common.KeyValue(key=pair.key, value=any_value(hashed(pair.value)))
            if meant(pair)
            else pair
            for pair in attributes
        ]
    if name == "extract":
        text = find(attributes, key)
        if text is None or kind_of(text.value) != "string_value":
            return attributes
        if match := re.search(pattern, text.value.string_value):
            for target, captured in match.groupdict(default="").items():
                value = common.KeyValue(value=any_value(captured))
                attributes = put(attributes, target, value, "upsert")
        return attributes
    return [
        # An absent value converts to text like an empty one, and to nothing else.
        pair_of(pair.key, common.KeyValue(value=converted(pair.value, action["converted_type"])))
        if pair.key == key and not same(converted(pair.value, action["converted_type"]), pair.value)
        else pair
        for pair in attributes
    ]


def act_all(attributes: Any, actions: list[dict[str, Any]]) -> list[common.KeyValue]:
    kept = list(attributes)
    for action in actions:
        kept = act(kept, action)
    return kept


KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]


def plain_text(value: common.AnyValue) -> str | None:
    """Text, booleans and numbers as a pattern sees them; no exponents."""
    if kind_of(value) == "double_value" and math.isfinite(value.double_value):
        text = format(Decimal(repr(value.double_value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    scalar = ("string_value", "bool_value", "int_value", "double_value")
    return as_text(value) if kind_of(value) in scalar else None


def matches(
    properties: dict[str, Any],
    span: trace.Span,
    scope: common.InstrumentationScope,
    owner: resource.Resource,
) -> bool:
    """Whether a span has all the properties of an `include` or `exclude`."""
    strict = properties["match_type"] == "strict"

    def one_of(wanted: list[str], text: str) -> bool:
        return any(text == item if strict else re.search(item, text) for item in wanted)

    def has(wanted: dict[str, Any], attributes: Any) -> bool:
        pair = find(attributes, wanted["key"])
        if pair is None:
            return False
        if wanted.get("value") is None:
            return True
        if strict:
            return same(pair.value, any_value(wanted["value"]))
        text = plain_text(pair.value)
        return text is not None and re.search(wanted["value"], text) is not None

    service = find(list(owner.attributes), "service.name")
    service_name = plain_text(service.value) if service else None
    if service_name is None:
        service_name = "<nil-service-name>"
    kind = f"SPAN_KIND_{KINDS[span.kind]}" if 0 <= span.kind < len(KINDS) else ""
    libraries = properties.get("libraries", [])
    return (
        (not properties.get("services") or one_of(properties["services"], service_name))
        and (not properties.get("span_names") or one_of(properties["span_names"], span.name))
        and (not properties.get("span_kinds") or one_of(properties["span_kinds"], kind))
        and all(has(each, span.attributes) for each in properties.get("attributes", []))
        and all(has(each, owner.attributes) for each in properties.get("resources", []))
        and (
            not libraries
            or any(
                one_of([each["name"]], scope.name)
                and (each.get("version") is None or one_of([each["version"]], scope.version))
                for each in libraries
            )
        )
    )


def selected(
    config: dict[str, Any],
    span: trace.Span,
    scope: common.InstrumentationScope,
    owner: resource.Resource,
) -> bool:
    include, exclude = config.get("include"), config.get("exclude")
    return (include is None or matches(include, span, scope, owner)) and not (
        exclude is not None and matches(exclude, span, scope, owner)
    )


def flattened(data: trace.TracesData) -> list[tuple[bytes, ...]]:
    """Each span with the containers it is in, in one order: how they are grouped does not count."""
    rows = []
    for container in data.resource_spans:
        header = trace.ResourceSpans(schema_url=container.schema_url)
        if container.HasField("resource"):
            header.resource.CopyFrom(container.resource)
        for inner in container.scope_spans:
            scope_header = trace.ScopeSpans(schema_url=inner.schema_url)
            if inner.HasField("scope"):
                scope_header.scope.CopyFrom(inner.scope)
            parts = (header, scope_header)
            rows += [
                tuple(part.SerializeToString(deterministic=True) for part in (*parts, span))
                for span in inner.spans
            ]
    return sorted(rows)
