//! OTLP's grammar, once: walks a trace request and tells a `Visitor` what it finds.
//!
//! Checking a payload and decoding it are two visitors of the same walk, so what the check lets
//! through is what the decoder understands. With `CHECK` every string is tested for UTF-8 and
//! every nested value is walked; without it the payload is known to have passed.
//!
//! Source: opentelemetry-proto (trace, common, resource). A scalar given twice: the last one counts,
//! as protobuf prescribes. A Resource or InstrumentationScope given twice in one container, which
//! no encoder writes, is refused.

use super::error::{DecodeError, Fault};
use super::wire::{BYTES, FIXED32, FIXED64, Reader, VARINT};
use crate::columns::ValueType;

/// Arrays and maps may nest this deep; protobuf's own parsers stop near 100 messages.
pub const MAX_DEPTH: usize = 48;

/// Whose attribute, dropped count or schema URL it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    Resource,
    Scope,
    Span,
    Event,
    Link,
}

/// One attribute as it stands in the payload.
pub struct Attribute<'a> {
    pub key: &'a [u8],
    pub value_type: ValueType,
    bytes: &'a [u8],
    scalar: [u8; 8],
}

impl Attribute<'_> {
    /// The value in the form `columns::ValueType` describes.
    pub fn value(&self) -> &[u8] {
        match self.value_type {
            ValueType::Bool => &self.scalar[..1],
            ValueType::Int | ValueType::Double => &self.scalar,
            _ => self.bytes,
        }
    }
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

/// Short strings are nearly all ASCII, and are tested eight bytes at a time.
#[inline(always)]
fn is_utf8(text: &[u8]) -> bool {
    is_short_ascii(text) || simdutf8::basic::from_utf8(text).is_ok()
}

#[inline(always)]
fn is_short_ascii(text: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let bits = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        // The last eight bytes overlap those before where the length is no multiple of eight.
        (Some(_), Some(&last)) if text.len() < 64 => text
            .as_chunks::<8>()
            .0
            .iter()
            .fold(u64::from_ne_bytes(last), |bits, word| bits | u64::from_ne_bytes(*word)),
        (None, _) => text.iter().fold(0, |bits, &byte| bits | u64::from(byte)),
        _ => return false,
    };
    bits & HIGH_BITS == 0
}

#[inline(always)]
fn utf8<'a, const CHECK: bool>(reader: &mut Reader<'a>, field: &str) -> Result<&'a [u8], Fault> {
    let offset = reader.offset();
    let value = reader.bytes().map_err(|fault| fault.within(field))?;
    if CHECK && !is_utf8(value) {
        return Err(DecodeError::at(offset, "string is not valid UTF-8").within(field));
    }
    Ok(value)
}

#[inline(always)]
fn id<'a>(reader: &mut Reader<'a>, length: usize, field: &str) -> Result<&'a [u8], Fault> {
    let offset = reader.offset();
    let value = reader.bytes().map_err(|fault| fault.within(field))?;
    if value.len() != length && !value.is_empty() {
        let reason = format!("must have {length} bytes, has {}", value.len());
        return Err(DecodeError::at(offset, reason).within(field));
    }
    Ok(value)
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

#[inline(always)]
fn text<'a, const CHECK: bool>(
    reader: &mut Reader<'a>,
    wire_type: u8,
    field: &str,
) -> Result<&'a [u8], Fault> {
    reader.expect(wire_type, BYTES).map_err(|fault| fault.within(field))?;
    utf8::<CHECK>(reader, field)
}

#[inline(always)]
fn count(reader: &mut Reader<'_>, wire_type: u8, field: &str) -> Result<u32, Fault> {
    let value = reader.expect(wire_type, VARINT).and_then(|()| reader.varint());
    // A longer varint is cut to the field's width, as protobuf's own parsers do.
    value.map(|value| value as u32).map_err(|fault| fault.within(field))
}

#[inline(always)]
fn time(reader: &mut Reader<'_>, wire_type: u8, field: &str) -> Result<u64, Fault> {
    let value = reader.expect(wire_type, FIXED64).and_then(|()| reader.fixed64());
    value.map_err(|fault| fault.within(field))
}

#[inline(always)]
fn flags(reader: &mut Reader<'_>, wire_type: u8) -> Result<u32, Fault> {
    let value = reader.expect(wire_type, FIXED32).and_then(|()| reader.fixed32());
    value.map_err(|fault| fault.within("flags"))
}

#[inline(always)]
fn identifier<'a>(
    reader: &mut Reader<'a>,
    wire_type: u8,
    length: usize,
    field: &str,
) -> Result<&'a [u8], Fault> {
    reader.expect(wire_type, BYTES).map_err(|fault| fault.within(field))?;
    id(reader, length, field)
}

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

#[inline(always)]
fn message_field<'a>(
    reader: &mut Reader<'a>,
    wire_type: u8,
    field: &str,
) -> Result<Reader<'a>, Fault> {
    let inner = reader.expect(wire_type, BYTES).and_then(|()| reader.message());
    inner.map_err(|fault| fault.within(field))
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

#[cold]
fn rare_attribute<const CHECK: bool>(message: Reader<'_>) -> Result<Attribute<'_>, Fault> {
    parse_attribute::<CHECK>(message, 0).map_err(|fault| fault.within("attributes"))
}

/// A KeyValue in the shape nearly all have: a key, then a scalar, nothing else.
/// `None` for every other, right or wrong: `parse_attribute` tells which.
#[inline(always)]
fn scalar_attribute<const CHECK: bool>(message: &[u8]) -> Option<Attribute<'_>> {
    let (key, after) = field(message, 0x0a)?;
    let (value, after) = field(after, 0x12)?;
    if !after.is_empty() {
        return None;
    }
    let mut attribute =
        Attribute { key, value_type: ValueType::String, bytes: &[], scalar: [0; 8] };
    match *value {
        [0x0a, ..] => {
            let (text, after) = field(value, 0x0a)?;
            if !after.is_empty() || (CHECK && !is_utf8(text)) {
                return None;
            }
            attribute.bytes = text;
        }
        [0x10, byte @ 0..=1] => {
            attribute.value_type = ValueType::Bool;
            attribute.scalar[0] = byte;
        }
        [0x18, ref varint @ ..] => {
            let mut reader = Reader::new(varint);
            let value = reader.varint().ok()?;
            if !reader.rest().is_empty() {
                return None;
            }
            attribute.value_type = ValueType::Int;
            attribute.scalar = value.to_le_bytes();
        }
        [0x21, a, b, c, d, e, f, g, h] => {
            attribute.value_type = ValueType::Double;
            attribute.scalar = [a, b, c, d, e, f, g, h];
        }
        _ => return None,
    }
    (!CHECK || is_utf8(key)).then_some(attribute)
}

/// The value of a length-delimited field under 16 KiB with this one-byte tag, and what follows.
#[inline(always)]
fn field(message: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    match *message {
        [first, length @ 0..=0x7f, ref rest @ ..] if first == tag => {
            rest.split_at_checked(length.into())
        }
        [first, low, high @ 0..=0x7f, ref rest @ ..] if first == tag => {
            rest.split_at_checked(usize::from(low & 0x7f) | usize::from(high) << 7)
        }
        _ => None,
    }
}

/// Parses a KeyValue message. `depth` counts the arrays and maps around it.
#[inline]
pub fn parse_attribute<const CHECK: bool>(
    message: Reader<'_>,
    depth: usize,
) -> Result<Attribute<'_>, Fault> {
    let (mut attribute, plain) = parse_key_value::<CHECK>(message, depth)?;
    if !plain {
        attribute.value_type = ValueType::Verbatim;
        attribute.bytes = message.rest();
    }
    Ok(attribute)
}

/// Parses a KeyValue message to its plain meaning (the last value counts); false where the result
/// does not tell all the message holds.
#[inline]
pub fn parse_key_value<const CHECK: bool>(
    message: Reader<'_>,
    depth: usize,
) -> Result<(Attribute<'_>, bool), Fault> {
    let mut attribute =
        Attribute { key: &[], value_type: ValueType::Absent, bytes: &[], scalar: [0; 8] };
    let mut verbatim = false;
    let mut values = 0;
    let mut reader = message;
    while let Some((field, wire_type)) = reader.tag()? {
        match field {
            1 => attribute.key = text::<CHECK>(&mut reader, wire_type, "key")?,
            2 => {
                let value = message_field(&mut reader, wire_type, "value")?;
                values += 1;
                let plain = parse_value::<CHECK>(value, &mut attribute, depth)
                    .map_err(|fault| fault.within("value"))?;
                verbatim |= !plain || values > 1;
            }
            3 => verbatim |= count(&mut reader, wire_type, "key_strindex")? != 0,
            _ => reader.skip(wire_type)?,
        }
    }
    Ok((attribute, !verbatim))
}

/// Parses an AnyValue message into `attribute`; false where only its bytes tell it all.
#[inline]
fn parse_value<'a, const CHECK: bool>(
    mut reader: Reader<'a>,
    attribute: &mut Attribute<'a>,
    depth: usize,
) -> Result<bool, Fault> {
    attribute.value_type = ValueType::Empty;
    let mut members = 0;
    let mut plain = true;
    while let Some((field, wire_type)) = reader.tag()? {
        members += usize::from(field <= 8);
        match field {
            1 => {
                attribute.value_type = ValueType::String;
                attribute.bytes = text::<CHECK>(&mut reader, wire_type, "string_value")?;
            }
            2 => {
                attribute.value_type = ValueType::Bool;
                let value = reader.expect(wire_type, VARINT).and_then(|()| reader.varint());
                let value = value.map_err(|fault| fault.within("bool_value"))?;
                attribute.scalar[0] = u8::from(value != 0);
            }
            3 => {
                attribute.value_type = ValueType::Int;
                let value = reader.expect(wire_type, VARINT).and_then(|()| reader.varint());
                let value = value.map_err(|fault| fault.within("int_value"))?;
                attribute.scalar = value.to_le_bytes();
            }
            4 => {
                attribute.value_type = ValueType::Double;
                attribute.scalar = time(&mut reader, wire_type, "double_value")?.to_le_bytes();
            }
            5 | 6 => {
                let (value_type, name) = if field == 5 {
                    (ValueType::Array, "array_value")
                } else {
                    (ValueType::Map, "kvlist_value")
                };
                attribute.value_type = value_type;
                let inner = message_field(&mut reader, wire_type, name)?;
                if CHECK {
                    check_nested(inner, value_type, depth + 1)
                        .map_err(|fault| fault.within(name))?;
                }
                attribute.bytes = inner.rest();
            }
            7 => {
                attribute.value_type = ValueType::Bytes;
                reader.expect(wire_type, BYTES).map_err(|fault| fault.within("bytes_value"))?;
                attribute.bytes = reader.bytes().map_err(|fault| fault.within("bytes_value"))?;
            }
            8 => {
                count(&mut reader, wire_type, "string_value_strindex")?;
                plain = false;
            }
            _ => reader.skip(wire_type)?,
        }
    }
    Ok(plain && members <= 1)
}

/// Walks the values of an ArrayValue or KeyValueList.
fn check_nested(mut reader: Reader<'_>, value_type: ValueType, depth: usize) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(reader.fault(format!("values nest deeper than {MAX_DEPTH} levels")));
    }
    while let Some((field, wire_type)) = reader.tag()? {
        if field != 1 {
            reader.skip(wire_type)?;
            continue;
        }
        let inner = message_field(&mut reader, wire_type, "values")?;
        if value_type == ValueType::Map {
            parse_attribute::<true>(inner, depth).map(drop)
        } else {
            parse_any_value::<true>(inner, depth).map(drop)
        }
        .map_err(|fault| fault.within("values"))?;
    }
    Ok(())
}

/// Parses an AnyValue that stands by itself, in an array.
pub fn parse_any_value<const CHECK: bool>(
    message: Reader<'_>,
    depth: usize,
) -> Result<Attribute<'_>, Fault> {
    let mut value =
        Attribute { key: &[], value_type: ValueType::Absent, bytes: &[], scalar: [0; 8] };
    parse_value::<CHECK>(message, &mut value, depth)?;
    Ok(value)
}

/// Calls `visit` with each value of a checked ArrayValue (keys are empty) or KeyValueList.
pub fn for_each_nested<'a>(
    message: &'a [u8],
    value_type: ValueType,
    mut visit: impl FnMut(Attribute<'a>),
) -> Result<(), Fault> {
    let mut reader = Reader::new(message);
    while let Some((field, wire_type)) = reader.tag()? {
        if field != 1 {
            reader.skip(wire_type)?;
            continue;
        }
        let inner = message_field(&mut reader, wire_type, "values")?;
        visit(if value_type == ValueType::Map {
            parse_attribute::<false>(inner, 0)?
        } else {
            parse_any_value::<false>(inner, 0)?
        });
    }
    Ok(())
}
