//! The data model: one row per span in plain columns, beside small tables for what spans share.
//!
//! A `Columns` is what OTLP says, nothing more and nothing less:
//!
//! ```text
//! resources ◀── scopes ◀── spans ──▶ events          keys   every attribute key, once
//!                          (scope)   ──▶ links          names  every span and event name, once
//! ```
//!
//! A span points to its scope by row, a scope to its resource; span `i` owns the events
//! `event_offsets[i]..event_offsets[i + 1]`, and likewise links and attributes. The layout is
//! Arrow's (offsets and data), so `arrow.rs` hands it out without walking the rows.
//!
//! Presence is kept where the wire has it: an absent Resource, Scope or Status is not an empty
//! one, an absent id is not an id of zeros.

use hashbrown::DefaultHashBuilder;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::ops::Range;

/// Byte strings laid end to end: string `i` is `data[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Strings {
    pub offsets: Vec<u32>,
    pub data: Vec<u8>,
}

impl Default for Strings {
    fn default() -> Self {
        Self { offsets: vec![0], data: Vec::new() }
    }
}

impl Strings {
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.data[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.end_row();
    }

    /// Ends the row whose bytes were appended to `data` directly.
    #[inline]
    pub fn end_row(&mut self) {
        self.offsets.push(self.data.len() as u32);
    }

    /// Appends a copy of these rows of `other`.
    pub fn copy_rows(&mut self, other: &Strings, rows: Range<usize>) {
        let (from, start) = (other.offsets[rows.start], self.data.len() as u32);
        let until = other.offsets[rows.end];
        self.data.extend_from_slice(&other.data[from as usize..until as usize]);
        let ends = &other.offsets[rows.start + 1..=rows.end];
        self.offsets.extend(ends.iter().map(|end| end - from + start));
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }

    pub fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.data.truncate(self.offsets[rows] as usize);
    }
}

/// Distinct byte strings, each with the row it was first given.
///
/// Keys come from the sender, so the hash is seeded per process.
#[derive(Clone, Default)]
pub struct Interner {
    pub strings: Strings,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    pub fn intern(&mut self, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        let strings = &self.strings;
        if let Some(&row) = self.table.find(hash, |&row| strings.get(row as usize) == value) {
            return row;
        }
        let row = self.strings.len() as u32;
        self.strings.push(value);
        let (strings, hasher) = (&self.strings, &self.hasher);
        self.table.insert_unique(hash, row, |&row| hasher.hash_one(strings.get(row as usize)));
        row
    }

    /// The row of a string already interned.
    pub fn find(&self, value: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(value);
        self.table.find(hash, |&row| self.strings.get(row as usize) == value).copied()
    }
}

/// What an attribute's value holds. Numbers are little-endian in `Attributes::values`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ValueType {
    /// KeyValue without a value.
    Absent = 0,
    /// AnyValue with nothing set.
    Empty = 1,
    String = 2,
    /// One byte, 0 or 1.
    Bool = 3,
    /// Eight bytes.
    Int = 4,
    /// Eight bytes, the IEEE 754 bits.
    Double = 5,
    Bytes = 6,
    /// The bytes of an ArrayValue message.
    Array = 7,
    /// The bytes of a KeyValueList message.
    Map = 8,
    /// The bytes of the whole KeyValue message, for shapes the other types can't keep: string
    /// table indexes, or a value given more than once.
    Verbatim = 9,
}

impl ValueType {
    pub fn from_u8(value: u8) -> Option<Self> {
        use ValueType::*;
        [Absent, Empty, String, Bool, Int, Double, Bytes, Array, Map, Verbatim]
            .get(value as usize)
            .copied()
    }
}

/// Attributes of a table of owners: owner `i` has the rows `offsets[i]..offsets[i + 1]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes {
    pub offsets: Vec<u32>,
    /// Row in `Columns::keys`.
    pub keys: Vec<u32>,
    pub types: Vec<ValueType>,
    pub values: Strings,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { offsets: vec![0], keys: vec![], types: vec![], values: Strings::default() }
    }
}

impl Attributes {
    pub fn range(&self, owner: usize) -> Range<usize> {
        self.offsets[owner] as usize..self.offsets[owner + 1] as usize
    }

    #[inline]
    pub fn push(&mut self, key: u32, value_type: ValueType, value: &[u8]) {
        self.keys.push(key);
        self.types.push(value_type);
        self.values.push(value);
    }

    /// Ends the current owner: the rows pushed since the last call are its attributes.
    pub fn end_owner(&mut self) {
        self.offsets.push(self.keys.len() as u32);
    }

    /// Appends these rows of another table (same key table) to the current owner.
    pub fn copy_rows(&mut self, other: &Attributes, rows: Range<usize>) {
        self.keys.extend_from_slice(&other.keys[rows.clone()]);
        self.types.extend_from_slice(&other.types[rows.clone()]);
        self.values.copy_rows(&other.values, rows);
    }

    /// Appends one owner with a copy of `owner`'s attributes in `other` (same key table).
    pub fn copy_owner(&mut self, other: &Attributes, owner: usize) {
        self.copy_owners(other, owner..owner + 1);
    }

    /// Appends copies of these owners of `other` (same key table).
    pub fn copy_owners(&mut self, other: &Attributes, owners: Range<usize>) {
        let (start, end) = (other.offsets[owners.start], other.offsets[owners.end]);
        let base = self.keys.len() as u32;
        self.copy_rows(other, start as usize..end as usize);
        let ends = &other.offsets[owners.start + 1..=owners.end];
        self.offsets.extend(ends.iter().map(|&end| end - start + base));
    }

    /// The row of `owner`'s first attribute with this key.
    pub fn find(&self, owner: usize, key: u32) -> Option<usize> {
        self.range(owner).find(|&row| self.keys[row] == key)
    }
}

/// One row per distinct ResourceSpans header (resource and schema URL).
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Resources {
    /// Whether the Resource message was there at all.
    pub present: Vec<bool>,
    pub attributes: Attributes,
    pub dropped_attributes_count: Vec<u32>,
    /// `entity_refs` as they came: the fields with their tags.
    pub entity_refs: Strings,
    pub schema_url: Strings,
}

/// One row per distinct ScopeSpans header under one resource.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Scopes {
    /// Row in `resources`.
    pub resource: Vec<u32>,
    pub present: Vec<bool>,
    pub name: Strings,
    pub version: Strings,
    pub attributes: Attributes,
    pub dropped_attributes_count: Vec<u32>,
    pub schema_url: Strings,
}

pub const HAS_TRACE_ID: u8 = 1;
pub const HAS_SPAN_ID: u8 = 2;
pub const HAS_PARENT_SPAN_ID: u8 = 4;
pub const HAS_STATUS: u8 = 8;

/// One row per span.
#[derive(Clone, Debug, PartialEq)]
pub struct Spans {
    /// Row in `scopes`.
    pub scope: Vec<u32>,
    /// `HAS_*` bits.
    pub presence: Vec<u8>,
    pub trace_id: Vec<[u8; 16]>,
    pub span_id: Vec<[u8; 8]>,
    pub parent_span_id: Vec<[u8; 8]>,
    pub trace_state: Strings,
    /// Row in `Columns::names`.
    pub name: Vec<u32>,
    pub kind: Vec<i32>,
    pub start_time_unix_nano: Vec<u64>,
    pub end_time_unix_nano: Vec<u64>,
    pub flags: Vec<u32>,
    pub status_code: Vec<i32>,
    pub status_message: Strings,
    pub attributes: Attributes,
    pub dropped_attributes_count: Vec<u32>,
    pub dropped_events_count: Vec<u32>,
    pub dropped_links_count: Vec<u32>,
    pub event_offsets: Vec<u32>,
    pub link_offsets: Vec<u32>,
}

impl Default for Spans {
    fn default() -> Self {
        Self {
            scope: vec![],
            presence: vec![],
            trace_id: vec![],
            span_id: vec![],
            parent_span_id: vec![],
            trace_state: Strings::default(),
            name: vec![],
            kind: vec![],
            start_time_unix_nano: vec![],
            end_time_unix_nano: vec![],
            flags: vec![],
            status_code: vec![],
            status_message: Strings::default(),
            attributes: Attributes::default(),
            dropped_attributes_count: vec![],
            dropped_events_count: vec![],
            dropped_links_count: vec![],
            event_offsets: vec![0],
            link_offsets: vec![0],
        }
    }
}

impl Spans {
    pub fn len(&self) -> usize {
        self.scope.len()
    }

    pub fn is_empty(&self) -> bool {
        self.scope.is_empty()
    }

    pub fn has(&self, row: usize, bit: u8) -> bool {
        self.presence[row] & bit != 0
    }

    pub fn events(&self, row: usize) -> Range<usize> {
        self.event_offsets[row] as usize..self.event_offsets[row + 1] as usize
    }

    pub fn links(&self, row: usize) -> Range<usize> {
        self.link_offsets[row] as usize..self.link_offsets[row + 1] as usize
    }
}

/// One row per event, in span order.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Events {
    pub time_unix_nano: Vec<u64>,
    /// Row in `Columns::names`.
    pub name: Vec<u32>,
    pub attributes: Attributes,
    pub dropped_attributes_count: Vec<u32>,
}

/// One row per link, in span order.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Links {
    /// `HAS_TRACE_ID`, `HAS_SPAN_ID`.
    pub presence: Vec<u8>,
    pub trace_id: Vec<[u8; 16]>,
    pub span_id: Vec<[u8; 8]>,
    pub trace_state: Strings,
    pub attributes: Attributes,
    pub dropped_attributes_count: Vec<u32>,
    pub flags: Vec<u32>,
}

/// Everything one or many OTLP trace requests hold.
#[derive(Clone, Default)]
pub struct Columns {
    pub keys: Interner,
    pub names: Interner,
    pub resources: Resources,
    pub scopes: Scopes,
    pub spans: Spans,
    pub events: Events,
    pub links: Links,
}

impl Columns {
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn key(&self, row: u32) -> &[u8] {
        self.keys.strings.get(row as usize)
    }

    pub fn name(&self, row: u32) -> &[u8] {
        self.names.strings.get(row as usize)
    }

    /// The resource row of a span.
    pub fn resource_of(&self, span: usize) -> usize {
        self.scopes.resource[self.spans.scope[span] as usize] as usize
    }

    /// Copies span `row` of `other` with its attributes, events and links. Both share `keys`,
    /// `names`, `scopes` and `resources`: what `empty_like` returns.
    pub fn copy_span(&mut self, other: &Columns, row: usize) {
        let (to, from) = (&mut self.spans, &other.spans);
        to.scope.push(from.scope[row]);
        to.presence.push(from.presence[row]);
        to.trace_id.push(from.trace_id[row]);
        to.span_id.push(from.span_id[row]);
        to.parent_span_id.push(from.parent_span_id[row]);
        to.trace_state.push(from.trace_state.get(row));
        to.name.push(from.name[row]);
        to.kind.push(from.kind[row]);
        to.start_time_unix_nano.push(from.start_time_unix_nano[row]);
        to.end_time_unix_nano.push(from.end_time_unix_nano[row]);
        to.flags.push(from.flags[row]);
        to.status_code.push(from.status_code[row]);
        to.status_message.push(from.status_message.get(row));
        to.attributes.copy_owner(&from.attributes, row);
        to.dropped_attributes_count.push(from.dropped_attributes_count[row]);
        to.dropped_events_count.push(from.dropped_events_count[row]);
        to.dropped_links_count.push(from.dropped_links_count[row]);
        for event in from.events(row) {
            self.events.time_unix_nano.push(other.events.time_unix_nano[event]);
            self.events.name.push(other.events.name[event]);
            self.events.attributes.copy_owner(&other.events.attributes, event);
            self.events.dropped_attributes_count.push(other.events.dropped_attributes_count[event]);
        }
        self.spans.event_offsets.push(self.events.time_unix_nano.len() as u32);
        for link in from.links(row) {
            self.links.presence.push(other.links.presence[link]);
            self.links.trace_id.push(other.links.trace_id[link]);
            self.links.span_id.push(other.links.span_id[link]);
            self.links.trace_state.push(other.links.trace_state.get(link));
            self.links.attributes.copy_owner(&other.links.attributes, link);
            self.links.dropped_attributes_count.push(other.links.dropped_attributes_count[link]);
            self.links.flags.push(other.links.flags[link]);
        }
        self.spans.link_offsets.push(self.links.flags.len() as u32);
    }

    /// No spans, but the same keys, names, resources and scopes.
    pub fn empty_like(&self) -> Columns {
        Columns {
            keys: self.keys.clone(),
            names: self.names.clone(),
            resources: self.resources.clone(),
            scopes: self.scopes.clone(),
            ..Columns::default()
        }
    }

    /// The spans of these rows, in this order. Scopes and resources that lost their last span go.
    pub fn take(&self, rows: impl IntoIterator<Item = usize>) -> Columns {
        let mut taken = self.empty_like();
        for row in rows {
            taken.copy_span(self, row);
        }
        taken.drop_unused_containers();
        taken
    }

    /// Removes the scopes and resources no span points to; the others keep their order.
    fn drop_unused_containers(&mut self) {
        let mut scope_used = vec![false; self.scopes.present.len()];
        let mut resource_used = vec![false; self.resources.present.len()];
        for &scope in &self.spans.scope {
            scope_used[scope as usize] = true;
            resource_used[self.scopes.resource[scope as usize] as usize] = true;
        }
        if scope_used.iter().chain(&resource_used).all(|&used| used) {
            return;
        }
        let (old_scopes, old_resources) =
            (std::mem::take(&mut self.scopes), std::mem::take(&mut self.resources));
        let mut new_resource = vec![u32::MAX; resource_used.len()];
        for row in (0..resource_used.len()).filter(|&row| resource_used[row]) {
            new_resource[row] = self.resources.present.len() as u32;
            self.resources.copy_row(&old_resources, row);
        }
        let mut new_scope = vec![u32::MAX; scope_used.len()];
        for row in (0..scope_used.len()).filter(|&row| scope_used[row]) {
            new_scope[row] = self.scopes.present.len() as u32;
            let resource = new_resource[old_scopes.resource[row] as usize];
            self.scopes.copy_row(&old_scopes, row, resource);
        }
        for scope in &mut self.spans.scope {
            *scope = new_scope[*scope as usize];
        }
    }
}

impl Resources {
    pub fn copy_row(&mut self, other: &Resources, row: usize) {
        self.present.push(other.present[row]);
        self.attributes.copy_owner(&other.attributes, row);
        self.dropped_attributes_count.push(other.dropped_attributes_count[row]);
        self.entity_refs.push(other.entity_refs.get(row));
        self.schema_url.push(other.schema_url.get(row));
    }
}

impl Scopes {
    pub fn copy_row(&mut self, other: &Scopes, row: usize, resource: u32) {
        self.resource.push(resource);
        self.present.push(other.present[row]);
        self.name.push(other.name.get(row));
        self.version.push(other.version.get(row));
        self.attributes.copy_owner(&other.attributes, row);
        self.dropped_attributes_count.push(other.dropped_attributes_count[row]);
        self.schema_url.push(other.schema_url.get(row));
    }
}
