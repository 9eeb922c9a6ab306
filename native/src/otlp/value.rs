//! OTLP's KeyValue and AnyValue: attributes and what their values hold.
//!
//! With `CHECK` every nested value is walked; without it the payload is known to have passed.

use super::error::Fault;
use super::fields::{count, is_utf8, message_field, text, time};
use super::wire::{BYTES, Reader, VARINT};
use crate::columns::ValueType;

/// Arrays and maps may nest this deep; protobuf's own parsers stop near 100 messages.
pub const MAX_DEPTH: usize = 48;

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

/// An attribute that `scalar_attribute` does not take.
#[cold]
pub fn rare_attribute<const CHECK: bool>(message: Reader<'_>) -> Result<Attribute<'_>, Fault> {
    parse_attribute::<CHECK>(message, 0).map_err(|fault| fault.within("attributes"))
}

/// A KeyValue in the shape nearly all have: a key, then a scalar, nothing else.
/// `None` for every other, right or wrong: `rare_attribute` tells which.
#[inline(always)]
pub fn scalar_attribute<const CHECK: bool>(message: &[u8]) -> Option<Attribute<'_>> {
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
