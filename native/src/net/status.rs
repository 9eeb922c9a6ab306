//! gRPC status codes, `google.rpc.Status` in protobuf and JSON, and how codes map to HTTP.
//!
//! The mapping is that of the OpenTelemetry Collector, so a client sees the same answer from both.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::time::Duration;

pub const OK: i32 = 0;
pub const CANCELLED: i32 = 1;
pub const UNKNOWN: i32 = 2;
pub const INVALID_ARGUMENT: i32 = 3;
pub const DEADLINE_EXCEEDED: i32 = 4;
pub const PERMISSION_DENIED: i32 = 7;
pub const RESOURCE_EXHAUSTED: i32 = 8;
pub const ABORTED: i32 = 10;
pub const OUT_OF_RANGE: i32 = 11;
pub const UNIMPLEMENTED: i32 = 12;
pub const INTERNAL: i32 = 13;
pub const UNAVAILABLE: i32 = 14;
pub const DATA_LOSS: i32 = 15;
pub const UNAUTHENTICATED: i32 = 16;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Why a request was not accepted, in any of the forms a client may be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub code: i32,
    pub message: String,
    /// The delay of a `RetryInfo` detail.
    pub retry_after: Option<Duration>,
}

impl Status {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    pub fn retry_after(mut self, delay: Option<Duration>) -> Self {
        self.retry_after = delay;
        self
    }

    /// The HTTP status that stands for the code.
    pub fn http_status(&self) -> u16 {
        match self.code {
            OK => 200,
            CANCELLED | DEADLINE_EXCEEDED | ABORTED | OUT_OF_RANGE | UNAVAILABLE | DATA_LOSS => 503,
            RESOURCE_EXHAUSTED => 429,
            INVALID_ARGUMENT => 400,
            UNAUTHENTICATED => 401,
            PERMISSION_DENIED => 403,
            UNIMPLEMENTED => 404,
            _ => 500,
        }
    }

    /// Whole seconds, rounded up, for a `Retry-After` header.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let delay = self.retry_after?;
        Some(delay.as_secs() + u64::from(delay.subsec_nanos() > 0))
    }

    /// `google.rpc.Status` in protobuf.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut status = Vec::with_capacity(self.message.len() + 96);
        put_varint_field(&mut status, 1, i64::from(self.code) as u64);
        put_bytes_field(&mut status, 2, self.message.as_bytes());
        if let Some(delay) = self.retry_after {
            let mut duration = Vec::new();
            put_varint_field(&mut duration, 1, delay.as_secs());
            put_varint_field(&mut duration, 2, u64::from(delay.subsec_nanos()));
            let mut retry_info = Vec::new();
            put_message_field(&mut retry_info, 1, &duration);
            let mut any = Vec::new();
            put_bytes_field(&mut any, 1, RETRY_INFO.as_bytes());
            put_bytes_field(&mut any, 2, &retry_info);
            put_message_field(&mut status, 3, &any);
        }
        status
    }

    /// `google.rpc.Status` in the JSON mapping.
    pub fn to_json(&self) -> Vec<u8> {
        let mut status = serde_json::Map::new();
        status.insert("code".into(), self.code.into());
        status.insert("message".into(), self.message.as_str().into());
        if let Some(delay) = self.retry_after {
            let seconds = format!("{}s", delay.as_secs_f64());
            status.insert(
                "details".into(),
                serde_json::json!([{ "@type": RETRY_INFO, "retryDelay": seconds }]),
            );
        }
        serde_json::Value::Object(status).to_string().into_bytes()
    }

    /// The value of a `grpc-status-details-bin` header.
    pub fn to_details_header(&self) -> String {
        STANDARD_NO_PAD.encode(self.to_protobuf())
    }

    /// Reads `google.rpc.Status`; fields that make no sense are left out, for a client must not
    /// fail on how a server words its failure.
    pub fn from_protobuf(bytes: &[u8]) -> Status {
        let mut status = Status::new(UNKNOWN, "");
        for field in Fields(bytes) {
            match field {
                (1, Value::Varint(code)) => status.code = code as i32,
                (2, Value::Bytes(text)) => status.message = lossy(text),
                (3, Value::Bytes(any)) => {
                    status.retry_after = retry_info(any).or(status.retry_after)
                }
                _ => {}
            }
        }
        status
    }

    /// Reads a `grpc-status-details-bin` header, padded or not.
    pub fn from_details_header(value: &[u8]) -> Option<Status> {
        let bytes = STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value)).ok()?;
        Some(Self::from_protobuf(&bytes))
    }

    /// Reads the JSON mapping of `google.rpc.Status`; `None` when it is not a JSON object.
    pub fn from_json(bytes: &[u8]) -> Option<Status> {
        let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let code = value.get("code").and_then(serde_json::Value::as_i64).unwrap_or(UNKNOWN.into());
        let message = value.get("message").and_then(|text| text.as_str()).unwrap_or_default();
        value.is_object().then(|| Status::new(code as i32, message))
    }
}

/// What the receiver said about a request it accepted: `ExportTracePartialSuccess`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartialSuccess {
    pub rejected_spans: i64,
    pub error_message: String,
}

impl PartialSuccess {
    /// `ExportTraceServiceResponse` in protobuf.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut partial = Vec::new();
        put_varint_field(&mut partial, 1, self.rejected_spans as u64);
        put_bytes_field(&mut partial, 2, self.error_message.as_bytes());
        let mut response = Vec::new();
        put_message_field(&mut response, 1, &partial);
        response
    }

    /// `ExportTraceServiceResponse` in JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut partial = serde_json::Map::new();
        if self.rejected_spans != 0 {
            partial.insert("rejectedSpans".into(), self.rejected_spans.to_string().into());
        }
        if !self.error_message.is_empty() {
            partial.insert("errorMessage".into(), self.error_message.as_str().into());
        }
        serde_json::json!({ "partialSuccess": partial }).to_string().into_bytes()
    }

    /// Reads `ExportTraceServiceResponse`; `None` when it is not protobuf.
    pub fn from_protobuf(bytes: &[u8]) -> Option<PartialSuccess> {
        let mut partial = PartialSuccess::default();
        for field in Fields::checked(bytes)? {
            let (1, Value::Bytes(message)) = field else { continue };
            for field in Fields::checked(message)? {
                match field {
                    (1, Value::Varint(count)) => partial.rejected_spans = count as i64,
                    (2, Value::Bytes(text)) => partial.error_message = lossy(text),
                    _ => {}
                }
            }
        }
        Some(partial)
    }

    /// Reads the JSON form; `None` when it is not a JSON object.
    pub fn from_json(bytes: &[u8]) -> Option<PartialSuccess> {
        let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        value.as_object()?;
        let Some(partial) = value.get("partialSuccess") else { return Some(Self::default()) };
        let rejected = match partial.get("rejectedSpans") {
            Some(serde_json::Value::String(text)) => text.parse().ok()?,
            Some(number) => number.as_i64()?,
            None => 0,
        };
        let message = partial.get("errorMessage").and_then(|text| text.as_str());
        Some(Self { rejected_spans: rejected, error_message: message.unwrap_or_default().into() })
    }
}

fn retry_info(any: &[u8]) -> Option<Duration> {
    let mut type_url = &b""[..];
    let mut value = &b""[..];
    for field in Fields(any) {
        match field {
            (1, Value::Bytes(bytes)) => type_url = bytes,
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    if type_url != RETRY_INFO.as_bytes() {
        return None;
    }
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields(value) {
        let (1, Value::Bytes(duration)) = field else { continue };
        for field in Fields(duration) {
            match field {
                (1, Value::Varint(value)) => seconds = i64::max(0, value as i64) as u64,
                (2, Value::Varint(value)) => nanos = (value as u32).min(999_999_999),
                _ => {}
            }
        }
    }
    Some(Duration::new(seconds, nanos))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_varint_field(out: &mut Vec<u8>, number: u8, value: u64) {
    if value != 0 {
        out.push(number << 3);
        put_varint(out, value);
    }
}

fn put_bytes_field(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    if !value.is_empty() {
        put_message_field(out, number, value);
    }
}

fn put_message_field(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | 2);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Fixed 32 or 64: nothing here has one.
    Other,
}

/// The fields of a small protobuf message; ends at the first byte that is none.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields, or `None` unless all of `bytes` reads as fields.
    fn checked(bytes: &'a [u8]) -> Option<Fields<'a>> {
        let mut fields = Fields(bytes);
        while fields.next().is_some() {}
        fields.0.is_empty().then_some(Fields(bytes))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.0;
        let mut read = || {
            let tag = self.varint()?;
            let value = match tag & 7 {
                0 => Value::Varint(self.varint()?),
                1 => self.bytes(8).map(|_| Value::Other)?,
                2 => {
                    let length = self.varint()?;
                    Value::Bytes(self.bytes(length)?)
                }
                5 => self.bytes(4).map(|_| Value::Other)?,
                _ => return None,
            };
            Some((tag >> 3, value))
        };
        let field = read();
        if field.is_none() {
            self.0 = start;
        }
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_with_a_delay_survives_the_header() {
        let status =
            Status::new(UNAVAILABLE, "später").retry_after(Some(Duration::from_millis(1500)));
        let header = status.to_details_header();
        assert_eq!(Status::from_details_header(header.as_bytes()), Some(status.clone()));
        assert_eq!(status.retry_after_seconds(), Some(2));
    }

    #[test]
    fn json_names_the_delay_in_seconds() {
        let status = Status::new(UNAVAILABLE, "no").retry_after(Some(Duration::from_millis(1500)));
        let json = String::from_utf8(status.to_json()).unwrap();
        assert!(json.contains(r#""retryDelay":"1.5s""#), "{json}");
        assert!(json.starts_with(r#"{"code":14,"message":"no""#), "{json}");
    }

    #[test]
    fn an_empty_partial_success_is_two_bytes() {
        let partial = PartialSuccess::default();
        assert_eq!(partial.to_protobuf(), [0x0a, 0]);
        assert_eq!(partial.to_json(), br#"{"partialSuccess":{}}"#);
    }

    #[test]
    fn a_partial_success_survives_both_forms() {
        let partial = PartialSuccess { rejected_spans: 3, error_message: "too old".into() };
        assert_eq!(PartialSuccess::from_protobuf(&partial.to_protobuf()), Some(partial.clone()));
        assert_eq!(PartialSuccess::from_json(&partial.to_json()), Some(partial));
    }

    #[test]
    fn a_response_that_is_not_protobuf_is_seen() {
        assert_eq!(PartialSuccess::from_protobuf(b"<html>"), None);
        assert_eq!(PartialSuccess::from_json(b"<html>"), None);
        assert_eq!(PartialSuccess::from_protobuf(b""), Some(PartialSuccess::default()));
    }
}
