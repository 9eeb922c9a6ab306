//! Changing the attributes of many owners.
//!
//! An owner's attributes of interest are held as slots; the rest is copied in long runs, and
//! nothing is copied before the first change.

use std::ops::Range;

use crate::columns::{Attributes, ValueType};

/// Where the value of an attribute of interest is.
enum Slot {
    Kept,
    Removed,
    /// In `Editor::new_values`.
    New(ValueType, Range<usize>),
}

pub struct Editor<'a> {
    source: &'a Attributes,
    output: Attributes,
    /// The owners before this one are in `output`.
    copied: usize,
    changed: bool,
    owner: usize,
    /// Key, row in `source` (its end for what was appended), and value, in row order.
    slots: Vec<(u32, usize, Slot)>,
    new_values: Vec<u8>,
}

impl<'a> Editor<'a> {
    pub fn new(source: &'a Attributes) -> Self {
        Self {
            source,
            output: Attributes::default(),
            copied: 0,
            changed: false,
            owner: 0,
            slots: Vec::new(),
            new_values: Vec::new(),
        }
    }

    /// Turns to an owner; of its attributes only those whose key is `interesting` can be seen.
    #[inline]
    pub fn begin(&mut self, owner: usize, interesting: &[bool]) {
        self.owner = owner;
        self.changed = false;
        self.slots.clear();
        self.new_values.clear();
        let rows = self.source.range(owner);
        for (&key, row) in self.source.keys[rows.clone()].iter().zip(rows) {
            if interesting[key as usize] {
                self.slots.push((key, row, Slot::Kept));
            }
        }
    }

    pub fn slots(&self) -> Range<usize> {
        0..self.slots.len()
    }

    /// The key of a slot, unless it was removed.
    #[inline]
    pub fn key(&self, slot: usize) -> Option<u32> {
        let (key, _, value) = &self.slots[slot];
        if matches!(value, Slot::Removed) { None } else { Some(*key) }
    }

    /// The first attribute with this key.
    #[inline]
    pub fn find(&self, key: u32) -> Option<usize> {
        self.slots().find(|&slot| self.key(slot) == Some(key))
    }

    #[inline]
    pub fn get(&self, slot: usize) -> (ValueType, &[u8]) {
        match &self.slots[slot] {
            (_, _, Slot::New(value_type, range)) => (*value_type, &self.new_values[range.clone()]),
            (_, row, Slot::Kept) => (self.source.types[*row], self.source.values.get(*row)),
            (_, _, Slot::Removed) => (ValueType::Absent, &[]),
        }
    }

    pub fn remove(&mut self, slot: usize) {
        self.slots[slot].2 = Slot::Removed;
        self.changed = true;
    }

    pub fn set(&mut self, slot: usize, value_type: ValueType, value: &[u8]) {
        if self.get(slot) != (value_type, value) {
            self.slots[slot].2 = self.add_value(value_type, value);
        }
    }

    pub fn append(&mut self, key: u32, value_type: ValueType, value: &[u8]) {
        let added = self.add_value(value_type, value);
        self.slots.push((key, self.source.range(self.owner).end, added));
    }

    /// Sets every attribute with this key, or appends one.
    pub fn put(&mut self, key: u32, value_type: ValueType, value: &[u8]) {
        if !self.update(key, value_type, value) {
            self.append(key, value_type, value);
        }
    }

    /// Sets every attribute with this key; false when there is none.
    pub fn update(&mut self, key: u32, value_type: ValueType, value: &[u8]) -> bool {
        let mut found = false;
        for slot in self.slots() {
            if self.key(slot) == Some(key) {
                self.set(slot, value_type, value);
                found = true;
            }
        }
        found
    }

    fn add_value(&mut self, value_type: ValueType, value: &[u8]) -> Slot {
        let start = self.new_values.len();
        self.new_values.extend_from_slice(value);
        self.changed = true;
        Slot::New(value_type, start..self.new_values.len())
    }

    /// Takes over what was changed since `begin`.
    #[inline]
    pub fn end(&mut self) {
        if self.changed {
            self.write_owner();
        }
    }

    fn write_owner(&mut self) {
        if self.copied == 0 {
            self.reserve();
        }
        self.output.copy_owners(self.source, self.copied..self.owner);
        let rows = self.source.range(self.owner);
        let mut next = rows.start;
        for (key, row, value) in &self.slots {
            if matches!(value, Slot::Kept) {
                continue;
            }
            self.output.copy_rows(self.source, next..*row);
            if let Slot::New(value_type, range) = value {
                self.output.push(*key, *value_type, &self.new_values[range.clone()]);
            }
            next = rows.end.min(row + 1);
        }
        self.output.copy_rows(self.source, next..rows.end);
        self.output.end_owner();
        self.copied = self.owner + 1;
    }

    /// Room for all of `source` and one new attribute for each owner.
    fn reserve(&mut self) {
        let owners = self.source.offsets.len();
        let rows = self.source.keys.len() + owners;
        self.output.offsets.reserve(owners);
        self.output.keys.reserve(rows);
        self.output.types.reserve(rows);
        self.output.values.offsets.reserve(rows);
        self.output.values.data.reserve(self.source.values.data.len() + 16 * owners);
    }

    /// The new table; `None` when nothing was changed.
    pub fn finish(mut self) -> Option<Attributes> {
        if self.copied == 0 {
            return None;
        }
        let owners = self.source.offsets.len() - 1;
        self.output.copy_owners(self.source, self.copied..owners);
        Some(self.output)
    }
}
