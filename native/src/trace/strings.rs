//! The strings of a trace, each once, and the lists of attributes that refer to them.

use crate::columns::{Attributes, Columns, Interner, ValueType};
use crate::jaeger::text::{double, write_hex, write_plain};
use crate::otlp::value::parse_key_value;
use crate::otlp::wire::Reader;
use crate::trace::layout::Layout;
use crate::trace::tree::NONE;

/// Strings by number; 0 is the empty one.
pub struct StringTable<'a> {
    columns: &'a Columns,
    interner: Interner,
    /// Number of each row of `Columns::keys` and `Columns::names`, `NONE` until it is needed.
    keys: Vec<u32>,
    names: Vec<u32>,
    scratch: Vec<u8>,
}

impl<'a> StringTable<'a> {
    pub fn new(columns: &'a Columns) -> Self {
        let mut interner = Interner::default();
        interner.intern(b"");
        Self {
            columns,
            interner,
            keys: vec![NONE; columns.keys.strings.len()],
            names: vec![NONE; columns.names.strings.len()],
            scratch: vec![],
        }
    }

    pub fn intern(&mut self, string: &[u8]) -> u32 {
        self.interner.intern(string)
    }

    /// The number of an attribute's key.
    fn key(&mut self, row: u32) -> u32 {
        let number = &mut self.keys[row as usize];
        if *number == NONE {
            *number = self.interner.intern(self.columns.key(row));
        }
        *number
    }

    /// The number of a span's or event's name.
    pub fn name(&mut self, row: u32) -> u32 {
        let number = &mut self.names[row as usize];
        if *number == NONE {
            *number = self.interner.intern(self.columns.name(row));
        }
        *number
    }

    /// The number and the type of a value as text: numbers as JSON writes them, bytes in
    /// hexadecimal, arrays and maps as JSON.
    fn value(&mut self, value_type: ValueType, value: &[u8]) -> (u32, u8) {
        use ValueType::*;
        let kind = match value_type {
            Absent | Empty | String => 0,
            Bool => 1,
            Int => 2,
            Double => 3,
            Bytes => 4,
            Array => 5,
            Map => 6,
            Verbatim => {
                // Its last value is what it means; it was checked when it came in.
                return match parse_key_value::<false>(Reader::new(value), 0) {
                    Ok((attribute, _)) => self.value(attribute.value_type, attribute.value()),
                    Err(_) => (0, 0),
                };
            }
        };
        self.scratch.clear();
        match value_type {
            Absent | Empty => {}
            String => return (self.interner.intern(value), kind),
            Bytes => write_hex(&mut self.scratch, value),
            Double if !double(value).is_finite() => {
                let text = match double(value) {
                    number if number.is_nan() => "NaN",
                    f64::INFINITY => "Infinity",
                    _ => "-Infinity",
                };
                self.scratch.extend_from_slice(text.as_bytes());
            }
            _ => write_plain(&mut self.scratch, value_type, value),
        }
        (self.interner.intern(&self.scratch), kind)
    }

    pub fn put(&self, layout: &mut Layout) {
        layout.put_u32("string_offsets", &self.interner.strings.offsets);
        layout.put_u8("string_bytes", &self.interner.strings.data);
    }
}

/// Attributes of many owners, one after the other.
pub struct AttributeLists {
    begin: Vec<u32>,
    keys: Vec<u32>,
    values: Vec<u32>,
    types: Vec<u8>,
}

impl Default for AttributeLists {
    fn default() -> Self {
        Self { begin: vec![0], keys: vec![], values: vec![], types: vec![] }
    }
}

impl AttributeLists {
    /// Adds these rows of `attributes` to the current owner.
    pub fn add(
        &mut self,
        strings: &mut StringTable<'_>,
        attributes: &Attributes,
        rows: impl Iterator<Item = usize>,
    ) {
        for row in rows {
            let (value, value_type) =
                strings.value(attributes.types[row], attributes.values.get(row));
            self.keys.push(strings.key(attributes.keys[row]));
            self.values.push(value);
            self.types.push(value_type);
        }
    }

    /// Ends the current owner.
    pub fn end_owner(&mut self) {
        self.begin.push(self.keys.len() as u32);
    }

    /// The four columns whose names begin with `name`.
    pub fn put(&self, layout: &mut Layout, name: &str) {
        layout.put_u32(&format!("{name}_begin"), &self.begin);
        layout.put_u32(&format!("{name}_key"), &self.keys);
        layout.put_u32(&format!("{name}_value"), &self.values);
        layout.put_u8(&format!("{name}_type"), &self.types);
    }
}
