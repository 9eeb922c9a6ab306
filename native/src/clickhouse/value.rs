//! Attribute values as the text the store keeps and searches, and back.
//!
//! The text is the value's string form in Jaeger: integers in decimal, doubles with the fewest
//! digits, bytes in base64, arrays and maps as JSON. A type code beside it tells how to read it
//! back; values the text cannot give back exactly are kept whole in the span's `rest`. No text has
//! a NUL, which ends texts in lists of them: U+FFFD stands for it.

use std::borrow::Cow;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::columns::ValueType;
use crate::jaeger::text::{double, write_float, write_plain};

pub const STRING: u8 = b's';
pub const BOOL: u8 = b'b';
pub const INT: u8 = b'i';
pub const DOUBLE: u8 = b'd';
pub const BYTES: u8 = b'y';
/// The value itself stands in `rest`; the text is for searching.
pub const IN_REST: u8 = b'r';

/// How a value is stored beside its text.
#[inline]
pub fn code(value_type: ValueType, value: &[u8]) -> u8 {
    match value_type {
        ValueType::String if value.contains(&0) => IN_REST,
        ValueType::String => STRING,
        ValueType::Bool => BOOL,
        ValueType::Int => INT,
        ValueType::Double if double(value).is_finite() => DOUBLE,
        ValueType::Bytes => BYTES,
        _ => IN_REST,
    }
}

/// The text of a value; `scratch` is room for it.
#[inline]
pub fn text<'a>(scratch: &'a mut Vec<u8>, value_type: ValueType, value: &'a [u8]) -> &'a [u8] {
    if value_type == ValueType::String && !value.contains(&0) {
        return value;
    }
    scratch.clear();
    match value_type {
        ValueType::String => scratch.extend_from_slice(&plain_text(value)),
        ValueType::Absent | ValueType::Empty => {}
        ValueType::Double => match double(value) {
            number if number.is_finite() => write_float(scratch, number),
            number if number.is_nan() => scratch.extend_from_slice(b"NaN"),
            number => {
                scratch.extend_from_slice(if number > 0.0 { b"Infinity" } else { b"-Infinity" })
            }
        },
        ValueType::Bytes | ValueType::Verbatim => {
            write!(scratch, "{}", STANDARD.encode(value)).expect("a Vec takes every write");
        }
        _ => write_plain(scratch, value_type, value),
    }
    scratch
}

/// A string without NULs.
pub fn plain_text(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&0) {
        return Cow::Borrowed(text);
    }
    let parts: Vec<&[u8]> = text.split(|&byte| byte == 0).collect();
    Cow::Owned(parts.join("\u{fffd}".as_bytes()))
}

/// The value a text and its code stand for; `None` for codes this program does not know, for
/// `IN_REST`, and for text that is no such value.
pub fn parse(code: u8, text: &[u8]) -> Option<(ValueType, Cow<'_, [u8]>)> {
    let number = || std::str::from_utf8(text).ok();
    Some(match code {
        STRING => (ValueType::String, Cow::Borrowed(text)),
        BOOL => (ValueType::Bool, Cow::Owned(vec![u8::from(text == b"true")])),
        INT => {
            let value: i64 = number()?.parse().ok()?;
            (ValueType::Int, Cow::Owned(value.to_le_bytes().to_vec()))
        }
        DOUBLE => {
            let value: f64 = number()?.parse().ok()?;
            (ValueType::Double, Cow::Owned(value.to_le_bytes().to_vec()))
        }
        BYTES => (ValueType::Bytes, Cow::Owned(STANDARD.decode(text).ok()?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(value_type: ValueType, value: &[u8]) -> (u8, Vec<u8>) {
        (code(value_type, value), text(&mut Vec::new(), value_type, value).to_vec())
    }

    #[test]
    fn a_plain_value_comes_back_from_its_text() {
        let mut cases = vec![
            (ValueType::String, b"".to_vec(), ""),
            (ValueType::String, b"\xffa".to_vec(), "\u{fffd}a"),
            (ValueType::Bool, vec![1], "true"),
            (ValueType::Bool, vec![0], "false"),
            (ValueType::Bytes, vec![0, 255], "AP8="),
            (ValueType::Bytes, vec![], ""),
        ];
        for (number, text) in [(0, "0"), (-1, "-1"), (i64::MIN, "-9223372036854775808")] {
            cases.push((ValueType::Int, number.to_le_bytes().to_vec(), text));
        }
        for (number, text) in [(1.0, "1"), (-0.0, "-0"), (1e300, "1e+300"), (5e-324, "5e-324")] {
            cases.push((ValueType::Double, f64::to_le_bytes(number).to_vec(), text));
        }
        for (value_type, value, expected) in cases {
            let (code, text) = stored(value_type, &value);
            assert_eq!(String::from_utf8_lossy(&text), expected);
            assert_eq!(parse(code, &text), Some((value_type, Cow::Borrowed(&value[..]))));
        }
    }

    #[test]
    fn a_value_its_text_cannot_give_back_is_left_to_the_rest() {
        for (value_type, value, expected) in [
            (ValueType::Double, f64::NAN.to_le_bytes().to_vec(), "NaN"),
            (ValueType::Double, f64::NEG_INFINITY.to_le_bytes().to_vec(), "-Infinity"),
            (ValueType::String, b"a\0b".to_vec(), "a\u{fffd}b"),
            (ValueType::Absent, vec![], ""),
            (ValueType::Empty, vec![], ""),
            (ValueType::Array, b"\x0a\x03\x0a\x01x".to_vec(), "[\"x\"]"),
        ] {
            let (code, text) = stored(value_type, &value);
            assert_eq!((code, &text[..]), (IN_REST, expected.as_bytes()));
            assert_eq!(parse(code, &text), None);
        }
    }
}
