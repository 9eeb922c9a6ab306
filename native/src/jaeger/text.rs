//! Values as Jaeger prints them: JSON strings, numbers, nested values and durations.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::columns::ValueType;
use crate::otlp::value::{Attribute, for_each_nested};

/// Integers beyond this lose digits in JavaScript (2^53 - 1).
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A quoted JSON string. Bytes that are not UTF-8 become U+FFFD.
pub fn write_string(out: &mut Vec<u8>, value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    serde_json::to_writer(out, text.as_ref()).expect("a Vec takes every write");
}

pub fn write_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// 16 digits where the upper half is zero, as ids of 64-bit tracers are written; else 32.
pub fn write_trace_id(out: &mut Vec<u8>, id: &[u8; 16]) {
    let short = id[..8] == [0; 8];
    write_hex(out, if short { &id[8..] } else { id });
}

/// A JSON number with the fewest digits that read back the same; JSON has no word for what is
/// not finite, so that becomes the string proto3 JSON uses.
pub fn write_float(out: &mut Vec<u8>, value: f64) {
    let magnitude = value.abs();
    let result = if value.is_nan() {
        write!(out, "\"NaN\"")
    } else if value.is_infinite() {
        write!(out, "{}", if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" })
    } else if magnitude != 0.0 && magnitude < 1e-6 {
        write!(out, "{value:e}")
    } else if magnitude >= 1e21 {
        write!(out, "{}", format!("{value:e}").replacen('e', "e+", 1))
    } else {
        write!(out, "{value}")
    };
    result.expect("a Vec takes every write");
}

/// Writes `"type":…,"value":…` of one tag; `value` has the form `ValueType` describes.
pub fn write_typed_value(out: &mut Vec<u8>, value_type: ValueType, value: &[u8]) {
    let name: &[u8] = match value_type {
        ValueType::Bool => b"bool",
        ValueType::Int => b"int64",
        ValueType::Double => b"float64",
        ValueType::Bytes | ValueType::Verbatim => b"binary",
        _ => b"string",
    };
    out.extend_from_slice(b"\"type\":\"");
    out.extend_from_slice(name);
    out.extend_from_slice(b"\",\"value\":");
    match value_type {
        ValueType::Int => {
            let number = integer(value);
            if number.unsigned_abs() > MAX_SAFE_INTEGER {
                out.push(b'"');
                write_integer(out, number);
                out.push(b'"');
            } else {
                write_integer(out, number);
            }
        }
        ValueType::Array | ValueType::Map => {
            let mut text = Vec::new();
            write_nested(&mut text, value_type, value);
            write_string(out, &text);
        }
        ValueType::Absent | ValueType::Empty => out.extend_from_slice(b"\"\""),
        _ => write_plain(out, value_type, value),
    }
}

/// A value as plain JSON: what stands inside the text of an array or map.
pub fn write_plain(out: &mut Vec<u8>, value_type: ValueType, value: &[u8]) {
    match value_type {
        ValueType::Absent | ValueType::Empty => out.extend_from_slice(b"null"),
        ValueType::String => write_string(out, value),
        ValueType::Bool => out.extend_from_slice(if value == [1] { b"true" } else { b"false" }),
        ValueType::Int => write_integer(out, integer(value)),
        ValueType::Double => write_float(out, double(value)),
        ValueType::Bytes | ValueType::Verbatim => {
            out.push(b'"');
            out.extend_from_slice(STANDARD.encode(value).as_bytes());
            out.push(b'"');
        }
        ValueType::Array | ValueType::Map => write_nested(out, value_type, value),
    }
}

/// An ArrayValue in its order, or a KeyValueList by key; a key given twice counts once, the last.
fn write_nested(out: &mut Vec<u8>, value_type: ValueType, message: &[u8]) {
    let mut values: Vec<Attribute<'_>> = Vec::new();
    // Nested values were checked when they came in, so there is no fault to report here.
    let _ = for_each_nested(message, value_type, |value| values.push(value));
    let is_map = value_type == ValueType::Map;
    if is_map {
        values.reverse();
        values.sort_by_key(|value| value.key);
        values.dedup_by_key(|value| value.key);
    }
    let (open, close) = if is_map { (b'{', b'}') } else { (b'[', b']') };
    out.push(open);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if is_map {
            write_string(out, value.key);
            out.push(b':');
        }
        write_plain(out, value.value_type, value.value());
    }
    out.push(close);
}

pub fn integer(value: &[u8]) -> i64 {
    value.try_into().map_or(0, i64::from_le_bytes)
}

pub fn double(value: &[u8]) -> f64 {
    value.try_into().map_or(0.0, f64::from_le_bytes)
}

/// A duration as Go prints it: `1h2m3.5s`, `2.5ms`, `-20µs`, `0s`.
pub fn go_duration(nanos: i64) -> String {
    let magnitude = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = |value: u64, unit: u64, suffix: &str| {
        let digits = unit.ilog10() as usize;
        let text = format!("{}.{:0digits$}", value / unit, value % unit);
        format!("{}{suffix}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    let text = match magnitude {
        0 => "0s".to_owned(),
        1..1_000 => format!("{magnitude}ns"),
        1_000..1_000_000 => fraction(magnitude, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(magnitude, 1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (magnitude / 60_000_000_000, magnitude % 60_000_000_000);
            let seconds = fraction(rest, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = Vec::new();
        write_float(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_float_has_the_fewest_digits_that_read_back() {
        assert_eq!(float(1.0), "1");
        assert_eq!(float(-0.5), "-0.5");
        assert_eq!(float(0.0), "0");
        assert_eq!(float(0.000_001), "0.000001");
        assert_eq!(float(1.5e-7), "1.5e-7");
        assert_eq!(float(1e20), "100000000000000000000");
        assert_eq!(float(1e21), "1e+21");
        assert_eq!(float(f64::MAX), "1.7976931348623157e+308");
        assert_eq!(float(f64::NAN), "\"NaN\"");
        assert_eq!(float(f64::NEG_INFINITY), "\"-Infinity\"");
    }

    #[test]
    fn a_duration_reads_as_go_prints_it() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (-3_300_000_000, "-3.3s"),
            (5_000_000_000, "5s"),
            (245_000_000_001, "4m5.000000001s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (480_000_000_001, "8m0.000000001s"),
            (3_600_000_000_000, "1h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(go_duration(nanos), text);
        }
    }

    #[test]
    fn an_integer_beyond_javascript_is_written_as_text() {
        let written = |number: i64| {
            let mut out = Vec::new();
            write_typed_value(&mut out, ValueType::Int, &number.to_le_bytes());
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(9_007_199_254_740_991), r#""type":"int64","value":9007199254740991"#);
        assert_eq!(written(9_007_199_254_740_992), r#""type":"int64","value":"9007199254740992""#);
        assert_eq!(written(-9_007_199_254_740_991), r#""type":"int64","value":-9007199254740991"#);
        assert_eq!(written(i64::MIN), r#""type":"int64","value":"-9223372036854775808""#);
    }
}
