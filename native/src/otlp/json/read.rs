//! JSON text → protobuf bytes, in one pass over the text.
//!
//! serde_json owns the syntax, this file what each field means. A message is written before its
//! length is known: one byte is kept for the length and widened where that is too few.

use super::super::error::DecodeError;
use super::scalar::Scalar;
use super::schema::{ANY_VALUE, Field, Kind, Label, MAX_MESSAGE_DEPTH, Message, TRACES_DATA};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Reads an ExportTraceServiceRequest (or TracesData) in OTLP/JSON.
///
/// Where a scalar or a member of a oneof is given twice, the last one counts. An error names the
/// JSON path, such as `resourceSpans[0].scopeSpans[0].spans[2].traceId`.
pub fn to_protobuf(json: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let text = simdutf8::compat::from_utf8(json).map_err(|error| {
        DecodeError::new("JSON", error.valid_up_to(), "text is not valid UTF-8")
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // `Output` counts messages; serde_json would count the braces and brackets around them.
    deserializer.disable_recursion_limit();
    let mut output = Output {
        text,
        bytes: Vec::with_capacity(json.len() / 2),
        path: Vec::with_capacity(16),
        depth: 0,
        fault_offset: None,
    };
    output
        .read_message(&TRACES_DATA, &mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| output.explain(&error))?;
    Ok(output.bytes)
}

enum Step {
    Field(&'static str),
    Index(usize),
}

struct Output<'t> {
    text: &'t str,
    bytes: Vec<u8>,
    /// Where in the document we are; a fault leaves it standing.
    path: Vec<Step>,
    depth: usize,
    /// Where a faulty scalar begins; the parser only knows where it ends.
    fault_offset: Option<usize>,
}

impl Output<'_> {
    fn read_message<'de, D: Deserializer<'de>>(
        &mut self,
        message: &'static Message,
        deserializer: D,
    ) -> Result<(), D::Error> {
        if self.depth == MAX_MESSAGE_DEPTH {
            return Err(D::Error::custom("values nest too deep"));
        }
        self.depth += 1;
        deserializer.deserialize_map(Object { output: self, message })?;
        self.depth -= 1;
        Ok(())
    }

    fn read_value<'de, D: Deserializer<'de>>(
        &mut self,
        field: &'static Field,
        deserializer: D,
    ) -> Result<(), D::Error> {
        match field.kind {
            Kind::Nested(message) => {
                self.tag(field);
                let start = self.bytes.len();
                self.bytes.push(0);
                self.read_message(message, deserializer)?;
                self.end_message(start);
                Ok(())
            }
            Kind::Text => deserializer.deserialize_str(Text { output: self, field }),
            _ => {
                let raw = <&RawValue>::deserialize(deserializer)?.get();
                self.write_scalar(field, raw).map_err(|expected| {
                    let here = raw.as_ptr() as usize - self.text.as_ptr() as usize;
                    self.fault_offset = Some(here);
                    D::Error::custom(format_args!("{} is not {expected}", shorten(raw)))
                })
            }
        }
    }

    /// Writes a value given as its JSON text; `Err` says what belongs there instead.
    fn write_scalar(&mut self, field: &Field, raw: &str) -> Result<(), Cow<'static, str>> {
        let value = Scalar::new(raw);
        match field.kind {
            Kind::Bool => {
                let value = value.boolean().ok_or("true or false")?;
                self.varint_field(field, u64::from(value));
            }
            Kind::Int64 => {
                let value = value.integer::<i64>().ok_or("a 64-bit integer")?;
                self.varint_field(field, value as u64);
            }
            Kind::Int32 => {
                let value = value.integer::<i32>().ok_or("a 32-bit integer")?;
                self.varint_field(field, i64::from(value) as u64);
            }
            Kind::Uint32 => {
                let value = value.integer::<u32>().ok_or("an unsigned 32-bit integer")?;
                self.varint_field(field, u64::from(value));
            }
            Kind::Enum(names) => {
                let value = value.enumeration(names).ok_or_else(|| one_of(names))?;
                self.varint_field(field, i64::from(value) as u64);
            }
            Kind::Fixed32 => {
                let value = value.integer::<u32>().ok_or("an unsigned 32-bit integer")?;
                self.fixed_field(field, &value.to_le_bytes());
            }
            Kind::Fixed64 => {
                let value = value.integer::<u64>().ok_or("an unsigned 64-bit integer")?;
                self.fixed_field(field, &value.to_le_bytes());
            }
            Kind::Double => {
                let value = value.double().ok_or("a double, \"NaN\" or \"[-]Infinity\"")?;
                self.fixed_field(field, &value.to_le_bytes());
            }
            Kind::Bytes => self.bytes_field(field, &value.base64().ok_or("base64")?),
            Kind::Id(length) => {
                let mut id = [0; 16];
                let expected = || format!("a string of {} hexadecimal digits", 2 * length);
                let id = value.hexadecimal(&mut id[..length]).ok_or_else(expected)?;
                self.bytes_field(field, id);
            }
            Kind::Nested(_) | Kind::Text => unreachable!("read by the caller"),
        }
        Ok(())
    }

    fn varint(&mut self, value: u64) {
        let (bytes, length) = encode_varint(value);
        self.bytes.extend_from_slice(&bytes[..length]);
    }

    fn tag(&mut self, field: &Field) {
        self.varint(u64::from(field.number << 3 | u32::from(field.kind.wire_type())));
    }

    fn varint_field(&mut self, field: &Field, value: u64) {
        if value != 0 || field.label != Label::Single {
            self.tag(field);
            self.varint(value);
        }
    }

    fn fixed_field(&mut self, field: &Field, value: &[u8]) {
        if field.label != Label::Single || value.iter().any(|&byte| byte != 0) {
            self.tag(field);
            self.bytes.extend_from_slice(value);
        }
    }

    fn bytes_field(&mut self, field: &Field, value: &[u8]) {
        if field.label != Label::Single || !value.is_empty() {
            self.tag(field);
            self.varint(value.len() as u64);
            self.bytes.extend_from_slice(value);
        }
    }

    /// Ends the message whose length byte stands at `start`.
    fn end_message(&mut self, start: usize) {
        let (bytes, length) = encode_varint((self.bytes.len() - start - 1) as u64);
        self.bytes[start] = bytes[0];
        if length > 1 {
            self.bytes.splice(start + 1..start + 1, bytes[1..length].iter().copied());
        }
    }

    fn explain(&self, error: &serde_json::Error) -> DecodeError {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(name),
                Step::Field(name) => path.extend([".", name]),
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        let offset = self.fault_offset.unwrap_or_else(|| {
            let lines = self.text.split_inclusive('\n').take(error.line().saturating_sub(1));
            let line_start: usize = lines.map(str::len).sum();
            (line_start + error.column().saturating_sub(1)).min(self.text.len())
        });
        let text = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        let reason = text.strip_suffix(&position).unwrap_or(&text);
        DecodeError::new(if path.is_empty() { "JSON" } else { &path }, offset, reason)
    }
}

fn encode_varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut length = 0;
    while value >= 0x80 {
        bytes[length] = value as u8 | 0x80;
        value >>= 7;
        length += 1;
    }
    bytes[length] = value as u8;
    (bytes, length + 1)
}

/// As much of a faulty value as a message should show.
fn shorten(raw: &str) -> Cow<'_, str> {
    match raw.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &raw[..end]).into(),
        None => raw.into(),
    }
}

fn one_of(names: &[&str]) -> Cow<'static, str> {
    format!("an integer or one of {}", names.join(", ")).into()
}

/// Reads the fields of an object.
struct Object<'o, 't> {
    output: &'o mut Output<'t>,
    message: &'static Message,
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let message_start = self.output.bytes.len();
        while let Some(field) = map.next_key_seed(FieldName(self.message))? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.output.path.push(Step::Field(field.json_name));
            let output = &mut *self.output;
            map.next_value_seed(Member { output, field, message_start })?;
            self.output.path.pop();
        }
        Ok(())
    }
}

struct FieldName(&'static Message);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<&'static Field>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.iter().find(|field| field.json_name == name || field.name == name))
    }
}

/// Reads one field's value: nothing for `null`, a list for a repeated field.
struct Member<'o, 't> {
    output: &'o mut Output<'t>,
    field: &'static Field,
    message_start: usize,
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Member<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { output, field, message_start } = self;
        match field.label {
            Label::Repeated => deserializer.deserialize_seq(List { output, field }),
            Label::Single => output.read_value(field, deserializer),
            Label::Member => {
                // AnyValue has nothing but its oneof: a second member replaces the first.
                output.bytes.truncate(message_start);
                output.read_value(field, deserializer)
            }
        }
    }
}

/// Reads the elements of a repeated field.
struct List<'o, 't> {
    output: &'o mut Output<'t>,
    field: &'static Field,
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { output, field } = self;
        for index in 0.. {
            output.path.push(Step::Index(index));
            let element = Element { output: &mut *output, field };
            if elements.next_element_seed(element)?.is_none() {
                break;
            }
            output.path.pop();
        }
        output.path.pop();
        Ok(())
    }
}

struct Element<'o, 't> {
    output: &'o mut Output<'t>,
    field: &'static Field,
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.field.kind {
            Kind::Nested(message) if std::ptr::eq(message, &ANY_VALUE) => {
                deserializer.deserialize_option(self)
            }
            _ => self.output.read_value(self.field, deserializer),
        }
    }
}

/// An AnyValue in an array: JavaScript senders write the empty one as `null`.
impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.output.bytes_field(self.field, &[]);
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.output.read_value(self.field, deserializer)
    }
}

/// Writes a string field.
struct Text<'o, 't> {
    output: &'o mut Output<'t>,
    field: &'static Field,
}

impl Visitor<'_> for Text<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.output.bytes_field(self.field, value.as_bytes());
        Ok(())
    }
}
