"""Comparing spans that went through the store: order and grouping aside."""

from __future__ import annotations

from opentelemetry.proto.trace.v1 import trace_pb2 as trace


def spans_with_headers(payload: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Each span with the resource and scope it stands under, serialised."""
    data = trace.TracesData.FromString(payload)
    found = []
    for container in data.resource_spans:
        resource = trace.ResourceSpans()
        resource.CopyFrom(container)
        del resource.scope_spans[:]
        for inner in container.scope_spans:
            scope = trace.ScopeSpans()
            scope.CopyFrom(inner)
            del scope.spans[:]
            found += [(_bytes(resource), _bytes(scope), _bytes(span)) for span in inner.spans]
    return found


def _bytes(message: trace.ResourceSpans | trace.ScopeSpans | trace.Span) -> bytes:
    return message.SerializeToString(deterministic=True)
