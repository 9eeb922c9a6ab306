//! Protobuf bytes → JSON text.
//!
//! JSON wants a repeated field in one list, protobuf lets its elements stand anywhere: the fields
//! of a message are noted first, brought into the schema's order, and then written.

use super::super::error::{DecodeError, Fault};
use super::super::wire::{FIXED32, FIXED64, Reader, VARINT};
use super::schema::{Field, Kind, Label, MAX_MESSAGE_DEPTH, Message, TRACES_DATA};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::ops::Range;

/// Writes an ExportTraceServiceRequest (or TracesData) as OTLP/JSON.
///
/// Zero values are left out, but for the members of a oneof; unknown fields are dropped. A scalar
/// given twice: the last one counts; a message given twice is merged, as protobuf prescribes.
pub fn from_protobuf(wire: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut output = Output { text: Vec::with_capacity(wire.len() * 2), found: vec![], depth: 0 };
    output.write_message(&TRACES_DATA, [Reader::new(wire)]).map_err(|fault| *fault)?;
    Ok(output.text)
}

/// One field as it stands in the payload.
#[derive(Clone, Copy)]
struct Found<'a> {
    /// Position in the message's schema.
    field: usize,
    /// The value of a number, of whatever width.
    number: u64,
    /// The value of everything else.
    bytes: Reader<'a>,
}

struct Output<'a> {
    text: Vec<u8>,
    /// The fields of the messages being written, the innermost message's last.
    found: Vec<Found<'a>>,
    depth: usize,
}

impl<'a> Output<'a> {
    /// Writes the message whose fields stand in `parts`.
    fn write_message(
        &mut self,
        message: &'static Message,
        parts: impl IntoIterator<Item = Reader<'a>>,
    ) -> Result<(), Fault> {
        let base = self.found.len();
        for part in parts {
            if self.depth == MAX_MESSAGE_DEPTH {
                return Err(part.fault("values nest too deep"));
            }
            self.find_fields(message, part)?;
        }
        self.depth += 1;
        self.arrange(message, base);
        self.text.push(b'{');
        let mut start = base;
        while start < self.found.len() {
            let position = self.found[start].field;
            let rest = &self.found[start..];
            let count = rest.iter().take_while(|found| found.field == position).count();
            let field = &message.0[position];
            self.write_field(field, start..start + count)
                .map_err(|fault| fault.within(field.name))?;
            start += count;
        }
        self.text.push(b'}');
        self.found.truncate(base);
        self.depth -= 1;
        Ok(())
    }

    fn find_fields(
        &mut self,
        message: &'static Message,
        mut reader: Reader<'a>,
    ) -> Result<(), Fault> {
        while let Some((number, wire_type)) = reader.tag()? {
            let Some(position) = message.0.iter().position(|field| field.number == number) else {
                reader.skip(wire_type)?;
                continue;
            };
            let field = &message.0[position];
            let (number, bytes) = read_value(field.kind, &mut reader, wire_type)
                .map_err(|fault| fault.within(field.name))?;
            self.found.push(Found { field: position, number, bytes });
        }
        Ok(())
    }

    /// Brings the fields from `base` on into the schema's order, repeated ones as they came.
    fn arrange(&mut self, message: &'static Message, base: usize) {
        let found = &mut self.found[base..];
        let Some(last) = found.last().map(|found| found.field) else { return };
        if message.0[last].label == Label::Member {
            // Of a oneof only the last member is set, with all that was merged into it.
            let others = found.iter().rposition(|found| found.field != last);
            self.found.drain(base..base + others.map_or(0, |position| position + 1));
        } else if !found.is_sorted_by_key(|found| found.field) {
            found.sort_by_key(|found| found.field);
        }
    }

    /// Writes one field from its occurrences in `found`.
    fn write_field(&mut self, field: &'static Field, found: Range<usize>) -> Result<(), Fault> {
        let last = self.found[found.end - 1];
        if field.label == Label::Single && last.is_zero(field.kind) {
            return Ok(());
        }
        if self.text.last() != Some(&b'{') {
            self.text.push(b',');
        }
        self.text.push(b'"');
        self.text.extend_from_slice(field.json_name.as_bytes());
        self.text.extend_from_slice(b"\":");
        match (field.label, field.kind) {
            (Label::Repeated, _) => {
                self.text.push(b'[');
                for index in found.clone() {
                    if index > found.start {
                        self.text.push(b',');
                    }
                    self.write_element(field.kind, self.found[index])?;
                }
                self.text.push(b']');
                Ok(())
            }
            (_, Kind::Nested(message)) if found.len() > 1 => {
                let parts: Vec<Reader> = found.map(|index| self.found[index].bytes).collect();
                self.write_message(message, parts)
            }
            _ => self.write_element(field.kind, last),
        }
    }

    fn write_element(&mut self, kind: Kind, found: Found<'a>) -> Result<(), Fault> {
        let Found { number, bytes, .. } = found;
        match kind {
            Kind::Nested(message) => return self.write_message(message, [bytes]),
            Kind::Text => {
                let text = simdutf8::basic::from_utf8(bytes.rest());
                self.write_json(text.map_err(|_| bytes.fault("string is not valid UTF-8"))?);
            }
            Kind::Bool => self.write_json(&(number != 0)),
            Kind::Int64 => self.write_quoted(number as i64),
            Kind::Fixed64 => self.write_quoted(number),
            Kind::Int32 | Kind::Enum(_) => self.write_json(&(number as i32)),
            Kind::Uint32 | Kind::Fixed32 => self.write_json(&(number as u32)),
            Kind::Double => match f64::from_bits(number) {
                double if double.is_nan() => self.write_json("NaN"),
                f64::INFINITY => self.write_json("Infinity"),
                f64::NEG_INFINITY => self.write_json("-Infinity"),
                double => self.write_json(&double),
            },
            Kind::Bytes => self.write_json(&BASE64_STANDARD.encode(bytes.rest())),
            Kind::Id(_) => {
                self.text.push(b'"');
                for byte in bytes.rest() {
                    let digits = b"0123456789abcdef";
                    self.text.push(digits[usize::from(byte >> 4)]);
                    self.text.push(digits[usize::from(byte & 15)]);
                }
                self.text.push(b'"');
            }
        }
        Ok(())
    }

    fn write_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut self.text, value).expect("a Vec takes everything");
    }

    fn write_quoted(&mut self, value: impl itoa::Integer) {
        self.text.push(b'"');
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.text.push(b'"');
    }
}

impl Found<'_> {
    /// Whether proto3 takes the value for absent.
    fn is_zero(&self, kind: Kind) -> bool {
        match kind {
            Kind::Nested(_) => false,
            Kind::Text | Kind::Bytes | Kind::Id(_) => self.bytes.rest().is_empty(),
            // A varint longer than its field is cut to the field's width.
            Kind::Int32 | Kind::Uint32 | Kind::Enum(_) => self.number as u32 == 0,
            Kind::Bool | Kind::Int64 | Kind::Fixed32 | Kind::Fixed64 | Kind::Double => {
                self.number == 0
            }
        }
    }
}

fn read_value<'a>(
    kind: Kind,
    reader: &mut Reader<'a>,
    wire_type: u8,
) -> Result<(u64, Reader<'a>), Fault> {
    let (expected, nothing) = (kind.wire_type(), Reader::new(&[]));
    reader.expect(wire_type, expected)?;
    Ok(match expected {
        VARINT => (reader.varint()?, nothing),
        FIXED64 => (reader.fixed64()?, nothing),
        FIXED32 => (u64::from(reader.fixed32()?), nothing),
        _ => {
            let bytes = reader.message()?;
            let actual = bytes.rest().len();
            if let Kind::Id(length) = kind
                && ![0, length].contains(&actual)
            {
                return Err(bytes.fault(format!("must have {length} bytes, has {actual}")));
            }
            (0, bytes)
        }
    })
}
