//! Regular expressions as configurations have them: RE2, found anywhere in a text.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use regex::Error;
use regex::bytes::{Regex, RegexSet};

pub fn compile_pattern(pattern: &str) -> PyResult<Regex> {
    Regex::new(&with_ascii_classes(pattern)).map_err(refuse)
}

/// Patterns of which one must match.
pub fn compile_patterns(patterns: &[String]) -> PyResult<RegexSet> {
    RegexSet::new(patterns.iter().map(|pattern| with_ascii_classes(pattern))).map_err(refuse)
}

fn refuse(error: Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The named groups of a pattern, by position.
pub fn named_groups(pattern: &Regex) -> Vec<(usize, Vec<u8>)> {
    let names = pattern.capture_names().enumerate();
    names.filter_map(|(index, name)| Some((index, name?.as_bytes().to_vec()))).collect()
}

/// The pattern with RE2's meaning of `\d`, `\s`, `\w` and `\b`: ASCII, where `regex` has Unicode's.
fn with_ascii_classes(pattern: &str) -> String {
    let mut ascii = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        // A class may stand inside another, so these do inside brackets as well.
        match escaped {
            Some('d') => ascii.push_str("[0-9]"),
            Some('D') => ascii.push_str("[^0-9]"),
            Some('s') => ascii.push_str(r"[\t\n\f\r ]"),
            Some('S') => ascii.push_str(r"[^\t\n\f\r ]"),
            Some('w') => ascii.push_str("[0-9A-Za-z_]"),
            Some('W') => ascii.push_str("[^0-9A-Za-z_]"),
            Some('b') => ascii.push_str(r"(?-u:\b)"),
            Some('B') => ascii.push_str(r"(?-u:\B)"),
            escaped => {
                ascii.push(character);
                ascii.extend(escaped);
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_inside_and_outside_brackets() {
        for (pattern, text, expected) in [
            (r"^\w+$", "abc_1", true),
            (r"^\w+$", "é", false),
            (r"^[\w.é]+$", "a.é", true),
            (r"^[^\d]$", "1", false),
            (r"^[^\d]$", "٣", true),
            (r"^[\D]$", "٣", true),
            (r"^\d$", "٣", false),
            (r"\s", "\u{a0}", false),
            (r"\S", "\u{a0}", true),
            (r"é\b", "é", false),
            (r"a\b", "aé", true),
            (r"^.$", "é", true),
            (r"^\\d$", r"\d", true),
            (r"(?i)É", "é", true),
            (r"^\p{L}$", "é", true),
        ] {
            let found = compile_pattern(pattern).unwrap().is_match(text.as_bytes());
            assert_eq!(found, expected, "{pattern} in {text}");
        }
    }
}
