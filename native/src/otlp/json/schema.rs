//! The OTLP trace messages as data: what the JSON reader and writer are driven by.
//!
//! Source: opentelemetry-proto 1.9, trace/v1, resource/v1 and common/v1. A TracesData and an
//! ExportTraceServiceRequest are the same message under two names.

use super::super::value::MAX_DEPTH;
use super::super::wire::{BYTES, FIXED32, FIXED64, VARINT};
use Kind::*;
use Label::*;

/// The deepest a document can be while its attributes stay within `MAX_DEPTH`: six messages down
/// to an event's attribute value, then map, entry, value for each level.
pub const MAX_MESSAGE_DEPTH: usize = 8 + 3 * MAX_DEPTH;

pub struct Message(pub &'static [Field]);

pub struct Field {
    pub number: u32,
    /// As in the .proto file; JSON input may use it.
    pub name: &'static str,
    /// In lowerCamelCase: JSON output uses it.
    pub json_name: &'static str,
    pub label: Label,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Label {
    /// At most once. A scalar's zero value means absent.
    Single,
    Repeated,
    /// One of the members of a oneof. A scalar's zero value is a value.
    Member,
}

#[derive(Clone, Copy)]
pub enum Kind {
    Nested(&'static Message),
    Text,
    Bool,
    Int64,
    Int32,
    Uint32,
    Fixed32,
    Fixed64,
    Double,
    /// Base64 in JSON.
    Bytes,
    /// Hexadecimal in JSON, this many bytes or none.
    Id(usize),
    /// The names of the values from 0 upwards.
    Enum(&'static [&'static str]),
}

impl Kind {
    pub fn wire_type(self) -> u8 {
        match self {
            Bool | Int64 | Int32 | Uint32 | Enum(_) => VARINT,
            Fixed64 | Double => FIXED64,
            Fixed32 => FIXED32,
            Nested(_) | Text | Bytes | Id(_) => BYTES,
        }
    }
}

const fn field(
    number: u32,
    name: &'static str,
    json_name: &'static str,
    label: Label,
    kind: Kind,
) -> Field {
    Field { number, name, json_name, label, kind }
}

const fn attributes(number: u32) -> Field {
    field(number, "attributes", "attributes", Repeated, Nested(&KEY_VALUE))
}

const fn dropped_attributes_count(number: u32) -> Field {
    field(number, "dropped_attributes_count", "droppedAttributesCount", Single, Uint32)
}

const fn schema_url(number: u32) -> Field {
    field(number, "schema_url", "schemaUrl", Single, Text)
}

pub static TRACES_DATA: Message =
    Message(&[field(1, "resource_spans", "resourceSpans", Repeated, Nested(&RESOURCE_SPANS))]);

static RESOURCE_SPANS: Message = Message(&[
    field(1, "resource", "resource", Single, Nested(&RESOURCE)),
    field(2, "scope_spans", "scopeSpans", Repeated, Nested(&SCOPE_SPANS)),
    schema_url(3),
]);

static RESOURCE: Message = Message(&[
    attributes(1),
    dropped_attributes_count(2),
    field(3, "entity_refs", "entityRefs", Repeated, Nested(&ENTITY_REF)),
]);

static ENTITY_REF: Message = Message(&[
    schema_url(1),
    field(2, "type", "type", Single, Text),
    field(3, "id_keys", "idKeys", Repeated, Text),
    field(4, "description_keys", "descriptionKeys", Repeated, Text),
]);

static SCOPE_SPANS: Message = Message(&[
    field(1, "scope", "scope", Single, Nested(&INSTRUMENTATION_SCOPE)),
    field(2, "spans", "spans", Repeated, Nested(&SPAN)),
    schema_url(3),
]);

static INSTRUMENTATION_SCOPE: Message = Message(&[
    field(1, "name", "name", Single, Text),
    field(2, "version", "version", Single, Text),
    attributes(3),
    dropped_attributes_count(4),
]);

static SPAN: Message = Message(&[
    field(1, "trace_id", "traceId", Single, Id(16)),
    field(2, "span_id", "spanId", Single, Id(8)),
    field(3, "trace_state", "traceState", Single, Text),
    field(4, "parent_span_id", "parentSpanId", Single, Id(8)),
    field(5, "name", "name", Single, Text),
    field(6, "kind", "kind", Single, Enum(SPAN_KINDS)),
    field(7, "start_time_unix_nano", "startTimeUnixNano", Single, Fixed64),
    field(8, "end_time_unix_nano", "endTimeUnixNano", Single, Fixed64),
    attributes(9),
    dropped_attributes_count(10),
    field(11, "events", "events", Repeated, Nested(&EVENT)),
    field(12, "dropped_events_count", "droppedEventsCount", Single, Uint32),
    field(13, "links", "links", Repeated, Nested(&LINK)),
    field(14, "dropped_links_count", "droppedLinksCount", Single, Uint32),
    field(15, "status", "status", Single, Nested(&STATUS)),
    field(16, "flags", "flags", Single, Fixed32),
]);

static EVENT: Message = Message(&[
    field(1, "time_unix_nano", "timeUnixNano", Single, Fixed64),
    field(2, "name", "name", Single, Text),
    attributes(3),
    dropped_attributes_count(4),
]);

static LINK: Message = Message(&[
    field(1, "trace_id", "traceId", Single, Id(16)),
    field(2, "span_id", "spanId", Single, Id(8)),
    field(3, "trace_state", "traceState", Single, Text),
    attributes(4),
    dropped_attributes_count(5),
    field(6, "flags", "flags", Single, Fixed32),
]);

static STATUS: Message = Message(&[
    field(2, "message", "message", Single, Text),
    field(3, "code", "code", Single, Enum(STATUS_CODES)),
]);

static KEY_VALUE: Message = Message(&[
    field(1, "key", "key", Single, Text),
    field(2, "value", "value", Single, Nested(&ANY_VALUE)),
    field(3, "key_strindex", "keyStrindex", Single, Int32),
]);

pub static ANY_VALUE: Message = Message(&[
    field(1, "string_value", "stringValue", Member, Text),
    field(2, "bool_value", "boolValue", Member, Bool),
    field(3, "int_value", "intValue", Member, Int64),
    field(4, "double_value", "doubleValue", Member, Double),
    field(5, "array_value", "arrayValue", Member, Nested(&ARRAY_VALUE)),
    field(6, "kvlist_value", "kvlistValue", Member, Nested(&KEY_VALUE_LIST)),
    field(7, "bytes_value", "bytesValue", Member, Bytes),
    field(8, "string_value_strindex", "stringValueStrindex", Member, Int32),
]);

static ARRAY_VALUE: Message =
    Message(&[field(1, "values", "values", Repeated, Nested(&ANY_VALUE))]);

static KEY_VALUE_LIST: Message =
    Message(&[field(1, "values", "values", Repeated, Nested(&KEY_VALUE))]);

static SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
