//! What there is to choose from: operations, attribute keys, and where spans come from.
//!
//! These small tables hold each row once a period. What was written is remembered, so that in the
//! long run nothing is written at all; a row written again (by another process, or after a crash)
//! merges with its twin.

use std::collections::HashSet;

use bytes::Bytes;

use super::block::{Block, write_string};
use super::write::{resource_header, scope_header};
use super::{terms, value};
use crate::columns::{Attributes, Columns, Scopes};
use crate::jaeger::names::{service_name, span_name};

/// Rows remembered as written; when there are more, all are forgotten and written once more.
const REMEMBERED_ROWS: usize = 1 << 18;

/// Hashes of the rows that are in the tables.
#[derive(Default)]
pub struct Catalog {
    written: HashSet<u64>,
}

/// A block of rows not known to be in their table.
pub struct NewRows {
    pub table: &'static str,
    pub block: Vec<u8>,
    hashes: HashSet<u64>,
}

impl Catalog {
    /// What these spans add to each table; tables they add nothing to are left out.
    pub fn new_rows(&self, columns: &Columns, period: u32) -> Vec<NewRows> {
        let blocks = [
            operations(New::of("operations", period, self), columns),
            attribute_keys(New::of("attribute_keys", period, self), columns),
            origins(New::of("origins", period, self), columns),
        ];
        blocks.into_iter().flatten().collect()
    }

    /// To be called once the rows are stored.
    pub fn remember(&mut self, rows: &[NewRows]) {
        if self.written.len() > REMEMBERED_ROWS {
            self.written.clear();
        }
        self.written.extend(rows.iter().flat_map(|rows| &rows.hashes));
    }
}

/// The new rows of one table, as they are found.
struct New<'a, R> {
    table: &'static str,
    period: u32,
    catalog: &'a Catalog,
    rows: Vec<R>,
    hashes: HashSet<u64>,
}

impl<'a, R> New<'a, R> {
    fn of(table: &'static str, period: u32, catalog: &'a Catalog) -> Self {
        Self { table, period, catalog, rows: vec![], hashes: HashSet::new() }
    }

    /// Adds the row told apart by `parts`, unless it is known.
    fn add(&mut self, parts: &[&[u8]], row: impl FnOnce() -> R) {
        let hash = parts.iter().fold(terms::hash(self.table.as_bytes()), |hash, part| {
            terms::extend(hash, terms::hash(part))
        });
        let hash = terms::extend(hash, u64::from(self.period));
        if !self.catalog.written.contains(&hash) && self.hashes.insert(hash) {
            self.rows.push(row());
        }
    }

    fn block(self, columns: usize, write: impl FnOnce(&mut Block, &[R])) -> Option<NewRows> {
        let Self { table, period, rows, hashes, .. } = self;
        if rows.is_empty() {
            return None;
        }
        let mut block = Block::new(columns + 1, rows.len(), rows.len() * 64);
        block.constant("period", "DateTime('UTC')", &period.to_le_bytes());
        write(&mut block, &rows);
        Some(NewRows { table, block: block.finish(), hashes })
    }
}

fn operations<'c>(
    mut new: New<'_, (&'c [u8], &'c [u8], i32)>,
    columns: &'c Columns,
) -> Option<NewRows> {
    let spans = &columns.spans;
    let distinct: HashSet<_> = (0..columns.len())
        .map(|row| (columns.resource_of(row), spans.name[row], spans.kind[row]))
        .collect();
    for (resource, name, kind) in distinct {
        let (service, name) = (service_name(columns, resource), span_name(columns, name));
        new.add(&[service, name, &kind.to_le_bytes()], || (service, name, kind));
    }
    new.block(3, |block, rows| {
        block.strings("service", rows.iter().map(|row| row.0));
        block.strings("name", rows.iter().map(|row| row.1));
        block.fixed("kind", "Int32", rows.iter().map(|row| row.2.to_le_bytes()));
    })
}

fn attribute_keys<'c>(
    mut new: New<'_, (&'c [u8], &'c [u8])>,
    columns: &'c Columns,
) -> Option<NewRows> {
    let levels: [(&[u8], &Attributes); 5] = [
        (b"span", &columns.spans.attributes),
        (b"resource", &columns.resources.attributes),
        (b"scope", &columns.scopes.attributes),
        (b"event", &columns.events.attributes),
        (b"link", &columns.links.attributes),
    ];
    for (level, attributes) in levels {
        let mut used = vec![false; columns.keys.strings.len()];
        attributes.keys.iter().for_each(|&key| used[key as usize] = true);
        for key in (0..used.len()).filter(|&key| used[key]) {
            let key = columns.key(key as u32);
            new.add(&[level, key], || (level, key));
        }
    }
    new.block(2, |block, rows| {
        block.strings("level", rows.iter().map(|row| row.0));
        block.strings("key", rows.iter().map(|row| row.1));
    })
}

type Texts = Vec<(Vec<u8>, Vec<u8>)>;

/// The header in the `spans` table of each resource and scope, with its attributes as text.
fn origins(mut new: New<'_, (&'static [u8], Bytes, Texts)>, columns: &Columns) -> Option<NewRows> {
    const RESOURCE: &[u8] = b"resource";
    const SCOPE: &[u8] = b"scope";
    for row in 0..columns.resources.present.len() {
        let header = resource_header(columns, row);
        new.add(&[RESOURCE, &header], || {
            (RESOURCE, header.clone(), texts(columns, &columns.resources.attributes, row))
        });
    }
    for row in 0..columns.scopes.present.len() {
        let header = scope_header(columns, row);
        new.add(&[SCOPE, &header], || {
            let mut texts = texts(columns, &columns.scopes.attributes, row);
            let Scopes { name, version, .. } = &columns.scopes;
            for (key, text) in [
                (terms::SCOPE_NAME_KEY, name.get(row)),
                (terms::SCOPE_VERSION_KEY, version.get(row)),
            ] {
                texts.push((key.to_vec(), value::plain_text(text).into_owned()));
            }
            (SCOPE, header.clone(), texts)
        });
    }
    new.block(3, |block, rows| {
        block.strings("level", rows.iter().map(|row| row.0));
        block.strings("header", rows.iter().map(|row| &row.1[..]));
        let bytes = block.column("attributes", "Map(String, String)");
        let mut end = 0u64;
        for (_, _, texts) in rows {
            end += texts.len() as u64;
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        let texts = || rows.iter().flat_map(|row| &row.2);
        texts().for_each(|(key, _)| write_string(bytes, key));
        texts().for_each(|(_, value)| write_string(bytes, value));
    })
}

fn texts(columns: &Columns, attributes: &Attributes, owner: usize) -> Texts {
    let mut scratch = Vec::new();
    attributes
        .range(owner)
        .map(|row| {
            let (value_type, value) = (attributes.types[row], attributes.values.get(row));
            let text = value::text(&mut scratch, value_type, value).to_vec();
            (value::plain_text(columns.key(attributes.keys[row])).into_owned(), text)
        })
        .collect()
}
