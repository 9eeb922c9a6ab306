//! The W3C `tracestate` header and OpenTelemetry's member `ot` in it.
//!
//! Sources: W3C Trace Context, "Tracestate Header Field Values"; OpenTelemetry specification,
//! "Handling OpenTelemetry tracestate". The limits are the Collector's: a header of 32 members,
//! which W3C allows, is refused as there.

const MAX_HEADER_BYTES: usize = 1024;
const MAX_MEMBERS: usize = 31;
const MAX_OT_BYTES: usize = 256;
/// Digits of a randomness or threshold: 56 bits.
const DIGITS: usize = 14;

/// A 56-bit randomness or threshold, with the text it came as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    pub value: u64,
    text: Option<&'a [u8]>,
}

impl Field<'_> {
    pub fn new(value: u64) -> Self {
        Self { value, text: None }
    }
}

/// A parsed header.
#[derive(Debug, Default, PartialEq)]
pub struct TraceState<'a> {
    /// `rv` of `ot`.
    pub randomness: Option<Field<'a>>,
    /// `th` of `ot`: the share of rejected traces.
    pub threshold: Option<Field<'a>>,
    /// What else `ot` holds, `key:value` each.
    others: Vec<&'a [u8]>,
    /// The other members, `key=value` each.
    members: Vec<&'a [u8]>,
}

impl<'a> TraceState<'a> {
    /// `None` for a header that breaks the grammar or a limit, or whose `rv` or `th` is no number.
    pub fn parse(header: &'a [u8]) -> Option<Self> {
        let mut state = Self::default();
        if header.is_empty() {
            return Some(state);
        }
        let commas = header.iter().filter(|&&byte| byte == b',').count();
        let members = commas + usize::from(!header.ends_with(b","));
        if header.len() > MAX_HEADER_BYTES || members > MAX_MEMBERS {
            return None;
        }
        for member in header.split(|&byte| byte == b',').map(trim_blanks) {
            if member.is_empty() {
                continue;
            }
            let equals = member.iter().position(|&byte| byte == b'=')?;
            let (key, value) = (&member[..equals], &member[equals + 1..]);
            if !is_member_key(key) || value.is_empty() || !value.iter().all(is_member_value_byte) {
                return None;
            }
            if key == b"ot" {
                state.parse_ot(value)?;
            } else {
                state.members.push(member);
            }
        }
        Some(state)
    }

    fn parse_ot(&mut self, text: &'a [u8]) -> Option<()> {
        if text.len() > MAX_OT_BYTES {
            return None;
        }
        (self.randomness, self.threshold) = (None, None);
        self.others.clear();
        for item in text.split(|&byte| byte == b';') {
            let colon = item.iter().position(|&byte| byte == b':')?;
            let (key, value) = (&item[..colon], &item[colon + 1..]);
            let is_key = key.first()?.is_ascii_lowercase()
                && key.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            let is_value =
                value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
            if !is_key || !is_value {
                return None;
            }
            match key {
                b"rv" if value.len() != DIGITS => return None,
                b"rv" => self.randomness = Some(parse_digits(value)?),
                b"th" => self.threshold = Some(parse_digits(value)?),
                _ => self.others.push(item),
            }
        }
        Some(())
    }

    /// Appends the header: `ot` first, in it `rv`, `th` and the rest as they came.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let separate = |out: &mut Vec<u8>, first: &[u8], next: u8| {
            if out.len() == start { out.extend_from_slice(first) } else { out.push(next) }
        };
        if let Some(randomness) = self.randomness {
            separate(out, b"ot=", b';');
            out.extend_from_slice(b"rv:");
            write_digits(out, randomness, false);
        }
        if let Some(threshold) = self.threshold {
            separate(out, b"ot=", b';');
            out.extend_from_slice(b"th:");
            write_digits(out, threshold, true);
        }
        for other in &self.others {
            separate(out, b"ot=", b';');
            out.extend_from_slice(other);
        }
        for member in &self.members {
            separate(out, b"", b',');
            out.extend_from_slice(member);
        }
    }
}

fn trim_blanks(mut member: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = member {
        member = rest;
    }
    member
}

fn is_member_value_byte(byte: &u8) -> bool {
    matches!(byte, 0x20..=0x7e) && !matches!(byte, b',' | b'=')
}

/// `simple` or `tenant@system`.
fn is_member_key(key: &[u8]) -> bool {
    let is_tail = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let is_simple =
        |key: &[u8]| key.first().is_some_and(u8::is_ascii_lowercase) && key.iter().all(is_tail);
    match key.iter().position(|&byte| byte == b'@') {
        None => is_simple(key) && key.len() <= 256,
        Some(at) => {
            let (tenant, system) = (&key[..at], &key[at + 1..]);
            tenant.first().is_some_and(u8::is_ascii_alphanumeric)
                && tenant.iter().all(is_tail)
                && tenant.len() <= 241
                && is_simple(system)
                && system.len() <= 14
        }
    }
}

/// One to 14 hexadecimal digits, the missing ones zeros at the end.
fn parse_digits(text: &[u8]) -> Option<Field<'_>> {
    if text.is_empty() || text.len() > DIGITS {
        return None;
    }
    let mut value = 0;
    for &byte in text {
        value = value << 4 | u64::from((byte as char).to_digit(16)?);
    }
    Some(Field { value: value << (4 * (DIGITS - text.len())), text: Some(text) })
}

/// The text as it came, or all digits, with `trim` without zeros at the end.
fn write_digits(out: &mut Vec<u8>, field: Field<'_>, trim: bool) {
    if let Some(text) = field.text {
        out.extend_from_slice(text);
        return;
    }
    let zeros = if trim { (field.value.trailing_zeros() as usize / 4).min(DIGITS - 1) } else { 0 };
    for digit in (zeros..DIGITS).rev() {
        out.push(b"0123456789abcdef"[(field.value >> (4 * digit)) as usize & 15]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(header: &str) -> Option<String> {
        let mut out = Vec::new();
        TraceState::parse(header.as_bytes())?.write(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn ot_comes_first_with_rv_before_th_before_the_rest() {
        for (header, expected) in [
            ("", ""),
            ("a=b", "a=b"),
            (" a=b c ,,\tt1@sys=1", "a=b c,t1@sys=1"),
            (
                "a=b,ot=x:1;th:8;y:;rv:0123456789ABCD,c=d",
                "ot=rv:0123456789ABCD;th:8;x:1;y:,a=b,c=d",
            ),
            ("ot=th:80000000000000", "ot=th:80000000000000"),
            ("ot=th:0", "ot=th:0"),
            ("ot=a:b,ot=th:4", "ot=th:4"),
        ] {
            assert_eq!(rewritten(header).as_deref(), Some(expected), "{header}");
        }
    }

    #[test]
    fn a_header_that_breaks_the_grammar_or_a_limit_is_refused() {
        let long = |length: usize| format!("a={}", "x".repeat(length - 2));
        let many = |members: usize| vec!["a=b"; members].join(",");
        let wide = |length: usize| format!("ot=a:{}", "x".repeat(length - 2));
        let accepted = [long(1024), many(31), format!("{},", many(31)), wide(256)];
        for header in accepted {
            assert!(rewritten(&header).is_some(), "{header}");
        }
        let refused = [long(1025), many(32), wide(257)];
        for header in refused.iter().map(String::as_str).chain([
            "a",
            "=b",
            "a=",
            "A=b",
            "1=b",
            "a=b=c",
            "a=b\u{7f}",
            "a=é",
            "@s=1",
            "t@=1",
            "t@1=1",
            "ot=",
            "ot=th",
            "ot=th:",
            "ot=th:8;",
            "ot=th:xyz",
            "ot=th:123456789012345",
            "ot=rv:1234",
            "ot=rv:1234567890123g",
            "ot=A:b",
            "ot=1:b",
            "ot=a:b c",
        ]) {
            assert_eq!(rewritten(header), None, "{header}");
        }
    }

    #[test]
    fn a_computed_threshold_loses_its_zeros_and_a_randomness_keeps_them() {
        for (value, threshold, randomness) in [
            (0, "0", "00000000000000"),
            (0xfd70a << 36, "fd70a", "fd70a000000000"),
            (1, "00000000000001", "00000000000001"),
        ] {
            let field = Some(Field::new(value));
            let mut out = Vec::new();
            TraceState { randomness: field, threshold: field, ..TraceState::default() }
                .write(&mut out);
            assert_eq!(out, format!("ot=rv:{randomness};th:{threshold}").into_bytes());
        }
    }
}
