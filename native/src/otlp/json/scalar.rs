//! Scalars as ProtoJSON spells them.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::str::FromStr;

/// A scalar's JSON text; numbers may stand in quotes.
pub struct Scalar<'a> {
    text: Cow<'a, str>,
    quoted: bool,
}

impl<'a> Scalar<'a> {
    pub fn new(raw: &'a str) -> Self {
        match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            None => Self { text: raw.into(), quoted: false },
            Some(inner) if !inner.contains('\\') => Self { text: inner.into(), quoted: true },
            // What can't be unescaped keeps its backslash, which no scalar may hold.
            Some(inner) => Self {
                text: serde_json::from_str(raw).map_or(Cow::Borrowed(inner), Cow::Owned),
                quoted: true,
            },
        }
    }

    pub fn boolean(&self) -> Option<bool> {
        if self.quoted { None } else { self.text.parse().ok() }
    }

    /// Digits, or a number with fraction or exponent that happens to be an integer.
    pub fn integer<T: FromStr + TryFrom<i128>>(&self) -> Option<T> {
        self.text.parse().ok().or_else(|| {
            let number = self.finite()?;
            let whole = number.fract() == 0.0 && number.abs() < 2f64.powi(64);
            if whole { T::try_from(number as i128).ok() } else { None }
        })
    }

    /// A number in JSON's own form: Rust also reads `inf` and `nan`.
    fn finite(&self) -> Option<f64> {
        let numeric = self
            .text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let number = if numeric { self.text.parse().ok() } else { None };
        number.filter(|number: &f64| number.is_finite())
    }

    pub fn double(&self) -> Option<f64> {
        match self.text.as_ref() {
            "NaN" if self.quoted => Some(f64::NAN),
            "Infinity" if self.quoted => Some(f64::INFINITY),
            "-Infinity" if self.quoted => Some(f64::NEG_INFINITY),
            _ => self.finite(),
        }
    }

    pub fn enumeration(&self, names: &[&str]) -> Option<i32> {
        if !self.quoted {
            return self.integer();
        }
        names.iter().position(|name| *name == self.text).map(|value| value as i32)
    }

    pub fn base64(&self) -> Option<Vec<u8>> {
        const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
        static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
        let engine = if self.text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        if self.quoted { engine.decode(self.text.as_bytes()).ok() } else { None }
    }

    /// Fills `id` from two digits a byte, or nothing of it from no digits.
    pub fn hexadecimal<'i>(&self, id: &'i mut [u8]) -> Option<&'i [u8]> {
        let digits = self.text.as_bytes();
        if !self.quoted || (digits.len() != 2 * id.len() && !digits.is_empty()) {
            return None;
        }
        let digit = |byte: u8| (byte as char).to_digit(16);
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Some(&id[..digits.len() / 2])
    }
}
