//! gRPC over HTTP/2, the part every unary call needs: the message prefix, header values.

use std::time::Duration;

/// Flag and length in front of a message.
pub const PREFIX_BYTES: usize = 5;

pub const CONTENT_TYPE: &str = "application/grpc";

pub fn prefix(compressed: bool, length: usize) -> [u8; PREFIX_BYTES] {
    let [a, b, c, d] = (length as u32).to_be_bytes();
    [u8::from(compressed), a, b, c, d]
}

/// Flag and length of the message that begins here; `None` before the whole prefix is there.
pub fn parse_prefix(body: &[u8]) -> Option<(u8, usize)> {
    let (&[flag, a, b, c, d], _) = body.split_first_chunk()?;
    Some((flag, u32::from_be_bytes([a, b, c, d]) as usize))
}

/// A `grpc-message` value: percent-encoded outside printable ASCII.
pub fn encode_message(message: &str) -> String {
    let mut encoded = String::with_capacity(message.len());
    for &byte in message.as_bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The text of a `grpc-message` value; what is no valid encoding stays as it is.
pub fn decode_message(value: &[u8]) -> String {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| byte == b'%');
        let escaped = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            text.push(byte);
            rest = &after[2..];
        } else {
            text.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A `grpc-timeout` value: at most eight digits and a unit.
pub fn parse_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// The `grpc-timeout` value for a delay, in the finest unit that fits eight digits.
pub fn format_timeout(timeout: Duration) -> String {
    const DIGITS: u128 = 100_000_000;
    if timeout.as_micros() < DIGITS {
        format!("{}u", timeout.as_micros())
    } else if timeout.as_millis() < DIGITS {
        format!("{}m", timeout.as_millis())
    } else {
        format!("{}S", (u128::from(timeout.as_secs())).min(DIGITS - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_survive_their_header() {
        for timeout in [5_000_000, 100, 3_600_000_000_000].map(Duration::from_micros) {
            assert_eq!(parse_timeout(&format_timeout(timeout)), Some(timeout));
        }
        for bad in ["", "S", "5", "123456789S", "1x", "-1S", "1é"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }

    #[test]
    fn messages_survive_their_header() {
        let message = "100 % wrong:\nspäter";
        let encoded = encode_message(message);
        assert!(encoded.is_ascii());
        assert_eq!(decode_message(encoded.as_bytes()), message);
        assert_eq!(decode_message(b"50% off %zz %"), "50% off %zz %");
    }

    #[test]
    fn a_prefix_needs_five_bytes() {
        assert_eq!(parse_prefix(&prefix(true, 70_000)), Some((1, 70_000)));
        assert_eq!(parse_prefix(&[0, 0, 0, 0]), None);
    }
}
