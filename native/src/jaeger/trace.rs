//! One trace as it is to be shown: its spans by row, and what differs from the columns.

use std::collections::HashMap;

use super::text::go_duration;
use crate::columns::{Columns, ValueType};
use crate::otlp::value::for_each_nested;

/// The attribute in which Jaeger keeps a span's warnings when it stores them.
const WARNINGS_KEY: &[u8] = b"@jaeger@warnings";

/// A span as it is to be shown.
pub struct Span {
    /// Row in `Columns::spans`.
    pub row: usize,
    pub span_id: [u8; 8],
    /// Zero for a root.
    pub parent_span_id: [u8; 8],
    pub start_time_unix_nano: u64,
    /// Not before the start.
    pub end_time_unix_nano: u64,
    /// What is to be added to the times of the span's events.
    pub shift_nanos: i64,
    pub warnings: Vec<String>,
    /// Rows of the span's attributes that are not shown as its tags.
    pub hidden_attributes: Vec<usize>,
}

pub struct Trace {
    pub trace_id: [u8; 16],
    pub spans: Vec<Span>,
    /// Whether the adjusters ran: tags are then sorted, addresses written out, empty links left
    /// out.
    pub adjusted: bool,
    /// Span attributes shown with the process instead, by resource row.
    pub moved_attributes: HashMap<usize, Vec<usize>>,
}

/// Every trace of the columns: spans in the order of their rows, traces by first appearance.
pub fn traces_by_appearance(columns: &Columns) -> Vec<Trace> {
    let mut places = HashMap::new();
    let mut traces: Vec<Trace> = Vec::new();
    for (row, trace_id) in columns.spans.trace_id.iter().enumerate() {
        let place = *places.entry(trace_id).or_insert_with(|| {
            traces.push(Trace::new(*trace_id));
            traces.len() - 1
        });
        traces[place].spans.push(Span::new(columns, row));
    }
    traces
}

/// The traces with these ids, in this order, as they are shown from storage: spans by start time.
/// The ids without spans come second. An id given twice counts once.
pub fn stored_traces(columns: &Columns, trace_ids: &[[u8; 16]]) -> (Vec<Trace>, Vec<[u8; 16]>) {
    let mut found: HashMap<[u8; 16], Trace> =
        traces_by_appearance(columns).into_iter().map(|trace| (trace.trace_id, trace)).collect();
    let missing = trace_ids.iter().filter(|id| !found.contains_key(*id)).copied().collect();
    let mut traces: Vec<Trace> = trace_ids.iter().filter_map(|id| found.remove(id)).collect();
    let warnings_key = columns.keys.find(WARNINGS_KEY);
    for trace in &mut traces {
        trace.spans.sort_by_key(|span| span.start_time_unix_nano);
        for span in &mut trace.spans {
            if let Some(key) = warnings_key {
                span.take_stored_warnings(columns, key);
            }
            span.warn_of_negative_duration(columns);
        }
    }
    (traces, missing)
}

impl Trace {
    fn new(trace_id: [u8; 16]) -> Self {
        Self { trace_id, spans: vec![], adjusted: false, moved_attributes: HashMap::new() }
    }
}

impl Span {
    fn new(columns: &Columns, row: usize) -> Self {
        let spans = &columns.spans;
        let start = spans.start_time_unix_nano[row];
        Self {
            row,
            span_id: spans.span_id[row],
            parent_span_id: spans.parent_span_id[row],
            start_time_unix_nano: start,
            end_time_unix_nano: spans.end_time_unix_nano[row].max(start),
            shift_nanos: 0,
            warnings: vec![],
            hidden_attributes: vec![],
        }
    }

    pub fn duration_nanos(&self) -> u64 {
        self.end_time_unix_nano - self.start_time_unix_nano
    }

    fn take_stored_warnings(&mut self, columns: &Columns, key: u32) {
        let attributes = &columns.spans.attributes;
        let Some(row) = attributes.find(self.row, key) else { return };
        self.hidden_attributes.push(row);
        if attributes.types[row] == ValueType::Array {
            let warnings = &mut self.warnings;
            let _ = for_each_nested(attributes.values.get(row), ValueType::Array, |value| {
                warnings.push(String::from_utf8_lossy(value.value()).into_owned());
            });
        }
    }

    fn warn_of_negative_duration(&mut self, columns: &Columns) {
        let end = columns.spans.end_time_unix_nano[self.row];
        if let Some(early) = self.start_time_unix_nano.checked_sub(end).filter(|&early| early > 0) {
            let early = go_duration(i64::try_from(early).unwrap_or(i64::MAX));
            self.warnings.push(format!(
                "Negative duration detected: the span ends {early} before it starts, shown as 0s"
            ));
        }
    }
}
