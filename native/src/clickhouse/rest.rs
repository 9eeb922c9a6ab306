//! What no column of the `spans` table holds: an OTLP Span message with only that in it.
//!
//! Attributes their text can't give back, trace state, dropped counts, events, links and the
//! status message. Most spans have none of it, and their `rest` is empty.

use bytes::Bytes;

use super::attributes::AttributeLists;
use super::terms::RowTerms;
use super::{terms, value};
use crate::columns::{Attributes, Columns};
use crate::otlp::encode::{write_attribute, write_events, write_links};
use crate::otlp::wire::ReverseWriter;

/// The `rest` of these rows as the values of a String column.
pub fn rest_column(columns: &Columns, rows: &[usize], lists: &AttributeLists) -> Bytes {
    // A String is its length and its bytes: written backwards like the messages themselves.
    let mut writer = ReverseWriter::with_capacity(rows.len());
    for (place, &row) in rows.iter().enumerate().rev() {
        let mark = writer.len();
        write_rest(&mut writer, columns, row, lists.codes(place));
        writer.varint((writer.len() - mark) as u64);
    }
    writer.finish()
}

fn write_rest(writer: &mut ReverseWriter, columns: &Columns, row: usize, codes: &[u8]) {
    let spans = &columns.spans;
    let message = spans.status_message.get(row);
    if !message.is_empty() {
        let mark = writer.len();
        writer.bytes_field(2, message);
        writer.end_message(15, mark);
    }
    writer.nonzero_varint_field(14, spans.dropped_links_count[row].into());
    write_links(writer, columns, row);
    writer.nonzero_varint_field(12, spans.dropped_events_count[row].into());
    write_events(writer, columns, row);
    writer.nonzero_varint_field(10, spans.dropped_attributes_count[row].into());
    let attributes = &spans.attributes;
    for (attribute, &code) in attributes.range(row).zip(codes).rev() {
        if code == value::IN_REST {
            write_attribute(writer, columns, attributes, attribute, 9);
        }
    }
    writer.nonempty_bytes_field(3, spans.trace_state.get(row));
}

/// The terms of attributes of one owner.
pub fn attribute_terms(columns: &Columns, attributes: &Attributes, owner: usize) -> Vec<u64> {
    let mut scratch = Vec::new();
    attributes
        .range(owner)
        .map(|row| {
            let (value_type, value) = (attributes.types[row], attributes.values.get(row));
            let text = value::text(&mut scratch, value_type, value);
            terms::attribute(&value::plain_text(columns.key(attributes.keys[row])), text)
        })
        .collect()
}

/// The terms of each row's rest: events, their attributes, links, theirs, status message.
pub fn rest_terms(columns: &Columns, rows: &[usize]) -> RowTerms {
    let mut found = RowTerms::default();
    for &row in rows {
        add_rest_terms(columns, row, &mut found.terms);
        found.end_row();
    }
    found
}

fn add_rest_terms(columns: &Columns, row: usize, found: &mut Vec<u64>) {
    let message = columns.spans.status_message.get(row);
    if !message.is_empty() {
        found.push(terms::attribute(terms::STATUS_MESSAGE_KEY, &value::plain_text(message)));
    }
    for event in columns.spans.events(row) {
        let name = columns.name(columns.events.name[event]);
        found.push(terms::attribute(terms::EVENT_NAME_KEY, &value::plain_text(name)));
        found.extend(attribute_terms(columns, &columns.events.attributes, event));
    }
    for link in columns.spans.links(row) {
        let trace_id = &columns.links.trace_id[link];
        if *trace_id != columns.spans.trace_id[row] {
            found.push(terms::link(trace_id));
        }
        found.extend(attribute_terms(columns, &columns.links.attributes, link));
    }
}
