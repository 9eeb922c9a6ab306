//! Columns to OTLP bytes, written from the last byte to the first.
//!
//! Spans are put back under their scopes and scopes under their resources in row order; spans of
//! one scope keep their order.

use bytes::Bytes;

use super::wire::{BYTES, FIXED64, ReverseWriter, VARINT};
use crate::columns::{
    Attributes, Columns, HAS_PARENT_SPAN_ID, HAS_SPAN_ID, HAS_STATUS, HAS_TRACE_ID, ValueType,
};

/// Encodes all spans as one ExportTraceServiceRequest (TracesData: the same on the wire).
pub fn encode(columns: &Columns) -> Bytes {
    let spans = group(&columns.spans.scope, columns.scopes.present.len());
    let scopes = group(&columns.scopes.resource, columns.resources.present.len());
    let mut writer = ReverseWriter::with_capacity(size_hint(columns));
    for resource in (0..scopes.len()).rev() {
        let container = writer.len();
        writer.nonempty_bytes_field(3, columns.resources.schema_url.get(resource));
        for &scope in scopes.rows(resource).iter().rev() {
            let container = writer.len();
            writer.nonempty_bytes_field(3, columns.scopes.schema_url.get(scope as usize));
            for &span in spans.rows(scope as usize).iter().rev() {
                let mark = writer.len();
                write_span(&mut writer, columns, span as usize);
                writer.end_message(2, mark);
            }
            if columns.scopes.present[scope as usize] {
                let mark = writer.len();
                write_scope(&mut writer, columns, scope as usize);
                writer.end_message(1, mark);
            }
            writer.end_message(2, container);
        }
        if columns.resources.present[resource] {
            let mark = writer.len();
            write_resource(&mut writer, columns, resource);
            writer.end_message(1, mark);
        }
        writer.end_message(1, container);
    }
    writer.finish()
}

/// Rows by group, in row order: a counting sort.
struct Groups {
    ends: Vec<usize>,
    rows: Vec<u32>,
}

fn group(group_of: &[u32], groups: usize) -> Groups {
    let mut ends = vec![0; groups];
    for &group in group_of {
        ends[group as usize] += 1;
    }
    let mut next = vec![0; groups];
    let mut total = 0;
    for (end, next) in ends.iter_mut().zip(&mut next) {
        *next = total;
        total += *end;
        *end = total;
    }
    let mut rows = vec![0; group_of.len()];
    for (row, &group) in group_of.iter().enumerate() {
        rows[next[group as usize]] = row as u32;
        next[group as usize] += 1;
    }
    Groups { ends, rows }
}

impl Groups {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn rows(&self, group: usize) -> &[u32] {
        let start = if group == 0 { 0 } else { self.ends[group - 1] };
        &self.rows[start..self.ends[group]]
    }
}

fn size_hint(columns: &Columns) -> usize {
    let attributes =
        |attributes: &Attributes| attributes.values.data.len() + attributes.keys.len() * 24;
    columns.len() * 96
        + attributes(&columns.spans.attributes)
        + attributes(&columns.events.attributes)
        + attributes(&columns.links.attributes)
        + columns.spans.status_message.data.len()
        + columns.spans.trace_state.data.len()
        + (columns.events.name.len() + columns.links.flags.len()) * 48
        + columns.resources.present.len() * 512
}

pub fn write_resource(writer: &mut ReverseWriter, columns: &Columns, row: usize) {
    let resources = &columns.resources;
    writer.raw(resources.entity_refs.get(row));
    writer.nonzero_varint_field(2, resources.dropped_attributes_count[row].into());
    write_attributes(writer, columns, &resources.attributes, row, 1);
}

pub fn write_scope(writer: &mut ReverseWriter, columns: &Columns, row: usize) {
    let scopes = &columns.scopes;
    writer.nonzero_varint_field(4, scopes.dropped_attributes_count[row].into());
    write_attributes(writer, columns, &scopes.attributes, row, 3);
    writer.nonempty_bytes_field(2, scopes.version.get(row));
    writer.nonempty_bytes_field(1, scopes.name.get(row));
}

fn write_span(writer: &mut ReverseWriter, columns: &Columns, row: usize) {
    let spans = &columns.spans;
    writer.nonzero_fixed32_field(16, spans.flags[row]);
    write_status(writer, columns, row);
    writer.nonzero_varint_field(14, spans.dropped_links_count[row].into());
    write_links(writer, columns, row);
    writer.nonzero_varint_field(12, spans.dropped_events_count[row].into());
    write_events(writer, columns, row);
    writer.nonzero_varint_field(10, spans.dropped_attributes_count[row].into());
    write_attributes(writer, columns, &spans.attributes, row, 9);
    writer.nonzero_fixed64_field(8, spans.end_time_unix_nano[row]);
    writer.nonzero_fixed64_field(7, spans.start_time_unix_nano[row]);
    writer.nonzero_varint_field(6, spans.kind[row] as i64 as u64);
    writer.nonempty_bytes_field(5, columns.name(spans.name[row]));
    if spans.has(row, HAS_PARENT_SPAN_ID) {
        writer.bytes_field(4, &spans.parent_span_id[row]);
    }
    writer.nonempty_bytes_field(3, spans.trace_state.get(row));
    if spans.has(row, HAS_SPAN_ID) {
        writer.bytes_field(2, &spans.span_id[row]);
    }
    if spans.has(row, HAS_TRACE_ID) {
        writer.bytes_field(1, &spans.trace_id[row]);
    }
}

/// The `status` field of a span, if it has one.
pub fn write_status(writer: &mut ReverseWriter, columns: &Columns, row: usize) {
    let spans = &columns.spans;
    if spans.has(row, HAS_STATUS) {
        let mark = writer.len();
        writer.nonzero_varint_field(3, spans.status_code[row] as i64 as u64);
        writer.nonempty_bytes_field(2, spans.status_message.get(row));
        writer.end_message(15, mark);
    }
}

/// The `events` fields of a span.
pub fn write_events(writer: &mut ReverseWriter, columns: &Columns, row: usize) {
    let events = &columns.events;
    for event in columns.spans.events(row).rev() {
        let mark = writer.len();
        writer.nonzero_varint_field(4, events.dropped_attributes_count[event].into());
        write_attributes(writer, columns, &events.attributes, event, 3);
        writer.nonempty_bytes_field(2, columns.name(events.name[event]));
        writer.nonzero_fixed64_field(1, events.time_unix_nano[event]);
        writer.end_message(11, mark);
    }
}

/// The `links` fields of a span.
pub fn write_links(writer: &mut ReverseWriter, columns: &Columns, row: usize) {
    let links = &columns.links;
    for link in columns.spans.links(row).rev() {
        let mark = writer.len();
        writer.nonzero_fixed32_field(6, links.flags[link]);
        writer.nonzero_varint_field(5, links.dropped_attributes_count[link].into());
        write_attributes(writer, columns, &links.attributes, link, 4);
        writer.nonempty_bytes_field(3, links.trace_state.get(link));
        if links.presence[link] & HAS_SPAN_ID != 0 {
            writer.bytes_field(2, &links.span_id[link]);
        }
        if links.presence[link] & HAS_TRACE_ID != 0 {
            writer.bytes_field(1, &links.trace_id[link]);
        }
        writer.end_message(13, mark);
    }
}

fn write_attributes(
    writer: &mut ReverseWriter,
    columns: &Columns,
    attributes: &Attributes,
    owner: usize,
    field: u32,
) {
    for row in attributes.range(owner).rev() {
        write_attribute(writer, columns, attributes, row, field);
    }
}

/// One KeyValue as field `field` of the message being written.
#[inline]
pub fn write_attribute(
    writer: &mut ReverseWriter,
    columns: &Columns,
    attributes: &Attributes,
    row: usize,
    field: u32,
) {
    let value_type = attributes.types[row];
    let value = attributes.values.get(row);
    let key = columns.key(attributes.keys[row]);
    if value_type == ValueType::String && key.len() + value.len() < SHORT {
        write_short_string(writer, key, value, field);
        return;
    }
    let key_value = writer.len();
    if value_type == ValueType::Verbatim {
        writer.raw(value);
        writer.end_message(field, key_value);
        return;
    }
    if value_type != ValueType::Absent {
        write_value(writer, value_type, value);
        writer.end_message(2, key_value);
    }
    writer.nonempty_bytes_field(1, key);
    writer.end_message(field, key_value);
}

/// The member of an AnyValue message that holds this value, if it has one.
#[inline]
pub fn write_value(writer: &mut ReverseWriter, value_type: ValueType, value: &[u8]) {
    match value_type {
        ValueType::String => writer.bytes_field(1, value),
        ValueType::Bool => writer.varint_field(2, value.first().copied().unwrap_or(0).into()),
        ValueType::Int => {
            let bytes = value.try_into().unwrap_or([0; 8]);
            writer.varint(u64::from_le_bytes(bytes));
            writer.tag(3, VARINT);
        }
        ValueType::Double => {
            writer.raw(value);
            writer.tag(4, FIXED64);
        }
        ValueType::Array => writer.bytes_field(5, value),
        ValueType::Map => writer.bytes_field(6, value),
        ValueType::Bytes => writer.bytes_field(7, value),
        ValueType::Empty | ValueType::Absent | ValueType::Verbatim => {}
    }
}

/// Up to here the lengths of a KeyValue of strings, and of all inside it, take one byte each.
const SHORT: usize = 0x80 - 8;

/// A KeyValue of two short strings, the most common of all, written in one go.
#[inline]
fn write_short_string(writer: &mut ReverseWriter, key: &[u8], value: &[u8], field: u32) {
    let key_field = if key.is_empty() { 0 } else { key.len() + 2 };
    let length = key_field + 4 + value.len();
    let (header, room) = writer.room(length + 2).split_at_mut(2);
    header.copy_from_slice(&[(field << 3) as u8 | BYTES, length as u8]);
    let (key_room, value_room) = room.split_at_mut(key_field);
    if let Some((header, room)) = key_room.split_first_chunk_mut::<2>() {
        *header = [1 << 3 | BYTES, key.len() as u8];
        room.copy_from_slice(key);
    }
    if let Some((header, room)) = value_room.split_first_chunk_mut::<4>() {
        let length = value.len() as u8;
        *header = [2 << 3 | BYTES, length + 2, 1 << 3 | BYTES, length];
        room.copy_from_slice(value);
    }
}
