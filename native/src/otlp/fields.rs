//! Fields of OTLP's messages, read by what they are: texts, ids, counts, times, nested messages.
//!
//! With `CHECK` a text is tested for UTF-8. A field of another wire type than it has is a fault that
//! names it.

use super::error::{DecodeError, Fault};
use super::wire::{BYTES, FIXED32, FIXED64, Reader, VARINT};

/// Short strings are nearly all ASCII, and are tested eight bytes at a time.
#[inline(always)]
pub fn is_utf8(text: &[u8]) -> bool {
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
pub fn utf8<'a, const CHECK: bool>(
    reader: &mut Reader<'a>,
    field: &str,
) -> Result<&'a [u8], Fault> {
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

#[inline(always)]
pub fn text<'a, const CHECK: bool>(
    reader: &mut Reader<'a>,
    wire_type: u8,
    field: &str,
) -> Result<&'a [u8], Fault> {
    reader.expect(wire_type, BYTES).map_err(|fault| fault.within(field))?;
    utf8::<CHECK>(reader, field)
}

#[inline(always)]
pub fn count(reader: &mut Reader<'_>, wire_type: u8, field: &str) -> Result<u32, Fault> {
    let value = reader.expect(wire_type, VARINT).and_then(|()| reader.varint());
    // A longer varint is cut to the field's width, as protobuf's own parsers do.
    value.map(|value| value as u32).map_err(|fault| fault.within(field))
}

#[inline(always)]
pub fn time(reader: &mut Reader<'_>, wire_type: u8, field: &str) -> Result<u64, Fault> {
    let value = reader.expect(wire_type, FIXED64).and_then(|()| reader.fixed64());
    value.map_err(|fault| fault.within(field))
}

#[inline(always)]
pub fn flags(reader: &mut Reader<'_>, wire_type: u8) -> Result<u32, Fault> {
    let value = reader.expect(wire_type, FIXED32).and_then(|()| reader.fixed32());
    value.map_err(|fault| fault.within("flags"))
}

#[inline(always)]
pub fn identifier<'a>(
    reader: &mut Reader<'a>,
    wire_type: u8,
    length: usize,
    field: &str,
) -> Result<&'a [u8], Fault> {
    reader.expect(wire_type, BYTES).map_err(|fault| fault.within(field))?;
    id(reader, length, field)
}

#[inline(always)]
pub fn message_field<'a>(
    reader: &mut Reader<'a>,
    wire_type: u8,
    field: &str,
) -> Result<Reader<'a>, Fault> {
    let inner = reader.expect(wire_type, BYTES).and_then(|()| reader.message());
    inner.map_err(|fault| fault.within(field))
}
