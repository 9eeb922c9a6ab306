//! A span's attributes as three columns of the `spans` table.
//!
//! `attribute_keys` and `attribute_values` are one string a span, which costs the engine's merges
//! a fraction of what a map or an array does; `attribute_types` is a dictionary. Each key and each
//! value is ended by a NUL; what has a NUL in it is kept whole in the span's `rest`.

use super::block::write_string;
use super::dictionary::{Dictionary, Interned};
use super::terms::RowTerms;
use super::{terms, value};
use crate::columns::{Columns, Interner};

const END: u8 = 0;

/// The attributes of all rows, in row order.
pub struct AttributeLists {
    /// A String column.
    pub keys: Vec<u8>,
    /// A code for each attribute; empty where all are strings.
    pub types: Dictionary,
    /// A String column.
    pub values: Vec<u8>,
    /// The term of each attribute.
    pub terms: RowTerms,
}

impl AttributeLists {
    pub fn gather(columns: &Columns, rows: &[usize]) -> Self {
        let attributes = &columns.spans.attributes;
        let key_hashes: Vec<u64> =
            columns.keys.strings.iter().map(|key| terms::hash(&value::plain_text(key))).collect();
        let odd_keys: Vec<bool> =
            columns.keys.strings.iter().map(|key| key.contains(&END)).collect();
        let mut lists = Lists::default();
        let mut keys = Vec::with_capacity(16 * attributes.keys.len());
        let mut values = Vec::with_capacity(attributes.values.data.len() + 4 * rows.len());
        let mut row_terms = RowTerms {
            terms: Vec::with_capacity(attributes.keys.len()),
            ends: Vec::with_capacity(rows.len()),
        };
        let (mut scratch, mut row_values, mut signature) = (Vec::new(), Vec::new(), Vec::new());
        for &row in rows {
            row_values.clear();
            signature.clear();
            for attribute in attributes.range(row) {
                let key = attributes.keys[attribute];
                let (value_type, bytes) =
                    (attributes.types[attribute], attributes.values.get(attribute));
                let code = match odd_keys[key as usize] {
                    true => value::IN_REST,
                    false => value::code(value_type, bytes),
                };
                let text = value::text(&mut scratch, value_type, bytes);
                row_terms.terms.push(terms::extend(key_hashes[key as usize], terms::hash(text)));
                row_values.extend_from_slice(text);
                row_values.push(END);
                signature.extend_from_slice(&key.to_le_bytes());
                signature.push(code);
            }
            write_string(&mut values, &row_values);
            lists.push(columns, &signature, &mut keys);
            row_terms.end_row();
        }
        Self { keys, types: lists.types.finish(), values, terms: row_terms }
    }

    /// The type codes of a row's attributes; none where all are strings.
    pub fn codes(&self, place: usize) -> &[u8] {
        self.types.get(place)
    }
}

/// The keys and type codes of each signature: number and type code of each key. Spans of one place
/// in the code share one.
#[derive(Default)]
struct Lists {
    types: Interned,
    signatures: Interner,
    /// Of each signature the keys, and the entry in `types`.
    entries: Vec<(Vec<u8>, u32)>,
}

impl Lists {
    /// Appends the keys of a row, and its types to `types`.
    fn push(&mut self, columns: &Columns, signature: &[u8], column: &mut Vec<u8>) {
        let number = self.signatures.intern(signature) as usize;
        if let Some((keys, types)) = self.entries.get(number) {
            write_string(column, keys);
            self.types.repeat(*types);
            return;
        }
        let (mut keys, mut codes) = (Vec::new(), Vec::new());
        for &[a, b, c, d, code] in signature.as_chunks().0 {
            keys.extend_from_slice(&value::plain_text(
                columns.key(u32::from_le_bytes([a, b, c, d])),
            ));
            keys.push(END);
            codes.push(code);
        }
        if codes.iter().all(|&code| code == value::STRING) {
            codes.clear();
        }
        write_string(column, &keys);
        self.entries.push((keys, self.types.push(&codes)));
    }
}

/// The keys or values of one row.
pub fn split(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split_inclusive(|&byte| byte == END).map(|text| text.strip_suffix(&[END]).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::ValueType;

    /// Key, type and value.
    type Given<'a> = (&'a [u8], ValueType, &'a [u8]);

    fn lists(spans: &[&[Given<'_>]]) -> AttributeLists {
        let mut columns = Columns::default();
        for span in spans {
            for &(key, value_type, value) in *span {
                let key = columns.keys.intern(key);
                columns.spans.attributes.push(key, value_type, value);
            }
            columns.spans.attributes.end_owner();
        }
        AttributeLists::gather(&columns, &(0..spans.len()).collect::<Vec<_>>())
    }

    #[test]
    fn keys_values_and_types_are_listed() {
        use ValueType::{Bool, String};
        let lists = lists(&[
            &[(b"a", String, b"x"), (b"b", Bool, &[1])],
            &[],
            &[(b"a", String, b"y"), (b"b", Bool, &[0])],
            &[(b"b", String, b"")],
        ]);
        assert_eq!(lists.keys, b"\x04a\0b\0\x00\x04a\0b\0\x02b\0");
        assert_eq!(lists.types.indexes, [0, 1, 0, 1]);
        assert_eq!([0, 1, 2, 3].map(|row| lists.codes(row)), [&b"sb"[..], b"", b"sb", b""]);
        assert_eq!(lists.values, b"\x07x\0true\0\x00\x08y\0false\0\x01\0");
        assert_eq!(lists.terms.of(0)[1], terms::attribute(b"b", b"true"));
        assert_eq!([0, 1, 2, 3].map(|row| lists.terms.of(row).len()), [2, 0, 2, 1]);
    }

    #[test]
    fn what_has_a_nul_is_left_to_the_rest() {
        use ValueType::String;
        let lists = lists(&[&[(b"a\0b", String, b"x"), (b"c", String, b"y\0z")]]);
        assert_eq!(lists.codes(0), b"rr");
        assert_eq!(lists.keys, "\x08a\u{fffd}b\0c\0".as_bytes());
        assert_eq!(lists.values, "\x08x\0y\u{fffd}z\0".as_bytes());
        assert_eq!(lists.terms.of(0)[1], terms::attribute(b"c", "y\u{fffd}z".as_bytes()));
    }

    #[test]
    fn a_list_is_split_where_its_texts_end() {
        let texts = |list| split(list).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(texts(b""), Vec::<Vec<u8>>::new());
        assert_eq!(texts(b"\0"), [b""]);
        assert_eq!(texts(b"a\0\0bc\0"), [&b"a"[..], b"", b"bc"]);
    }
}
