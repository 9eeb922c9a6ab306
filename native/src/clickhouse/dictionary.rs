//! LowCardinality columns: each distinct string once, and a number a row.

use super::block::write_string;
use crate::columns::{Interner, Strings};

/// The dictionary follows the flags, and is all there is.
const HAS_ADDITIONAL_KEYS: u64 = 1 << 9;
const NEED_UPDATE_DICTIONARY: u64 = 1 << 10;

/// Values of a LowCardinality(String) column.
#[derive(Default)]
pub struct Dictionary {
    pub strings: Strings,
    /// A row in `strings` for each value.
    pub indexes: Vec<u32>,
}

impl Dictionary {
    /// The string at a place.
    pub fn get(&self, place: usize) -> &[u8] {
        self.strings.get(self.indexes[place] as usize)
    }

    pub fn write(&self, bytes: &mut Vec<u8>) {
        if self.indexes.is_empty() {
            return;
        }
        let width = match self.strings.len() {
            0..=0x100 => 0u64,
            0x101..=0x1_0000 => 1,
            _ => 2,
        };
        let flags = width | HAS_ADDITIONAL_KEYS | NEED_UPDATE_DICTIONARY;
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&(self.strings.len() as u64).to_le_bytes());
        for value in self.strings.iter() {
            write_string(bytes, value);
        }
        bytes.extend_from_slice(&(self.indexes.len() as u64).to_le_bytes());
        match width {
            0 => bytes.extend(self.indexes.iter().map(|&index| index as u8)),
            1 => bytes.extend(self.indexes.iter().flat_map(|&index| (index as u16).to_le_bytes())),
            _ => bytes.extend(self.indexes.iter().flat_map(|&index| index.to_le_bytes())),
        }
    }
}

/// A dictionary of those rows of a table that are used.
pub struct Renumbered {
    pub dictionary: Dictionary,
    /// The table's row of each dictionary entry.
    pub rows: Vec<u32>,
    numbers: Vec<u32>,
}

impl Renumbered {
    pub fn new(table_rows: usize, values: usize) -> Self {
        let dictionary =
            Dictionary { strings: Strings::default(), indexes: Vec::with_capacity(values) };
        Self { dictionary, rows: Vec::new(), numbers: vec![u32::MAX; table_rows] }
    }

    /// Appends the string in a row of the table; `write` puts it down where it is new.
    #[inline]
    pub fn push(&mut self, row: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let number = &mut self.numbers[row as usize];
        if *number == u32::MAX {
            *number = self.rows.len() as u32;
            self.rows.push(row);
            write(&mut self.dictionary.strings.data);
            self.dictionary.strings.end_row();
        }
        self.dictionary.indexes.push(*number);
    }
}

/// A dictionary of strings that come one by one.
#[derive(Default)]
pub struct Interned {
    interner: Interner,
    indexes: Vec<u32>,
}

impl Interned {
    pub fn with_capacity(values: usize) -> Self {
        Self { interner: Interner::default(), indexes: Vec::with_capacity(values) }
    }

    /// Appends a string; its entry.
    #[inline]
    pub fn push(&mut self, value: &[u8]) -> u32 {
        let entry = self.interner.intern(value);
        self.repeat(entry);
        entry
    }

    /// Appends an entry once more.
    #[inline]
    pub fn repeat(&mut self, entry: u32) {
        self.indexes.push(entry);
    }

    pub fn finish(self) -> Dictionary {
        Dictionary { strings: self.interner.strings, indexes: self.indexes }
    }
}
