"""OTLP requests for tests, written as plain Python values."""

from __future__ import annotations

import struct
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

UNSPECIFIED, INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(6)
OK, ERROR = 1, 2
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C


def any_value(value: Any) -> AnyValue:
    """The OTLP value of a Python one; None is a value with nothing set."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    raise TypeError(value)


def key_values(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def id_bytes(number: int, length: int) -> bytes:
    return number.to_bytes(length, "big") if number else b""


def event(name: str, time_unix_nano: int = START, **attributes: Any) -> Span.Event:
    return Span.Event(name=name, time_unix_nano=time_unix_nano, attributes=key_values(attributes))


def link(trace_id: int, span_id: int, attributes: dict[str, Any] | None = None) -> Span.Link:
    return Span.Link(
        trace_id=id_bytes(trace_id, 16),
        span_id=id_bytes(span_id, 8),
        attributes=key_values(attributes or {}),
    )


def span(
    span_id: int = 1,
    name: str = "operation",
    *,
    trace_id: int = TRACE_ID,
    parent: int = 0,
    start: int = START,
    duration: int = MILLISECOND,
    kind: int = UNSPECIFIED,
    attributes: dict[str, Any] | None = None,
    status: int = 0,
    status_message: str = "",
    **fields: Any,
) -> Span:
    return Span(
        trace_id=id_bytes(trace_id, 16),
        span_id=id_bytes(span_id, 8),
        parent_span_id=id_bytes(parent, 8),
        name=name,
        kind=kind,  # type: ignore[arg-type]
        start_time_unix_nano=start,
        end_time_unix_nano=start + duration,
        attributes=key_values(attributes or {}),
        status=Status(code=status, message=status_message),  # type: ignore[arg-type]
        **fields,
    )


def of(
    service: str | None,
    *spans: Span,
    resource: dict[str, Any] | None = None,
    scope: tuple[str, str] = ("", ""),
) -> ResourceSpans:
    """The spans of one service (None: without a name)."""
    attributes = {} if service is None else {"service.name": service}
    return ResourceSpans(
        resource=Resource(attributes=key_values(attributes | (resource or {}))),
        scope_spans=[
            ScopeSpans(
                scope=InstrumentationScope(name=scope[0], version=scope[1]), spans=list(spans)
            )
        ],
    )


def request(*resource_spans: ResourceSpans) -> bytes:
    return ExportTraceServiceRequest(resource_spans=resource_spans).SerializeToString()


def raw_trace_id(number: int) -> bytes:
    return struct.pack(">QQ", number >> 64, number & (1 << 64) - 1)
