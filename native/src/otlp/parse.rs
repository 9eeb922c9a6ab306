//! OTLP's grammar, once: walks a trace request and tells a `Visitor` what it finds.
//!
//! Checking a payload and decoding it are two visitors of the same walk, so what the check lets
//! through is what the decoder understands. With `CHECK` every string is tested for UTF-8 and
//! every nested value is walked; without it the payload is known to have passed.
//!
//! Source: opentelemetry-proto (trace, common, resource). A scalar given twice: the last one counts,
//! as protobuf prescribes. A Resource or InstrumentationScope given twice in one container, which
//! no encoder writes, is refused.

use super::error::Fault;
use super::fields::{count, flags, identifier, message_field, text, time, utf8};
use super::value::{Attribute, rare_attribute, scalar_attribute};
use super::wire::{BYTES, Reader};

/// Whose attribute, dropped count or schema URL it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    Resource,
    Scope,
    Span,
    Event,
    Link,
}

/// A span's own fields; its attributes, events and links were visited before.
#[derive(Default)]
pub struct SpanFields<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub parent_span_id: &'a [u8],
    pub trace_state: &'a [u8],
    pub name: &'a [u8],
    pub kind: i32,
    pub start_time_unix_nano: u64,
    pub end_time_unix_nano: u64,
    pub flags: u32,
    pub dropped_attributes_count: u32,
    pub dropped_events_count: u32,
    pub dropped_links_count: u32,
    pub has_status: bool,
    pub status_code: i32,
    pub status_message: &'a [u8],
}

#[derive(Default)]
pub struct EventFields<'a> {
    pub time_unix_nano: u64,
    pub name: &'a [u8],
    pub dropped_attributes_count: u32,
}

#[derive(Default)]
pub struct LinkFields<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub trace_state: &'a [u8],
    pub dropped_attributes_count: u32,
    pub flags: u32,
}

#[derive(Default)]
pub struct ResourceFields {
    pub dropped_attributes_count: u32,
    /// `entity_refs` fields with their tags.
    pub entity_refs: Vec<u8>,
}

#[derive(Default)]
pub struct ScopeFields<'a> {
    pub name: &'a [u8],
    pub version: &'a [u8],
    pub dropped_attributes_count: u32,
}

/// The parts of a container (ResourceSpans, ScopeSpans) beside its children.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    /// The Resource or InstrumentationScope message, when there is one.
    pub message: Option<Reader<'a>>,
    pub schema_url: &'a [u8],
}

/// What is told of a walk. Attributes, events and links come before the span they belong to.
pub trait Visitor<'a> {
    /// A ResourceSpans begins. The header is parsed by the visitor with `parse_resource`, or not
    /// at all where it has seen it before.
    fn resource(&mut self, header: Header<'a>) -> Result<(), Fault>;
    fn scope(&mut self, header: Header<'a>) -> Result<(), Fault>;
    fn attribute(&mut self, owner: Owner, attribute: &Attribute<'a>);
    fn event(&mut self, event: &EventFields<'a>);
    fn link(&mut self, link: &LinkFields<'a>);
    fn span(&mut self, span: &SpanFields<'a>);
}

/// Walks an ExportTraceServiceRequest (or TracesData: the same on the wire).
pub fn walk_request<'a, const CHECK: bool, V: Visitor<'a>>(
    payload: &'a [u8],
    visitor: &mut V,
) -> Result<(), Fault> {
    let mut reader = Reader::new(payload);
    while let Some((field, wire_type)) = reader.tag()? {
        if field == 1 {
            reader
                .expect(wire_type, BYTES)
                .and_then(|()| reader.message())
                .and_then(|inner| walk_container::<CHECK, V>(inner, visitor, Owner::Resource))
                .map_err(|fault| fault.within("resource_spans"))?;
        } else {
            reader.skip(wire_type)?;
        }
    }
    Ok(())
}

/// ResourceSpans and ScopeSpans have one shape: 1 the header message, 2 children, 3 schema URL.
/// The schema URL may stand behind the children, so the header is gathered first.
pub fn walk_container<'a, const CHECK: bool, V: Visitor<'a>>(
    message: Reader<'a>,
    visitor: &mut V,
    owner: Owner,
) -> Result<(), Fault> {
    let (header_name, children_name) = match owner {
        Owner::Resource => ("resource", "scope_spans"),
        _ => ("scope", "spans"),
    };
    let mut header = Header { message: None, schema_url: &[] };
    let mut headers = 0;
    let mut reader = message;
    while let Some((field, wire_type)) = reader.tag()? {
        match field {
            1 => {
                reader.expect(wire_type, BYTES).map_err(|fault| fault.within(header_name))?;
                let inner = reader.message().map_err(|fault| fault.within(header_name))?;
                headers += 1;
                if headers > 1 {
                    return Err(inner.fault("given more than once").within(header_name));
                }
                header.message = Some(inner);
            }
            3 => {
                reader.expect(wire_type, BYTES).map_err(|fault| fault.within("schema_url"))?;
                header.schema_url = utf8::<CHECK>(&mut reader, "schema_url")?;
            }
            _ => reader.skip(wire_type)?,
        }
    }
    match owner {
        Owner::Resource => visitor.resource(header),
        _ => visitor.scope(header),
    }
    .map_err(|fault| fault.within(header_name))?;
    let mut reader = message;
    while let Some((field, wire_type)) = reader.tag()? {
        if field == 2 {
            reader
                .expect(wire_type, BYTES)
                .and_then(|()| reader.message())
                .and_then(|inner| match owner {
                    Owner::Resource => walk_container::<CHECK, V>(inner, visitor, Owner::Scope),
                    _ => walk_span::<CHECK, V>(inner, visitor),
                })
                .map_err(|fault| fault.within(children_name))?;
        } else {
            reader.skip(wire_type)?;
        }
    }
    Ok(())
}

/// Parses a Resource message; its attributes go to the visitor.
pub fn parse_resource<'a, const CHECK: bool, V: Visitor<'a>>(
    mut reader: Reader<'a>,
    visitor: &mut V,
) -> Result<ResourceFields, Fault> {
    let mut fields = ResourceFields::default();
    loop {
        let start = reader;
        let Some((field, wire_type)) = reader.tag()? else { return Ok(fields) };
        match field {
            1 => attribute_field::<CHECK, V>(&mut reader, wire_type, Owner::Resource, visitor)?,
            2 => fields.dropped_attributes_count = count(&mut reader, wire_type, DROPPED)?,
            3 => {
                reader.expect(wire_type, BYTES).map_err(|fault| fault.within("entity_refs"))?;
                let entity = reader.message().map_err(|fault| fault.within("entity_refs"))?;
                if CHECK {
                    check_entity_ref(entity).map_err(|fault| fault.within("entity_refs"))?;
                }
                let length = reader.offset() - start.offset();
                fields.entity_refs.extend_from_slice(&start.rest()[..length]);
            }
            _ => reader.skip(wire_type)?,
        }
    }
}

fn check_entity_ref(mut reader: Reader<'_>) -> Result<(), Fault> {
    while let Some((field, wire_type)) = reader.tag()? {
        match field {
            1..=4 => {
                let name = ["schema_url", "type", "id_keys", "description_keys"];
                let name = name[field as usize - 1];
                reader.expect(wire_type, BYTES).map_err(|fault| fault.within(name))?;
                utf8::<true>(&mut reader, name)?;
            }
            _ => reader.skip(wire_type)?,
        }
    }
    Ok(())
}

/// Parses an InstrumentationScope message; its attributes go to the visitor.
pub fn parse_scope<'a, const CHECK: bool, V: Visitor<'a>>(
    mut reader: Reader<'a>,
    visitor: &mut V,
) -> Result<ScopeFields<'a>, Fault> {
    let mut fields = ScopeFields::default();
    while let Some((field, wire_type)) = reader.tag()? {
        match field {
            1 => fields.name = text::<CHECK>(&mut reader, wire_type, "name")?,
            2 => fields.version = text::<CHECK>(&mut reader, wire_type, "version")?,
            3 => attribute_field::<CHECK, V>(&mut reader, wire_type, Owner::Scope, visitor)?,
            4 => fields.dropped_attributes_count = count(&mut reader, wire_type, DROPPED)?,
            _ => reader.skip(wire_type)?,
        }
    }
    Ok(fields)
}

const DROPPED: &str = "dropped_attributes_count";

/// Parses a Span message: its parts, then the span itself, go to the visitor.
pub fn walk_span<'a, const CHECK: bool, V: Visitor<'a>>(
    mut reader: Reader<'a>,
    visitor: &mut V,
) -> Result<(), Fault> {
    let mut span = SpanFields::default();
    while let Some((field, wire_type)) = reader.tag()? {
        let reader = &mut reader;
        match field {
            1 => span.trace_id = identifier(reader, wire_type, 16, "trace_id")?,
            2 => span.span_id = identifier(reader, wire_type, 8, "span_id")?,
            3 => span.trace_state = text::<CHECK>(reader, wire_type, "trace_state")?,
            4 => span.parent_span_id = identifier(reader, wire_type, 8, "parent_span_id")?,
            5 => span.name = text::<CHECK>(reader, wire_type, "name")?,
            6 => span.kind = count(reader, wire_type, "kind")? as i32,
            7 => span.start_time_unix_nano = time(reader, wire_type, "start_time_unix_nano")?,
            8 => span.end_time_unix_nano = time(reader, wire_type, "end_time_unix_nano")?,
            9 => attribute_field::<CHECK, V>(reader, wire_type, Owner::Span, visitor)?,
            10 => span.dropped_attributes_count = count(reader, wire_type, DROPPED)?,
            11 => {
                let event = message_field(reader, wire_type, "events")?;
                walk_event::<CHECK, V>(event, visitor).map_err(|fault| fault.within("events"))?;
            }
            12 => span.dropped_events_count = count(reader, wire_type, "dropped_events_count")?,
            13 => {
                let link = message_field(reader, wire_type, "links")?;
                walk_link::<CHECK, V>(link, visitor).map_err(|fault| fault.within("links"))?;
            }
            14 => span.dropped_links_count = count(reader, wire_type, "dropped_links_count")?,
            15 => {
                let status = message_field(reader, wire_type, "status")?;
                parse_status::<CHECK>(status, &mut span).map_err(|fault| fault.within("status"))?;
            }
            16 => span.flags = flags(reader, wire_type)?,
            _ => reader.skip(wire_type)?,
        }
    }
    visitor.span(&span);
    Ok(())
}

fn parse_status<'a, const CHECK: bool>(
    mut reader: Reader<'a>,
    span: &mut SpanFields<'a>,
) -> Result<(), Fault> {
    span.has_status = true;
    while let Some((field, wire_type)) = reader.tag()? {
        match field {
            2 => span.status_message = text::<CHECK>(&mut reader, wire_type, "message")?,
            3 => span.status_code = count(&mut reader, wire_type, "code")? as i32,
            _ => reader.skip(wire_type)?,
        }
    }
    Ok(())
}

fn walk_event<'a, const CHECK: bool, V: Visitor<'a>>(
    mut reader: Reader<'a>,
    visitor: &mut V,
) -> Result<(), Fault> {
    let mut event = EventFields::default();
    while let Some((field, wire_type)) = reader.tag()? {
        let reader = &mut reader;
        match field {
            1 => event.time_unix_nano = time(reader, wire_type, "time_unix_nano")?,
            2 => event.name = text::<CHECK>(reader, wire_type, "name")?,
            3 => attribute_field::<CHECK, V>(reader, wire_type, Owner::Event, visitor)?,
            4 => event.dropped_attributes_count = count(reader, wire_type, DROPPED)?,
            _ => reader.skip(wire_type)?,
        }
    }
    visitor.event(&event);
    Ok(())
}

fn walk_link<'a, const CHECK: bool, V: Visitor<'a>>(
    mut reader: Reader<'a>,
    visitor: &mut V,
) -> Result<(), Fault> {
    let mut link = LinkFields::default();
    while let Some((field, wire_type)) = reader.tag()? {
        let reader = &mut reader;
        match field {
            1 => link.trace_id = identifier(reader, wire_type, 16, "trace_id")?,
            2 => link.span_id = identifier(reader, wire_type, 8, "span_id")?,
            3 => link.trace_state = text::<CHECK>(reader, wire_type, "trace_state")?,
            4 => attribute_field::<CHECK, V>(reader, wire_type, Owner::Link, visitor)?,
            5 => link.dropped_attributes_count = count(reader, wire_type, DROPPED)?,
            6 => link.flags = flags(reader, wire_type)?,
            _ => reader.skip(wire_type)?,
        }
    }
    visitor.link(&link);
    Ok(())
}

#[inline(always)]
fn attribute_field<'a, const CHECK: bool, V: Visitor<'a>>(
    reader: &mut Reader<'a>,
    wire_type: u8,
    owner: Owner,
    visitor: &mut V,
) -> Result<(), Fault> {
    let message = message_field(reader, wire_type, "attributes")?;
    let attribute = match scalar_attribute::<CHECK>(message.rest()) {
        Some(attribute) => attribute,
        None => rare_attribute::<CHECK>(message)?,
    };
    visitor.attribute(owner, &attribute);
    Ok(())
}
