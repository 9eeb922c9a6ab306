"""Generated OTLP messages: every field of the trace protocol, with the values that go wrong."""

from __future__ import annotations

from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.resource.v1 import resource_pb2 as resource
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

uint64 = st.integers(0, 2**64 - 1)
uint32 = st.integers(0, 2**32 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
int64 = st.integers(-(2**63), 2**63 - 1)
short_text = st.sampled_from(["", "a", "http.method", "é", "\0", "x" * 300]) | st.text(max_size=8)
trace_ids = st.just(b"") | st.just(bytes(16)) | st.binary(min_size=16, max_size=16)
span_ids = st.just(b"") | st.just(bytes(8)) | st.binary(min_size=8, max_size=8)


def any_values(depth: int = 3) -> st.SearchStrategy[common.AnyValue]:
    """An AnyValue with any member set, or none."""
    scalars = st.one_of(
        st.just(common.AnyValue()),
        st.builds(lambda v: common.AnyValue(string_value=v), short_text),
        st.builds(lambda v: common.AnyValue(bool_value=v), st.booleans()),
        st.builds(lambda v: common.AnyValue(int_value=v), int64),
        st.builds(lambda v: common.AnyValue(double_value=v), st.floats(allow_nan=True)),
        st.builds(lambda v: common.AnyValue(bytes_value=v), st.binary(max_size=8)),
        st.builds(lambda v: common.AnyValue(string_value_strindex=v), int32),
    )
    if depth == 0:
        return scalars
    inner = any_values(depth - 1)
    return scalars | st.one_of(
        st.builds(
            lambda v: common.AnyValue(array_value=common.ArrayValue(values=v)),
            st.lists(inner, max_size=3),
        ),
        st.builds(
            lambda v: common.AnyValue(kvlist_value=common.KeyValueList(values=v)),
            st.lists(key_values(depth - 1), max_size=3),
        ),
    )


def key_values(depth: int = 2) -> st.SearchStrategy[common.KeyValue]:
    """A KeyValue: with a value, an empty one or none; at times with a string table index."""
    return st.builds(
        common.KeyValue,
        key=short_text,
        value=st.none() | any_values(depth),
        key_strindex=st.just(0) | st.just(0) | int32,
    )


attributes = st.lists(key_values(), max_size=4)
entity_refs = st.builds(
    common.EntityRef,
    schema_url=short_text,
    type=short_text,
    id_keys=st.lists(short_text, max_size=2),
    description_keys=st.lists(short_text, max_size=2),
)
events = st.builds(
    trace.Span.Event,
    time_unix_nano=uint64,
    name=short_text,
    attributes=attributes,
    dropped_attributes_count=uint32,
)
links = st.builds(
    trace.Span.Link,
    trace_id=trace_ids,
    span_id=span_ids,
    trace_state=short_text,
    attributes=attributes,
    dropped_attributes_count=uint32,
    flags=uint32,
)
spans = st.builds(
    trace.Span,
    trace_id=trace_ids,
    span_id=span_ids,
    trace_state=short_text,
    parent_span_id=span_ids,
    flags=uint32,
    name=short_text,
    kind=int32,
    start_time_unix_nano=uint64,
    end_time_unix_nano=uint64,
    attributes=attributes,
    dropped_attributes_count=uint32,
    events=st.lists(events, max_size=3),
    dropped_events_count=uint32,
    links=st.lists(links, max_size=3),
    dropped_links_count=uint32,
    status=st.none() | st.builds(trace.Status, message=short_text, code=int32),
)
scopes = st.builds(
    common.InstrumentationScope,
    name=short_text,
    version=short_text,
    attributes=attributes,
    dropped_attributes_count=uint32,
)
resources = st.builds(
    resource.Resource,
    attributes=attributes,
    dropped_attributes_count=uint32,
    entity_refs=st.lists(entity_refs, max_size=2),
)
scope_spans = st.builds(
    trace.ScopeSpans,
    scope=st.none() | scopes,
    spans=st.lists(spans, max_size=3),
    schema_url=short_text,
)
resource_spans = st.builds(
    trace.ResourceSpans,
    resource=st.none() | resources,
    scope_spans=st.lists(scope_spans, max_size=3),
    schema_url=short_text,
)
traces_data = st.builds(trace.TracesData, resource_spans=st.lists(resource_spans, max_size=3))


def merge_containers(data: trace.TracesData) -> trace.TracesData:
    """The same spans with equal resources, and equal scopes of a resource, joined in first order.

    This is what a batch does to containers; everything else must survive unchanged.
    """
    merged = trace.TracesData()
    resources_seen: dict[bytes, trace.ResourceSpans] = {}
    scopes_seen: dict[tuple[bytes, bytes], trace.ScopeSpans] = {}
    for container in data.resource_spans:
        header = trace.ResourceSpans(schema_url=container.schema_url)
        if container.HasField("resource"):
            header.resource.CopyFrom(container.resource)
        resource_key = header.SerializeToString(deterministic=True)
        if resource_key not in resources_seen:
            resources_seen[resource_key] = merged.resource_spans.add()
            resources_seen[resource_key].CopyFrom(header)
        for inner in container.scope_spans:
            scope_header = trace.ScopeSpans(schema_url=inner.schema_url)
            if inner.HasField("scope"):
                scope_header.scope.CopyFrom(inner.scope)
            scope_key = (resource_key, scope_header.SerializeToString(deterministic=True))
            if scope_key not in scopes_seen:
                scopes_seen[scope_key] = resources_seen[resource_key].scope_spans.add()
                scopes_seen[scope_key].CopyFrom(scope_header)
            scopes_seen[scope_key].spans.extend(inner.spans)
    return merged
