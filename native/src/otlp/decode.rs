//! Checked OTLP bytes to columns, many payloads into one table.
//!
//! Resources and scopes are deduplicated by the bytes of their headers: a hundred small requests
//! of one service become one resource row.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::error::{DecodeError, Fault};
use super::parse::{
    EventFields, Header, LinkFields, Owner, SpanFields, Visitor, parse_resource, parse_scope,
    walk_request,
};
use super::value::Attribute;
use crate::columns::{
    Attributes, Columns, HAS_PARENT_SPAN_ID, HAS_SPAN_ID, HAS_STATUS, HAS_TRACE_ID, Interner,
};

/// Decodes payloads that passed `check`.
///
/// # Errors
/// A payload that did not pass: the columns are then incomplete and are not returned.
pub fn decode<'a>(payloads: impl IntoIterator<Item = &'a [u8]>) -> Result<Columns, DecodeError> {
    let mut decoder = Decoder::default();
    for payload in payloads {
        decoder.reserve(payload.len());
        walk_request::<false, _>(payload, &mut decoder).map_err(|fault| *fault)?;
    }
    Ok(decoder.columns)
}

/// Builds columns from what a walk finds.
#[derive(Default)]
pub struct Decoder<'a> {
    pub columns: Columns,
    resources: HeaderTable<'a>,
    scopes: HeaderTable<'a>,
    resource: u32,
    scope: u32,
    key_guess: Guess,
    name_guess: Guess,
}

/// Rows by the bytes of the header that made them.
#[derive(Default)]
struct HeaderTable<'a> {
    rows: HashTable<(HeaderKey<'a>, u32)>,
    hasher: DefaultHashBuilder,
}

type HeaderKey<'a> = (u32, Option<&'a [u8]>, &'a [u8]);

impl<'a> HeaderTable<'a> {
    /// The row of this header, and whether it is new.
    fn row(&mut self, parent: u32, header: &Header<'a>, next: usize) -> (u32, bool) {
        let key = (parent, header.message.map(|message| message.rest()), header.schema_url);
        let hash = self.hasher.hash_one(key);
        if let Some(&(_, row)) = self.rows.find(hash, |(other, _)| *other == key) {
            return (row, false);
        }
        let hasher = &self.hasher;
        self.rows.insert_unique(hash, (key, next as u32), |(other, _)| hasher.hash_one(other));
        (next as u32, true)
    }
}

/// Spans of one kind give their keys in one order, and services their spans, so the string that
/// followed the last one the time before is tried before the hash table.
#[derive(Default)]
struct Guess {
    last: u32,
    followers: Vec<u32>,
}

impl Guess {
    #[inline]
    fn intern(&mut self, strings: &mut Interner, string: &[u8]) -> u32 {
        self.last = match self.followers.get(self.last as usize) {
            Some(&guess) if same(strings.strings.get(guess as usize), string) => guess,
            _ => self.learn(strings, string),
        };
        self.last
    }

    #[cold]
    fn learn(&mut self, strings: &mut Interner, string: &[u8]) -> u32 {
        let row = strings.intern(string);
        self.followers.resize(strings.strings.len(), 0);
        self.followers[self.last as usize] = row;
        row
    }
}

/// Equality of short strings, without a call; the last word overlaps the one before.
#[inline(always)]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (Some(last_one), Some(last_other)) = (one.last_chunk(), other.last_chunk()) {
        let differ = |one, other| u64::from_ne_bytes(one) ^ u64::from_ne_bytes(other);
        let words = one.as_chunks().0.iter().zip(other.as_chunks().0);
        words.fold(differ(*last_one, *last_other), |bits, (&one, &other)| bits | differ(one, other))
            == 0
    } else if let (Some(last_one), Some(last_other)) = (one.last_chunk(), other.last_chunk::<4>()) {
        one.first_chunk::<4>() == other.first_chunk() && last_one == last_other
    } else {
        one.iter().zip(other).all(|(one, other)| one == other)
    }
}

fn array<const N: usize>(id: &[u8]) -> [u8; N] {
    id.try_into().unwrap_or([0; N])
}

fn bit(present: bool, bit: u8) -> u8 {
    if present { bit } else { 0 }
}

impl Decoder<'_> {
    /// Makes room for what a payload of so many bytes usually holds, so that the large columns
    /// need not grow a step at a time.
    fn reserve(&mut self, bytes: usize) {
        let attributes = &mut self.columns.spans.attributes;
        attributes.values.data.reserve(bytes / 2);
        attributes.values.offsets.reserve(bytes / 32);
        attributes.keys.reserve(bytes / 32);
        attributes.types.reserve(bytes / 32);
    }

    fn attributes_of(&mut self, owner: Owner) -> &mut Attributes {
        match owner {
            Owner::Resource => &mut self.columns.resources.attributes,
            Owner::Scope => &mut self.columns.scopes.attributes,
            Owner::Span => &mut self.columns.spans.attributes,
            Owner::Event => &mut self.columns.events.attributes,
            Owner::Link => &mut self.columns.links.attributes,
        }
    }
}

impl<'a> Visitor<'a> for Decoder<'a> {
    fn resource(&mut self, header: Header<'a>) -> Result<(), Fault> {
        let (row, new) = self.resources.row(0, &header, self.columns.resources.present.len());
        self.resource = row;
        if !new {
            return Ok(());
        }
        let fields = match header.message {
            Some(message) => parse_resource::<false, _>(message, self)?,
            None => Default::default(),
        };
        let resources = &mut self.columns.resources;
        resources.present.push(header.message.is_some());
        resources.attributes.end_owner();
        resources.dropped_attributes_count.push(fields.dropped_attributes_count);
        resources.entity_refs.push(&fields.entity_refs);
        resources.schema_url.push(header.schema_url);
        Ok(())
    }

    fn scope(&mut self, header: Header<'a>) -> Result<(), Fault> {
        let next = self.columns.scopes.present.len();
        let (row, new) = self.scopes.row(self.resource, &header, next);
        self.scope = row;
        if !new {
            return Ok(());
        }
        let fields = match header.message {
            Some(message) => parse_scope::<false, _>(message, self)?,
            None => Default::default(),
        };
        let scopes = &mut self.columns.scopes;
        scopes.resource.push(self.resource);
        scopes.present.push(header.message.is_some());
        scopes.name.push(fields.name);
        scopes.version.push(fields.version);
        scopes.attributes.end_owner();
        scopes.dropped_attributes_count.push(fields.dropped_attributes_count);
        scopes.schema_url.push(header.schema_url);
        Ok(())
    }

    #[inline]
    fn attribute(&mut self, owner: Owner, attribute: &Attribute<'a>) {
        let key = self.key_guess.intern(&mut self.columns.keys, attribute.key);
        self.attributes_of(owner).push(key, attribute.value_type, attribute.value());
    }

    fn event(&mut self, event: &EventFields<'a>) {
        let name = self.name_guess.intern(&mut self.columns.names, event.name);
        let events = &mut self.columns.events;
        events.time_unix_nano.push(event.time_unix_nano);
        events.name.push(name);
        events.attributes.end_owner();
        events.dropped_attributes_count.push(event.dropped_attributes_count);
    }

    fn link(&mut self, link: &LinkFields<'a>) {
        let links = &mut self.columns.links;
        links.presence.push(
            bit(!link.trace_id.is_empty(), HAS_TRACE_ID)
                | bit(!link.span_id.is_empty(), HAS_SPAN_ID),
        );
        links.trace_id.push(array(link.trace_id));
        links.span_id.push(array(link.span_id));
        links.trace_state.push(link.trace_state);
        links.attributes.end_owner();
        links.dropped_attributes_count.push(link.dropped_attributes_count);
        links.flags.push(link.flags);
    }

    fn span(&mut self, span: &SpanFields<'a>) {
        let name = self.name_guess.intern(&mut self.columns.names, span.name);
        let spans = &mut self.columns.spans;
        spans.scope.push(self.scope);
        spans.presence.push(
            bit(!span.trace_id.is_empty(), HAS_TRACE_ID)
                | bit(!span.span_id.is_empty(), HAS_SPAN_ID)
                | bit(!span.parent_span_id.is_empty(), HAS_PARENT_SPAN_ID)
                | bit(span.has_status, HAS_STATUS),
        );
        spans.trace_id.push(array(span.trace_id));
        spans.span_id.push(array(span.span_id));
        spans.parent_span_id.push(array(span.parent_span_id));
        spans.trace_state.push(span.trace_state);
        spans.name.push(name);
        spans.kind.push(span.kind);
        spans.start_time_unix_nano.push(span.start_time_unix_nano);
        spans.end_time_unix_nano.push(span.end_time_unix_nano);
        spans.flags.push(span.flags);
        spans.status_code.push(span.status_code);
        spans.status_message.push(span.status_message);
        spans.attributes.end_owner();
        spans.dropped_attributes_count.push(span.dropped_attributes_count);
        spans.dropped_events_count.push(span.dropped_events_count);
        spans.dropped_links_count.push(span.dropped_links_count);
        spans.event_offsets.push(self.columns.events.time_unix_nano.len() as u32);
        spans.link_offsets.push(self.columns.links.flags.len() as u32);
    }
}
