//! Columns with some of their parts replaced; the others are copied as they are.

use crate::columns::{Attributes, Columns, Interner, Resources, Spans, Strings};

/// The parts a processor replaces.
#[derive(Default)]
pub struct Changes {
    pub keys: Option<Interner>,
    pub names: Option<Interner>,
    pub resources: Option<Resources>,
    pub span_attributes: Option<Attributes>,
    pub span_name: Option<Vec<u32>>,
    /// Presence bits, codes and messages.
    pub span_status: Option<(Vec<u8>, Vec<i32>, Strings)>,
}

impl Changes {
    /// The changed columns; `None` when no span or resource is another than before.
    pub fn apply(self, columns: &Columns) -> Option<Columns> {
        let unchanged = self.resources.is_none()
            && self.span_attributes.is_none()
            && self.span_name.is_none()
            && self.span_status.is_none();
        if unchanged {
            return None;
        }
        let spans = &columns.spans;
        let (presence, status_code, status_message) = self.span_status.unwrap_or_else(|| {
            (spans.presence.clone(), spans.status_code.clone(), spans.status_message.clone())
        });
        Some(Columns {
            keys: self.keys.unwrap_or_else(|| columns.keys.clone()),
            names: self.names.unwrap_or_else(|| columns.names.clone()),
            resources: self.resources.unwrap_or_else(|| columns.resources.clone()),
            scopes: columns.scopes.clone(),
            events: columns.events.clone(),
            links: columns.links.clone(),
            spans: Spans {
                scope: spans.scope.clone(),
                presence,
                trace_id: spans.trace_id.clone(),
                span_id: spans.span_id.clone(),
                parent_span_id: spans.parent_span_id.clone(),
                trace_state: spans.trace_state.clone(),
                name: self.span_name.unwrap_or_else(|| spans.name.clone()),
                kind: spans.kind.clone(),
                start_time_unix_nano: spans.start_time_unix_nano.clone(),
                end_time_unix_nano: spans.end_time_unix_nano.clone(),
                flags: spans.flags.clone(),
                status_code,
                status_message,
                attributes: self.span_attributes.unwrap_or_else(|| spans.attributes.clone()),
                dropped_attributes_count: spans.dropped_attributes_count.clone(),
                dropped_events_count: spans.dropped_events_count.clone(),
                dropped_links_count: spans.dropped_links_count.clone(),
                event_offsets: spans.event_offsets.clone(),
                link_offsets: spans.link_offsets.clone(),
            },
        })
    }
}
