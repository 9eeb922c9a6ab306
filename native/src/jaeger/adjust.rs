//! Jaeger's adjusters: what is corrected in a trace when it is shown, in Jaeger's order.
//!
//! They change how spans are shown, never the columns. Sorting tags, writing out addresses and
//! leaving out empty links are decided per value while the JSON is written; a trace that went
//! through here is marked `adjusted` for that.

use std::collections::{HashMap, HashSet};

use super::clock_skew;
use super::trace::{Span, Trace};
use crate::columns::{Attributes, Columns, ValueType};

const SPAN_KIND_SERVER: i32 = 2;
const SPAN_KIND_CLIENT: i32 = 3;

/// Attributes of the SDK that some SDKs put on spans; they belong to the process.
const LIBRARY_KEYS: [&[u8]; 5] = [
    b"telemetry.sdk.language",
    b"telemetry.sdk.name",
    b"telemetry.sdk.version",
    b"telemetry.distro.name",
    b"telemetry.distro.version",
];

/// Corrects how a trace is shown. Timestamps move by at most `max_clock_skew_nanos`; with 0 they
/// never move, but the warnings of a broken tree are given all the same.
pub fn adjust(columns: &Columns, trace: &mut Trace, max_clock_skew_nanos: u64) {
    separate_shared_ids(columns, trace);
    drop_duplicates(columns, trace);
    clock_skew::correct(columns, trace, max_clock_skew_nanos);
    move_library_attributes(columns, trace);
    warn_of_empty_links(columns, trace);
    trace.adjusted = true;
}

/// Zipkin's tracers give the client's and the server's side of a call one span id. The server
/// gets an id of its own and the client as its parent; the shared id's children follow it.
fn separate_shared_ids(columns: &Columns, trace: &mut Trace) {
    let kinds = &columns.spans.kind;
    let used: HashSet<[u8; 8]> = trace.spans.iter().map(|span| span.span_id).collect();
    if used.len() == trace.spans.len() {
        return;
    }
    let of_clients: HashSet<[u8; 8]> = trace
        .spans
        .iter()
        .filter(|span| kinds[span.row] == SPAN_KIND_CLIENT)
        .map(|span| span.span_id)
        .collect();
    let mut fresh = (1..u64::MAX).map(u64::to_be_bytes).filter(|id| !used.contains(id));
    let mut replaced = HashMap::new();
    for span in &mut trace.spans {
        if kinds[span.row] != SPAN_KIND_SERVER || !of_clients.contains(&span.span_id) {
            continue;
        }
        let Some(id) = fresh.next() else {
            let warning = "cannot assign unique span ID, too many spans in the trace";
            span.warnings.push(warning.to_owned());
            continue;
        };
        replaced.insert(span.span_id, id);
        span.parent_span_id = span.span_id;
        span.span_id = id;
    }
    for span in &mut trace.spans {
        if let Some(&id) = replaced.get(&span.parent_span_id).filter(|&&id| id != span.span_id) {
            span.parent_span_id = id;
        }
    }
}

/// A span that was delivered twice is shown once. Spans are the same when all they say is.
fn drop_duplicates(columns: &Columns, trace: &mut Trace) {
    let mut uses: HashMap<[u8; 8], u32> = HashMap::new();
    for span in &trace.spans {
        *uses.entry(span.span_id).or_default() += 1;
    }
    if uses.len() == trace.spans.len() {
        return;
    }
    let mut seen = HashSet::new();
    trace.spans.retain(|span| uses[&span.span_id] == 1 || seen.insert(canonical(columns, span)));
}

/// All a span says, in one order: equal bytes are equal spans.
fn canonical(columns: &Columns, shown: &Span) -> Vec<u8> {
    let (spans, row) = (&columns.spans, shown.row);
    let scope = spans.scope[row] as usize;
    let resource = columns.scopes.resource[scope] as usize;
    let mut out = Vec::with_capacity(512);
    put_attributes(&mut out, columns, &columns.resources.attributes, resource);
    put(&mut out, columns.resources.schema_url.get(resource));
    put(&mut out, columns.scopes.name.get(scope));
    put(&mut out, columns.scopes.version.get(scope));
    put(&mut out, columns.scopes.schema_url.get(scope));
    put_attributes(&mut out, columns, &columns.scopes.attributes, scope);
    out.extend_from_slice(&shown.span_id);
    out.extend_from_slice(&shown.parent_span_id);
    out.extend_from_slice(&spans.start_time_unix_nano[row].to_le_bytes());
    out.extend_from_slice(&spans.end_time_unix_nano[row].to_le_bytes());
    out.extend_from_slice(&spans.kind[row].to_le_bytes());
    out.extend_from_slice(&spans.flags[row].to_le_bytes());
    out.extend_from_slice(&spans.status_code[row].to_le_bytes());
    put(&mut out, spans.status_message.get(row));
    put(&mut out, spans.trace_state.get(row));
    put(&mut out, columns.name(spans.name[row]));
    put_attributes(&mut out, columns, &spans.attributes, row);
    let mut events: Vec<Vec<u8>> = spans
        .events(row)
        .map(|event| {
            let mut bytes = columns.events.time_unix_nano[event].to_le_bytes().to_vec();
            put(&mut bytes, columns.name(columns.events.name[event]));
            put_attributes(&mut bytes, columns, &columns.events.attributes, event);
            bytes
        })
        .collect();
    events.sort();
    put(&mut out, &events.concat());
    for link in spans.links(row) {
        out.extend_from_slice(&columns.links.trace_id[link]);
        out.extend_from_slice(&columns.links.span_id[link]);
        put(&mut out, columns.links.trace_state.get(link));
        put_attributes(&mut out, columns, &columns.links.attributes, link);
    }
    out
}

fn put(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value);
}

fn put_attributes(out: &mut Vec<u8>, columns: &Columns, attributes: &Attributes, owner: usize) {
    let mut rows: Vec<_> = attributes
        .range(owner)
        .map(|row| {
            let key = columns.key(attributes.keys[row]);
            (key, attributes.types[row] as u8, attributes.values.get(row))
        })
        .collect();
    rows.sort();
    out.extend_from_slice(&(rows.len() as u64).to_le_bytes());
    for (key, value_type, value) in rows {
        put(out, key);
        out.push(value_type);
        put(out, value);
    }
}

/// Shows the SDK's attributes with the process. A process that already says something else keeps
/// its own, the span keeps the attribute, and a warning tells.
fn move_library_attributes(columns: &Columns, trace: &mut Trace) {
    let keys: Vec<u32> = LIBRARY_KEYS.iter().filter_map(|key| columns.keys.find(key)).collect();
    if keys.is_empty() {
        return;
    }
    let of_spans = &columns.spans.attributes;
    let of_resources = &columns.resources.attributes;
    let text = |attributes: &Attributes, row: usize| {
        (attributes.types[row] == ValueType::String).then(|| attributes.values.get(row).to_vec())
    };
    for span in &mut trace.spans {
        let resource = columns.resource_of(span.row);
        for row in of_spans.range(span.row).filter(|&row| keys.contains(&of_spans.keys[row])) {
            let key = of_spans.keys[row];
            let moved = trace.moved_attributes.entry(resource).or_default();
            let existing = match of_resources.find(resource, key) {
                Some(own) => Some(text(of_resources, own)),
                None => moved
                    .iter()
                    .find(|&&other| of_spans.keys[other] == key)
                    .map(|&other| text(of_spans, other)),
            };
            match existing {
                None => moved.push(row),
                Some(Some(value)) if text(of_spans, row).as_ref() == Some(&value) => {}
                Some(_) => {
                    span.warnings.push(format!(
                        "conflicting values between Span and Resource for attribute {}",
                        String::from_utf8_lossy(columns.key(key))
                    ));
                    continue;
                }
            }
            span.hidden_attributes.push(row);
        }
    }
}

/// Whether a link leads nowhere: no trace id or no span id.
pub fn is_empty_link(columns: &Columns, link: usize) -> bool {
    columns.links.trace_id[link] == [0; 16] || columns.links.span_id[link] == [0; 8]
}

fn warn_of_empty_links(columns: &Columns, trace: &mut Trace) {
    for span in &mut trace.spans {
        for _ in columns.spans.links(span.row).filter(|&link| is_empty_link(columns, link)) {
            span.warnings.push("Invalid span link removed".to_owned());
        }
    }
}
