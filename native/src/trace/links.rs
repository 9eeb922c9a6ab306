//! Spans that link to a trace, from whatever trace they are in.

use crate::columns::Columns;
use crate::jaeger::names::{service_name, span_name};

/// A span with a link.
pub struct LinkingSpan<'a> {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// The span that is linked to.
    pub target_span_id: [u8; 8],
    pub service: &'a [u8],
    pub operation: &'a [u8],
    pub start_time_unix_nano: u64,
}

/// Each link to the trace from a span of another one, in the order of the rows.
pub fn links_to<'a>(
    columns: &'a Columns,
    trace_id: [u8; 16],
) -> impl Iterator<Item = LinkingSpan<'a>> {
    let spans = &columns.spans;
    let rows = (0..spans.len()).filter(move |&row| spans.trace_id[row] != trace_id);
    let links = rows.flat_map(move |row| spans.links(row).map(move |link| (row, link)));
    links.filter(move |&(_, link)| columns.links.trace_id[link] == trace_id).map(
        move |(row, link)| LinkingSpan {
            trace_id: spans.trace_id[row],
            span_id: spans.span_id[row],
            target_span_id: columns.links.span_id[link],
            service: service_name(columns, columns.resource_of(row)),
            operation: span_name(columns, spans.name[row]),
            start_time_unix_nano: spans.start_time_unix_nano[row],
        },
    )
}
