//! Columns to a block of the `spans` table, and to the postings that find its spans again.
//!
//! Rows go out in the order of the table (place, trace id), so the engine has nothing to sort.
//! Strings that repeat go out as dictionaries, and a dictionary entry is hashed once.

use std::collections::HashSet;

use bytes::Bytes;

use super::attributes::AttributeLists;
use super::block::Block;
use super::dictionary::{Dictionary, Interned, Renumbered};
use super::postings::{Place, Posting, Postings, Slicer, minute, place_of, slice};
use super::rest::{attribute_terms, rest_column, rest_terms};
use super::terms::RowTerms;
use super::{terms, value};
use crate::columns::Columns;
use crate::jaeger::names::{service_name, span_name};
use crate::otlp::encode::{write_resource, write_scope};
use crate::otlp::wire::ReverseWriter;

/// Beside the `HAS_*` bits in the `presence` column: the span's name is empty, and the `name`
/// column holds what it is shown as.
pub const NAME_IS_EMPTY: u8 = 0x80;

/// How far the clocks of senders are taken to be right.
const CREDIBLE_SECONDS: u32 = 2 * 24 * 3600;

/// What one block of spans is stored as; no spans are no blocks.
#[derive(Default)]
pub struct SpanBlocks {
    pub spans: Vec<u8>,
    pub postings: Vec<u8>,
    /// Postings that other blocks will likely repeat.
    pub frequent: Vec<Posting>,
}

/// Encodes all spans; `period` is the start of the partition they go to, seconds since 1970.
/// Postings that are `known` to be there are left out.
pub fn encode(
    columns: &Columns,
    slicer: &mut Slicer,
    known: &HashSet<Posting>,
    period: u32,
) -> SpanBlocks {
    if columns.is_empty() {
        return SpanBlocks::default();
    }
    let rows = rows_in_table_order(columns);
    let strings = RowStrings::gather(columns, &rows);
    let attributes = AttributeLists::gather(columns, &rows);
    let rest = rest_terms(columns, &rows);
    let postings = post(columns, &rows, &strings, &attributes, &rest, slicer);
    let (postings, frequent) = postings.encode(period, known);
    let spans = write_spans(columns, &rows, &strings, &attributes, &rest, period);
    SpanBlocks { spans, postings, frequent }
}

/// The start of the partition a batch goes to, about when it arrived.
///
/// A batch that is written again must go where it went before, so the time is taken from the batch:
/// its median start. Only where that is not credible, as in old traces imported, is it `now`.
pub fn period(columns: &Columns, period_seconds: u32, now: u32) -> u32 {
    let mut starts = columns.spans.start_time_unix_nano.clone();
    let middle = starts.len() / 2;
    let median = match starts.get(middle) {
        Some(_) => *starts.select_nth_unstable(middle).1 / 1_000_000_000,
        None => u64::from(now),
    };
    let median = u32::try_from(median).unwrap_or(u32::MAX);
    let arrival = if median.abs_diff(now) <= CREDIBLE_SECONDS { median } else { now };
    arrival / period_seconds * period_seconds
}

/// Rows by minute, then trace id; spans of one trace in the order they came.
fn rows_in_table_order(columns: &Columns) -> Vec<usize> {
    let spans = &columns.spans;
    let mut keys: Vec<(u32, u128, u32)> = (0..columns.len())
        .map(|row| {
            let trace_id = u128::from_be_bytes(spans.trace_id[row]);
            (minute(spans.start_time_unix_nano[row]), trace_id, row as u32)
        })
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, _, row)| row as usize).collect()
}

/// A dictionary with the hash of each of its strings.
struct Hashed {
    dictionary: Dictionary,
    hashes: Vec<u64>,
}

impl Hashed {
    fn new(dictionary: Dictionary) -> Self {
        let hashes = dictionary.strings.iter().map(terms::hash).collect();
        Self { dictionary, hashes }
    }

    #[inline]
    fn hash(&self, place: usize) -> u64 {
        self.hashes[self.dictionary.indexes[place] as usize]
    }
}

/// The strings of all rows that repeat from row to row, in row order.
struct RowStrings {
    services: Hashed,
    names: Hashed,
    resources: Renumbered,
    scopes: Renumbered,
}

impl RowStrings {
    fn gather(columns: &Columns, rows: &[usize]) -> Self {
        let spans = &columns.spans;
        let mut services = Interned::with_capacity(rows.len());
        let mut names = Renumbered::new(columns.names.strings.len(), rows.len());
        let mut resources = Renumbered::new(columns.resources.present.len(), rows.len());
        let mut scopes = Renumbered::new(columns.scopes.present.len(), rows.len());
        for &row in rows {
            let (scope, resource) = (spans.scope[row], columns.resource_of(row));
            services.push(service_name(columns, resource));
            let name = spans.name[row];
            names.push(name, |out| out.extend_from_slice(span_name(columns, name)));
            resources.push(resource as u32, |out| out.extend(resource_header(columns, resource)));
            scopes.push(scope, |out| out.extend(scope_header(columns, scope as usize)));
        }
        Self {
            services: Hashed::new(services.finish()),
            names: Hashed::new(names.dictionary),
            resources,
            scopes,
        }
    }
}

/// A ResourceSpans message without spans.
pub fn resource_header(columns: &Columns, row: usize) -> Bytes {
    let mut writer = ReverseWriter::with_capacity(512);
    writer.nonempty_bytes_field(3, columns.resources.schema_url.get(row));
    if columns.resources.present[row] {
        let mark = writer.len();
        write_resource(&mut writer, columns, row);
        writer.end_message(1, mark);
    }
    writer.finish()
}

/// A ScopeSpans message without spans.
pub fn scope_header(columns: &Columns, row: usize) -> Bytes {
    let mut writer = ReverseWriter::with_capacity(128);
    writer.nonempty_bytes_field(3, columns.scopes.schema_url.get(row));
    if columns.scopes.present[row] {
        let mark = writer.len();
        write_scope(&mut writer, columns, row);
        writer.end_message(1, mark);
    }
    writer.finish()
}

/// The postings of all rows.
fn post(
    columns: &Columns,
    rows: &[usize],
    strings: &RowStrings,
    attributes: &AttributeLists,
    rest: &RowTerms,
    slicer: &mut Slicer,
) -> Postings {
    let spans = &columns.spans;
    let row_minute = |row: usize| minute(spans.start_time_unix_nano[row]);
    let resource_terms: Vec<_> =
        strings.resources.rows.iter().map(|&row| resource_terms(columns, row as usize)).collect();
    let scope_terms: Vec<_> =
        strings.scopes.rows.iter().map(|&row| scope_terms(columns, row as usize)).collect();
    let mut postings = Postings::with_capacity(attributes.terms.terms.len() + 8 * rows.len());
    let (service_key, operation_key) = (terms::hash(terms::SERVICE), terms::hash(terms::OPERATION));
    let mut place = 0;
    while place < rows.len() {
        let minute = row_minute(rows[place]);
        let end = place + rows[place..].partition_point(|&row| row_minute(row) == minute);
        let bits = slicer.slice_bits(minute, (end - place) as u64);
        // What is the same for many rows of a slice is added where it changes.
        let mut last = None;
        for place in place..end {
            let row = rows[place];
            let trace_id = &spans.trace_id[row];
            let moved = postings.move_to(Place { minute, slice: slice(trace_id, bits) }, bits);
            let mut add = |term: u64| postings.add(terms::token(term));
            if moved {
                add(terms::any());
            }
            if moved || place == 0 || spans.trace_id[rows[place - 1]] != *trace_id {
                add(terms::trace(trace_id));
            }
            let (resource, scope) = (
                strings.resources.dictionary.indexes[place] as usize,
                strings.scopes.dictionary.indexes[place] as usize,
            );
            if moved || last != Some((resource, scope)) {
                last = Some((resource, scope));
                resource_terms[resource]
                    .iter()
                    .chain(&scope_terms[scope])
                    .for_each(|&term| add(term));
            }
            let service = terms::extend(service_key, strings.services.hash(place));
            let operation = terms::extend(operation_key, strings.names.hash(place));
            let duration =
                spans.end_time_unix_nano[row].wrapping_sub(spans.start_time_unix_nano[row]);
            let duration = terms::duration(terms::duration_class(duration as i64));
            for term in [operation, duration] {
                add(term);
                add(terms::extend(service, term));
            }
            add(service);
            if spans.status_code[row] == terms::ERROR_STATUS {
                add(terms::error());
                add(terms::extend(service, terms::error()));
            }
            attributes.terms.of(place).iter().chain(rest.of(place)).for_each(|&term| add(term));
        }
        place = end;
    }
    postings
}

fn resource_terms(columns: &Columns, row: usize) -> Vec<u64> {
    with_origin(terms::RESOURCE, attribute_terms(columns, &columns.resources.attributes, row))
}

fn scope_terms(columns: &Columns, row: usize) -> Vec<u64> {
    let name = value::plain_text(columns.scopes.name.get(row));
    let version = value::plain_text(columns.scopes.version.get(row));
    let mut found = attribute_terms(columns, &columns.scopes.attributes, row);
    found.push(terms::attribute(terms::SCOPE_NAME_KEY, &name));
    found.push(terms::attribute(terms::SCOPE_VERSION_KEY, &version));
    with_origin(terms::SCOPE, found)
}

/// These terms, and what says that an origin has them.
fn with_origin(level: &[u8], terms: Vec<u64>) -> Vec<u64> {
    terms.into_iter().flat_map(|term| [term, terms::origin(level, term)]).collect()
}

fn write_spans(
    columns: &Columns,
    rows: &[usize],
    strings: &RowStrings,
    attributes: &AttributeLists,
    rest: &RowTerms,
    period: u32,
) -> Vec<u8> {
    let spans = &columns.spans;
    let size = rows.len() * 160 + attributes.keys.len() + attributes.values.len();
    let mut block = Block::new(20, rows.len(), size);
    block.constant("period", "DateTime('UTC')", &period.to_le_bytes());
    let starts = || rows.iter().map(|&row| spans.start_time_unix_nano[row]);
    block.fixed(
        "place",
        "UInt64",
        rows.iter().map(|&row| {
            place_of(spans.start_time_unix_nano[row], &spans.trace_id[row]).to_le_bytes()
        }),
    );
    block.fixed("trace_id", "FixedString(16)", rows.iter().map(|&row| spans.trace_id[row]));
    block.fixed("span_id", "FixedString(8)", rows.iter().map(|&row| spans.span_id[row]));
    block.fixed(
        "parent_span_id",
        "FixedString(8)",
        rows.iter().map(|&row| spans.parent_span_id[row]),
    );
    block.fixed(
        "presence",
        "UInt8",
        rows.iter().map(|&row| {
            let name_is_empty = columns.name(spans.name[row]).is_empty();
            [spans.presence[row] | if name_is_empty { NAME_IS_EMPTY } else { 0 }]
        }),
    );
    block.fixed("start_time_unix_nano", "UInt64", starts().map(u64::to_le_bytes));
    block.fixed(
        "duration_nano",
        "Int64",
        rows.iter().map(|&row| {
            spans.end_time_unix_nano[row]
                .wrapping_sub(spans.start_time_unix_nano[row])
                .to_le_bytes()
        }),
    );
    block.dictionary("service", &strings.services.dictionary);
    block.dictionary("name", &strings.names.dictionary);
    block.fixed("kind", "Int32", rows.iter().map(|&row| spans.kind[row].to_le_bytes()));
    block.fixed(
        "status_code",
        "Int32",
        rows.iter().map(|&row| spans.status_code[row].to_le_bytes()),
    );
    block.fixed("flags", "UInt32", rows.iter().map(|&row| spans.flags[row].to_le_bytes()));
    block.column("attribute_keys", "String").extend(&attributes.keys);
    block.dictionary("attribute_types", &attributes.types);
    block.column("attribute_values", "String").extend(&attributes.values);
    block.dictionary("resource", &strings.resources.dictionary);
    block.dictionary("scope", &strings.scopes.dictionary);
    block.column("rest", "String").extend(rest_column(columns, rows, attributes));
    let bytes = block.column("rest_terms", "Array(UInt64)");
    bytes.extend(rest.ends.iter().flat_map(|&end| (end as u64).to_le_bytes()));
    bytes.extend(rest.terms.iter().flat_map(|term| term.to_le_bytes()));
    block.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_follows_from_the_batch_where_its_times_are_credible() {
        let at = |starts: &[u64]| {
            let mut columns = Columns::default();
            columns.spans.start_time_unix_nano =
                starts.iter().map(|start| start * 1_000_000_000).collect();
            period(&columns, 3600, 1_000_000)
        };
        assert_eq!(at(&[]), 997_200);
        assert_eq!(at(&[990_000]), 990_000);
        assert_eq!(at(&[0, 990_001, 4_000_000_000]), 990_000);
        assert_eq!(at(&[0, 0, 990_000]), 997_200, "an import goes where it arrives");
        assert_eq!(at(&[4_000_000_000]), 997_200);
    }
}
