//! Typed columns in one piece of bytes behind a header in JSON that says where each of them is.
//!
//! The header's length, four bytes, and the header, padded with spaces, take a multiple of eight
//! bytes; each column begins at a multiple of eight. So all of them can be used where they are, as
//! typed arrays.

use serde_json::{Map, Value, json};

const ALIGNMENT: usize = 8;

/// Columns being laid end to end.
#[derive(Default)]
pub struct Layout {
    columns: Map<String, Value>,
    data: Vec<u8>,
}

impl Layout {
    pub fn put_u8(&mut self, name: &str, values: &[u8]) {
        self.begin(name, "u8", values.len());
        self.data.extend_from_slice(values);
    }

    pub fn put_u32(&mut self, name: &str, values: &[u32]) {
        self.begin(name, "u32", values.len());
        self.data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub fn put_i32(&mut self, name: &str, values: &[i32]) {
        self.begin(name, "i32", values.len());
        self.data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub fn put_f64(&mut self, name: &str, values: &[f64]) {
        self.begin(name, "f64", values.len());
        self.data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn begin(&mut self, name: &str, value_type: &str, length: usize) {
        self.data.resize(self.data.len().next_multiple_of(ALIGNMENT), 0);
        let column = json!({"type": value_type, "offset": self.data.len(), "length": length});
        let before = self.columns.insert(name.to_owned(), column);
        debug_assert!(before.is_none(), "column {name} is given twice");
    }

    /// The header with `fields` before its columns, and the columns.
    pub fn finish(self, mut fields: Map<String, Value>) -> Vec<u8> {
        fields.insert("columns".to_owned(), Value::Object(self.columns));
        let mut header = Value::Object(fields).to_string().into_bytes();
        let padded = (4 + header.len()).next_multiple_of(ALIGNMENT) - 4;
        header.resize(padded, b' ');
        let mut out = Vec::with_capacity(4 + padded + self.data.len());
        out.extend_from_slice(&(padded as u32).to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(&self.data);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_where_each_column_is() {
        let mut layout = Layout::default();
        layout.put_u8("a", &[1, 2, 3]);
        layout.put_i32("b", &[-1]);
        layout.put_f64("c", &[0.5]);
        layout.put_u32("d", &[]);
        let bytes = layout.finish(Map::from_iter([("version".to_owned(), json!(1))]));
        let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        assert_eq!((4 + length) % 8, 0);
        let header: Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
        assert_eq!(header["version"], 1);
        assert_eq!(header["columns"]["b"], json!({"type": "i32", "offset": 8, "length": 1}));
        assert_eq!(header["columns"]["c"], json!({"type": "f64", "offset": 16, "length": 1}));
        assert_eq!(header["columns"]["d"]["offset"], 24);
        let data = &bytes[4 + length..];
        assert_eq!(data[..8], [1, 2, 3, 0, 0, 0, 0, 0]);
        assert_eq!(data[8..12], [255; 4]);
        assert_eq!(data[16..], 0.5f64.to_le_bytes());
    }
}
