//! Writing ClickHouse's Native format: one block, column by column.
//!
//! A block is its number of columns and of rows, then for each column its name, its type and its
//! values. Numbers are little-endian, lengths are varints. Source: ClickHouse's documentation of
//! the Native format, protocol revision 0 (what `FORMAT Native` reads and writes).

use super::dictionary::Dictionary;

/// Version of the dictionary encoding, written before a LowCardinality column's values.
const SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS: u64 = 1;

/// A block being written.
pub struct Block {
    bytes: Vec<u8>,
    columns_left: usize,
    rows: usize,
}

impl Block {
    pub fn new(columns: usize, rows: usize, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        write_varint(&mut bytes, columns as u64);
        write_varint(&mut bytes, rows as u64);
        Self { bytes, columns_left: columns, rows }
    }

    pub fn finish(self) -> Vec<u8> {
        debug_assert_eq!(self.columns_left, 0, "a block has the columns it announced");
        self.bytes
    }

    /// Begins a column; its values are appended to what this returns.
    pub fn column(&mut self, name: &str, data_type: &str) -> &mut Vec<u8> {
        self.columns_left -= 1;
        write_string(&mut self.bytes, name.as_bytes());
        write_string(&mut self.bytes, data_type.as_bytes());
        &mut self.bytes
    }

    /// A column whose values all have `N` bytes: numbers and FixedString.
    pub fn fixed<const N: usize>(
        &mut self,
        name: &str,
        data_type: &str,
        values: impl IntoIterator<Item = [u8; N]>,
    ) {
        let bytes = self.column(name, data_type);
        for value in values {
            bytes.extend_from_slice(&value);
        }
    }

    /// A column with the same value in every row.
    pub fn constant(&mut self, name: &str, data_type: &str, value: &[u8]) {
        let rows = self.rows;
        let bytes = self.column(name, data_type);
        for _ in 0..rows {
            bytes.extend_from_slice(value);
        }
    }

    pub fn strings<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a [u8]>) {
        let bytes = self.column(name, "String");
        for value in values {
            write_string(bytes, value);
        }
    }

    pub fn dictionary(&mut self, name: &str, values: &Dictionary) {
        let bytes = self.column(name, "LowCardinality(String)");
        write_dictionary_version(bytes);
        values.write(bytes);
    }
}

#[inline]
pub fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[inline]
pub fn write_string(bytes: &mut Vec<u8>, value: &[u8]) {
    write_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// The state of a LowCardinality column.
fn write_dictionary_version(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS.to_le_bytes());
}
