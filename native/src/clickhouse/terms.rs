//! What spans can be searched by, as numbers.
//!
//! A term is a property of a span: its trace, service, operation, an attribute with its value, a
//! class of durations. Its hash is XXH64 of its parts, each step `31 * hash + XXH64(part)`; the
//! upper half of the hash is the token the `postings` table is ordered by. Two terms with one
//! token cost a needless look, never a wrong answer: what is found is tested again.

use xxhash_rust::xxh64::xxh64;

/// Keys that no attribute has stand for what is no attribute.
const ANY: &[u8] = b"\0any";
const TRACE: &[u8] = b"\0trace";
const LINK: &[u8] = b"\0link";
pub const SERVICE: &[u8] = b"\0service";
pub const OPERATION: &[u8] = b"\0operation";
const ERROR: &[u8] = b"\0error";
const DURATION: &[u8] = b"\0duration";
pub const RESOURCE: &[u8] = b"\0resource";
pub const SCOPE: &[u8] = b"\0scope";

/// Keys under which things beside attributes are found, as Jaeger shows them.
pub const SCOPE_NAME_KEY: &[u8] = b"otel.scope.name";
pub const SCOPE_VERSION_KEY: &[u8] = b"otel.scope.version";
pub const STATUS_MESSAGE_KEY: &[u8] = b"otel.status_description";
pub const EVENT_NAME_KEY: &[u8] = b"event";

pub const ERROR_STATUS: i32 = 2;

#[inline]
pub fn hash(part: &[u8]) -> u64 {
    xxh64(part, 0)
}

/// The hash of a term with one more part, whose hash is `part`. A service's operations, errors and
/// durations are the service's term with the term of that.
#[inline]
pub fn extend(term: u64, part: u64) -> u64 {
    term.wrapping_mul(31).wrapping_add(part)
}

#[inline]
pub fn token(term: u64) -> u32 {
    (term >> 32) as u32
}

/// Every span has it.
pub fn any() -> u64 {
    hash(ANY)
}

pub fn attribute(key: &[u8], value: &[u8]) -> u64 {
    extend(hash(key), hash(value))
}

pub fn trace(id: &[u8]) -> u64 {
    attribute(TRACE, id)
}

/// The span has a link to another trace.
pub fn link(trace_id: &[u8]) -> u64 {
    attribute(LINK, trace_id)
}

pub fn operation(name: &[u8]) -> u64 {
    attribute(OPERATION, name)
}

/// An attribute that a resource or a scope has; beside its term as an attribute of the span.
pub fn origin(level: &[u8], attribute: u64) -> u64 {
    extend(hash(level), attribute)
}

pub fn error() -> u64 {
    hash(ERROR)
}

pub fn duration(class: u8) -> u64 {
    attribute(DURATION, &[class])
}

/// Durations in classes: class `n` holds those with `n` significant bits. Negative ones have 0.
#[inline]
pub fn duration_class(nanos: i64) -> u8 {
    if nanos < 0 { 0 } else { (64 - nanos.leading_zeros()) as u8 }
}

/// Terms of many rows, end to end.
#[derive(Default)]
pub struct RowTerms {
    pub terms: Vec<u64>,
    /// Where the terms of each row end.
    pub ends: Vec<usize>,
}

impl RowTerms {
    /// Ends the row whose terms were appended to `terms`.
    pub fn end_row(&mut self) {
        self.ends.push(self.terms.len());
    }

    /// The terms of the row at a place.
    pub fn of(&self, place: usize) -> &[u64] {
        &self.terms[if place == 0 { 0 } else { self.ends[place - 1] }..self.ends[place]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_keeps_its_hash_as_long_as_there_is_data() {
        // Changing any of these makes stored postings unfindable: that needs a migration.
        assert_eq!(hash(b""), 0xef46_db37_51d8_e999);
        assert_eq!(attribute(b"http.route", b"/orders"), 0x8eae_e9f4_9e9d_d08a);
        assert_eq!(token(0xdead_beef_0000_0001), 0xdead_beef);
    }

    #[test]
    fn a_class_holds_durations_of_one_magnitude() {
        let class = |nanos| duration_class(nanos);
        assert_eq!([class(-1), class(0), class(1), class(2), class(3)], [0, 0, 1, 2, 2]);
        assert_eq!(class(i64::MAX), 63);
    }
}
