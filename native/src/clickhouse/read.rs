//! Rows of the `spans` table back to columns: the way back of `write`.

use super::attributes::split;
use super::result::{Block, Column, read_blocks};
use super::value;
use super::write::NAME_IS_EMPTY;
use crate::columns::{
    Columns, HAS_PARENT_SPAN_ID, HAS_SPAN_ID, HAS_STATUS, HAS_TRACE_ID, ValueType,
};
use crate::otlp::DecodeError;
use crate::otlp::decode::Decoder;
use crate::otlp::error::Fault;
use crate::otlp::parse::{
    EventFields, Header, LinkFields, Owner, SpanFields, Visitor, walk_container, walk_span,
};
use crate::otlp::value::Attribute;
use crate::otlp::wire::Reader;

/// The spans in these answers, in their order.
///
/// # Errors
/// An answer is cut short, lacks a column, or holds what `write` never writes.
pub fn read_spans<'a>(answers: impl IntoIterator<Item = &'a [u8]>) -> Result<Columns, DecodeError> {
    let mut decoder = Decoder::default();
    for answer in answers {
        read_answer(answer, &mut decoder)?;
    }
    Ok(decoder.columns)
}

fn read_answer<'a>(answer: &'a [u8], decoder: &mut Decoder<'a>) -> Result<(), DecodeError> {
    for block in read_blocks(answer)? {
        let table = Table::of(&block)?;
        let mut containers = (None, None);
        for row in 0..block.rows {
            let (resource, scope) = (table.resource.get(row), table.scope.get(row));
            if containers != (Some(resource), Some(scope)) {
                containers = (Some(resource), Some(scope));
                walk_container::<false, _>(Reader::new(resource), decoder, Owner::Resource)
                    .map_err(|fault| *fault.within("resource"))?;
                walk_container::<false, _>(Reader::new(scope), decoder, Owner::Scope)
                    .map_err(|fault| *fault.within("scope"))?;
            }
            let mut span =
                Row { table: &table, row, decoder: &mut *decoder, kept: vec![], bad: None };
            walk_span::<false, _>(Reader::new(table.rest.get(row)), &mut span)
                .map_err(|fault| *fault.within("rest"))?;
            if let Some(attribute) = span.bad {
                let reason = format!("the value of attribute {attribute} of row {row} is damaged");
                return Err(DecodeError::new("attributes", 0, reason));
            }
        }
    }
    Ok(())
}

/// The columns of a block of spans.
struct Table<'b, 'a> {
    trace_id: &'b Column<'a>,
    span_id: &'b Column<'a>,
    parent_span_id: &'b Column<'a>,
    presence: &'b Column<'a>,
    start_time_unix_nano: &'b Column<'a>,
    duration_nano: &'b Column<'a>,
    name: &'b Column<'a>,
    kind: &'b Column<'a>,
    status_code: &'b Column<'a>,
    flags: &'b Column<'a>,
    attribute_keys: &'b Column<'a>,
    attribute_types: &'b Column<'a>,
    attribute_values: &'b Column<'a>,
    resource: &'b Column<'a>,
    scope: &'b Column<'a>,
    rest: &'b Column<'a>,
}

impl<'b, 'a> Table<'b, 'a> {
    fn of(block: &'b Block<'a>) -> Result<Self, DecodeError> {
        let column = |name| block.column(name);
        Ok(Self {
            trace_id: column("trace_id")?,
            span_id: column("span_id")?,
            parent_span_id: column("parent_span_id")?,
            presence: column("presence")?,
            start_time_unix_nano: column("start_time_unix_nano")?,
            duration_nano: column("duration_nano")?,
            name: column("name")?,
            kind: column("kind")?,
            status_code: column("status_code")?,
            flags: column("flags")?,
            attribute_keys: column("attribute_keys")?,
            attribute_types: column("attribute_types")?,
            attribute_values: column("attribute_values")?,
            resource: column("resource")?,
            scope: column("scope")?,
            rest: column("rest")?,
        })
    }
}

/// One row while its `rest` is walked: the columns fill in what the rest leaves out.
struct Row<'r, 'b, 'a> {
    table: &'r Table<'b, 'a>,
    row: usize,
    decoder: &'r mut Decoder<'a>,
    /// Attributes that are in the rest: key, type, value.
    kept: Vec<(u32, ValueType, Vec<u8>)>,
    /// Which attribute can't be read, if one can't.
    bad: Option<usize>,
}

impl<'a> Row<'_, '_, 'a> {
    fn attributes(&mut self) -> Option<()> {
        let Table { attribute_keys, attribute_types, attribute_values, .. } = self.table;
        let codes = attribute_types.get(self.row);
        let mut values = split(attribute_values.get(self.row));
        let mut kept = std::mem::take(&mut self.kept).into_iter();
        for (number, key) in split(attribute_keys.get(self.row)).enumerate() {
            self.bad = Some(number);
            let text = values.next()?;
            let code = if codes.is_empty() { value::STRING } else { *codes.get(number)? };
            let attributes = &mut self.decoder.columns.spans.attributes;
            if code == value::IN_REST {
                let (key, value_type, value) = kept.next()?;
                attributes.push(key, value_type, &value);
            } else {
                let (value_type, value) = value::parse(code, text)?;
                attributes.push(self.decoder.columns.keys.intern(key), value_type, &value);
            }
        }
        self.bad = None;
        Some(())
    }
}

impl<'a> Visitor<'a> for Row<'_, '_, 'a> {
    fn resource(&mut self, _: Header<'a>) -> Result<(), Fault> {
        Ok(())
    }

    fn scope(&mut self, _: Header<'a>) -> Result<(), Fault> {
        Ok(())
    }

    fn attribute(&mut self, owner: Owner, attribute: &Attribute<'a>) {
        if owner == Owner::Span {
            let key = self.decoder.columns.keys.intern(attribute.key);
            self.kept.push((key, attribute.value_type, attribute.value().to_vec()));
        } else {
            self.decoder.attribute(owner, attribute);
        }
    }

    fn event(&mut self, event: &EventFields<'a>) {
        self.decoder.event(event);
    }

    fn link(&mut self, link: &LinkFields<'a>) {
        self.decoder.link(link);
    }

    fn span(&mut self, rest: &SpanFields<'a>) {
        self.attributes();
        let (table, row) = (self.table, self.row);
        let presence = table.presence.number(row) as u8;
        let present = |bit: u8, column: &Column<'a>| {
            if presence & bit != 0 { column.get(row) } else { &[][..] }
        };
        let start_time_unix_nano = table.start_time_unix_nano.number(row);
        self.decoder.span(&SpanFields {
            trace_id: present(HAS_TRACE_ID, table.trace_id),
            span_id: present(HAS_SPAN_ID, table.span_id),
            parent_span_id: present(HAS_PARENT_SPAN_ID, table.parent_span_id),
            name: if presence & NAME_IS_EMPTY != 0 { &[] } else { table.name.get(row) },
            kind: table.kind.number(row) as i32,
            start_time_unix_nano,
            end_time_unix_nano: start_time_unix_nano.wrapping_add(table.duration_nano.number(row)),
            flags: table.flags.number(row) as u32,
            has_status: presence & HAS_STATUS != 0,
            status_code: table.status_code.number(row) as i32,
            trace_state: rest.trace_state,
            status_message: rest.status_message,
            dropped_attributes_count: rest.dropped_attributes_count,
            dropped_events_count: rest.dropped_events_count,
            dropped_links_count: rest.dropped_links_count,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clickhouse::postings::Slicer;
    use crate::clickhouse::write::encode;
    use crate::otlp;

    /// A request whose one span has a bit of everything, and one that has nothing.
    fn columns() -> Columns {
        let request = otlp::json::to_protobuf(
            br#"{"resourceSpans": [{"schemaUrl": "r", "resource": {"attributes": [
                {"key": "service.name", "value": {"stringValue": "shop"}}]},
              "scopeSpans": [{"schemaUrl": "s", "scope": {"name": "tracer", "version": "1"},
                "spans": [{"traceId": "0102030405060708090a0b0c0d0e0f10",
                  "spanId": "0102030405060708", "parentSpanId": "0000000000000000",
                  "name": "buy", "kind": 2, "startTimeUnixNano": "60000000000",
                  "endTimeUnixNano": "59999999999", "flags": 257, "traceState": "a=b",
                  "attributes": [
                    {"key": "text", "value": {"stringValue": "x"}},
                    {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
                    {"key": "whole", "value": {"intValue": "-5"}},
                    {"key": "nothing"},
                    {"key": "n\\u0000l", "value": {"stringValue": "a\\u0000b"}},
                    {"key": "", "value": {"stringValue": ""}},
                    {"key": "half", "value": {"doubleValue": 0.5}}],
                  "events": [{"timeUnixNano": "7", "name": "e", "attributes": [
                    {"key": "list", "value": {"boolValue": true}}]}],
                  "links": [{"traceId": "0102030405060708090a0b0c0d0e0f10", "flags": 1}],
                  "droppedEventsCount": 3,
                  "status": {"code": 2, "message": "no"}}, {}]}]}]}"#,
        )
        .unwrap();
        otlp::decode([&request[..]]).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let columns = columns();
        let blocks = encode(&columns, &mut Slicer::new(1000), &Default::default(), 0);
        let read = read_spans([&blocks.spans[..]]).unwrap();
        // Rows come in the order of the table: the empty span starts in 1970.
        assert_eq!(otlp::encode(&read), otlp::encode(&columns.take([1, 0])));
    }

    #[test]
    fn a_damaged_answer_is_an_error() {
        let blocks = encode(&columns(), &mut Slicer::new(1000), &Default::default(), 0);
        for end in 1..blocks.spans.len() {
            assert!(read_spans([&blocks.spans[..end]]).is_err(), "cut at {end}");
        }
        for place in 0..blocks.spans.len() {
            let mut damaged = blocks.spans.clone();
            damaged[place] ^= 0x55;
            let _ = read_spans([&damaged[..]]);
        }
    }
}
