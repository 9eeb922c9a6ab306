//! Reading and writing protobuf's wire format (protobuf encoding guide), nothing of OTLP.
//!
//! `Reader` walks one message inside a payload and reports faults by their offset in the whole
//! payload. `ReverseWriter` writes from the last byte to the first, so that a nested message's
//! length is known when its header is written.

use bytes::Bytes;

use super::error::{DecodeError, Fault};

pub const VARINT: u8 = 0;
pub const FIXED64: u8 = 1;
pub const BYTES: u8 = 2;
pub const FIXED32: u8 = 5;

/// What is left of one message of a payload.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Where in the payload the message ends.
    end: usize,
}

impl<'a> Reader<'a> {
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, end: payload.len() }
    }

    #[inline(always)]
    pub fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// The bytes from here to the message's end.
    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[cold]
    pub fn fault(self, reason: impl Into<String>) -> Fault {
        DecodeError::at(self.offset(), reason)
    }

    /// The next field's number and wire type; `None` at the message's end.
    #[inline(always)]
    pub fn tag(&mut self) -> Result<Option<(u32, u8)>, Fault> {
        match *self.rest {
            [tag @ 8..=0x7f, ref rest @ ..] => {
                self.rest = rest;
                Ok(Some((u32::from(tag >> 3), tag & 7)))
            }
            // Fields from 16 on.
            [low @ 0x80..=0xff, high @ 1..=0x7f, ref rest @ ..] => {
                self.rest = rest;
                Ok(Some((u32::from(low & 0x7f) >> 3 | u32::from(high) << 4, low & 7)))
            }
            [] => Ok(None),
            _ => {
                let (tag, after) = self.long_tag()?;
                *self = after;
                Ok(Some(tag))
            }
        }
    }

    #[cold]
    fn long_tag(self) -> Result<((u32, u8), Self), Fault> {
        let (tag, after) = self.long_varint()?;
        let (field, wire_type) = ((tag >> 3) as u32, (tag & 7) as u8);
        if field == 0 || tag > u64::from(u32::MAX) {
            return Err(self.fault(format!("invalid field tag {tag}")));
        }
        Ok(((field, wire_type), after))
    }

    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [byte @ 0..=0x7f, ref rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            [low, high @ 0..=0x7f, ref rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => {
                let (value, after) = self.long_varint()?;
                *self = after;
                Ok(value)
            }
        }
    }

    #[cold]
    fn long_varint(self) -> Result<(u64, Self), Fault> {
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            if index == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok((value, Self { rest: &self.rest[index + 1..], ..self }));
            }
        }
        let truncated = self.rest.len() < 10;
        Err(self.fault(if truncated { "truncated varint" } else { "varint exceeds 64 bits" }))
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.rest.split_first_chunk() {
            Some((&bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.fault(format!("needs {N} bytes, {} left", self.rest.len()))),
        }
    }

    #[inline(always)]
    pub fn fixed64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline(always)]
    pub fn fixed32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    /// A reader over the length-delimited value that starts here; this one moves past it.
    #[inline(always)]
    pub fn message(&mut self) -> Result<Reader<'a>, Fault> {
        let start = *self;
        let length = self.varint()?;
        match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
            Some((inner, rest)) => {
                self.rest = rest;
                Ok(Reader { rest: inner, end: self.offset() })
            }
            None => Err(start.fault(format!(
                "length {length} exceeds the {} bytes left in the message",
                self.rest.len()
            ))),
        }
    }

    #[inline(always)]
    pub fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        self.message().map(|inner| inner.rest)
    }

    /// Moves past a field nobody knows.
    #[inline(always)]
    pub fn skip(&mut self, wire_type: u8) -> Result<(), Fault> {
        *self = self.skipped(wire_type)?;
        Ok(())
    }

    fn skipped(mut self, wire_type: u8) -> Result<Self, Fault> {
        match wire_type {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            BYTES => self.message().map(drop),
            FIXED32 => self.fixed32().map(drop),
            other => Err(self.fault(format!("wire type {other} is not supported"))),
        }?;
        Ok(self)
    }

    /// A fault unless the field has the wire type its number calls for.
    #[inline(always)]
    pub fn expect(self, actual: u8, expected: u8) -> Result<(), Fault> {
        if actual == expected {
            return Ok(());
        }
        Err(self.fault(format!("wire type {actual} where {expected} belongs")))
    }
}

/// A buffer filled from its end to its start.
pub struct ReverseWriter {
    buffer: Vec<u8>,
    start: usize,
}

impl ReverseWriter {
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.max(64);
        Self { buffer: vec![0; capacity], start: capacity }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn finish(self) -> Bytes {
        Bytes::from(self.buffer).slice(self.start..)
    }

    /// The next `count` bytes, to be filled from front to back.
    #[inline]
    pub fn room(&mut self, count: usize) -> &mut [u8] {
        self.reserve(count);
        self.start -= count;
        &mut self.buffer[self.start..self.start + count]
    }

    #[inline]
    fn reserve(&mut self, count: usize) {
        if self.start < count {
            self.grow(count);
        }
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        let written = self.len();
        let capacity = (self.buffer.len() * 2).max(written + count);
        let mut buffer = vec![0; capacity];
        buffer[capacity - written..].copy_from_slice(&self.buffer[self.start..]);
        self.start = capacity - written;
        self.buffer = buffer;
    }

    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }

    #[inline]
    pub fn varint(&mut self, mut value: u64) {
        if value < 0x80 {
            self.room(1)[0] = value as u8;
            return;
        }
        let mut bytes = [0u8; 10];
        let mut count = 0;
        while value >= 0x80 {
            bytes[count] = value as u8 | 0x80;
            value >>= 7;
            count += 1;
        }
        bytes[count] = value as u8;
        self.raw(&bytes[..=count]);
    }

    #[inline]
    pub fn tag(&mut self, field: u32, wire_type: u8) {
        self.varint(u64::from(field << 3 | u32::from(wire_type)));
    }

    #[inline]
    pub fn bytes_field(&mut self, field: u32, value: &[u8]) {
        self.raw(value);
        self.varint(value.len() as u64);
        self.tag(field, BYTES);
    }

    #[inline]
    pub fn nonempty_bytes_field(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.bytes_field(field, value);
        }
    }

    #[inline]
    pub fn varint_field(&mut self, field: u32, value: u64) {
        self.varint(value);
        self.tag(field, VARINT);
    }

    #[inline]
    pub fn nonzero_varint_field(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.varint_field(field, value);
        }
    }

    #[inline]
    pub fn nonzero_fixed64_field(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.raw(&value.to_le_bytes());
            self.tag(field, FIXED64);
        }
    }

    #[inline]
    pub fn nonzero_fixed32_field(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.raw(&value.to_le_bytes());
            self.tag(field, FIXED32);
        }
    }

    /// Closes the message whose last byte was written when `len()` was `mark`.
    #[inline]
    pub fn end_message(&mut self, field: u32, mark: usize) {
        self.varint((self.len() - mark) as u64);
        self.tag(field, BYTES);
    }
}
