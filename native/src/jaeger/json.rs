//! Traces in the JSON of Jaeger's v1 API: what its UI and Grafana read.
//!
//! Source: Jaeger 2.20 `/api/traces`; OTLP to Jaeger as the Collector's translator maps it. What
//! the format has no place for is left out: scope attributes, link attributes, dropped counts and
//! times below a microsecond.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::adjust::is_empty_link;
use super::names;
use super::text::{
    double, integer, write_hex, write_integer, write_string, write_trace_id, write_typed_value,
};
use super::trace::{Span, Trace};
use crate::columns::{Attributes, Columns, Strings, ValueType};

const STATUS_OK: i32 = 1;
const STATUS_ERROR: i32 = 2;
/// What a process without any attribute is called by the Collector's translator.
const NO_SERVICE_NAME: &[u8] = b"OTLPResourceNoServiceName";

/// Bit of the W3C trace flags.
const SAMPLED: u32 = 1;
/// By OTLP's number; the first is "unspecified" and has no tag.
const SPAN_KINDS: [&[u8]; 6] = [b"", b"internal", b"server", b"client", b"producer", b"consumer"];

/// Whose names spans without one are shown with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// As stored: under the names the store finds them by.
    Stored,
    /// As given: what has no name stays without.
    Given,
}

/// The JSON array of these traces. A trace must have spans.
pub fn write_traces(columns: &Columns, traces: &[Trace], naming: Naming) -> Vec<u8> {
    let mut writer = Writer::new(columns, naming);
    writer.out.push(b'[');
    for trace in traces {
        writer.separate();
        writer.trace(trace);
    }
    writer.out.push(b']');
    writer.out
}

struct Writer<'a> {
    columns: &'a Columns,
    naming: Naming,
    out: Vec<u8>,
    /// `{"key":"…",` of every attribute key.
    tag_heads: Strings,
    /// Place of every attribute key in the order of keys.
    ranks: Vec<u32>,
    service_name: Option<u32>,
    /// Keys whose numbers are IPv4 addresses.
    addresses: [Option<u32>; 2],
    event: Option<u32>,
    reference_type: Option<u32>,
    /// Scratch of `tags`.
    rows: Vec<usize>,
}

impl<'a> Writer<'a> {
    fn new(columns: &'a Columns, naming: Naming) -> Self {
        let keys = &columns.keys;
        let mut tag_heads = Strings::default();
        for key in keys.strings.iter() {
            tag_heads.data.extend_from_slice(b"{\"key\":");
            write_string(&mut tag_heads.data, key);
            tag_heads.data.push(b',');
            tag_heads.end_row();
        }
        let mut sorted: Vec<usize> = (0..keys.strings.len()).collect();
        sorted.sort_unstable_by_key(|&row| keys.strings.get(row));
        let mut ranks = vec![0; sorted.len()];
        for (rank, row) in sorted.into_iter().enumerate() {
            ranks[row] = rank as u32;
        }
        Self {
            columns,
            naming,
            out: Vec::with_capacity(1024 + columns.len() * 1024),
            tag_heads,
            ranks,
            service_name: keys.find(names::SERVICE_NAME_KEY),
            addresses: [keys.find(b"ip"), keys.find(b"peer.ipv4")],
            event: keys.find(b"event"),
            reference_type: keys.find(b"opentracing.ref_type"),
            rows: vec![],
        }
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// The comma before an element, unless it is the first of its array or object.
    fn separate(&mut self) {
        if !matches!(self.out.last(), Some(b'[' | b'{')) {
            self.out.push(b',');
        }
    }

    fn trace(&mut self, trace: &Trace) {
        self.raw("{\"traceID\":\"");
        write_trace_id(&mut self.out, &trace.trace_id);
        self.raw("\",\"spans\":[");
        let mut processes = Processes::default();
        for span in &trace.spans {
            let resource = self.columns.resource_of(span.row);
            let process = match processes.of_resource.get(&resource) {
                Some(&process) => process,
                None => processes.add(resource, self.process(trace, resource)),
            };
            self.span(trace, span, process);
        }
        self.raw("],\"processes\":{");
        for (number, process) in processes.in_order() {
            self.separate();
            self.raw("\"p");
            write_integer(&mut self.out, number);
            self.raw("\":");
            self.out.extend_from_slice(&process);
        }
        self.raw("},\"warnings\":null}");
    }

    /// The JSON of the process a resource is shown as.
    fn process(&mut self, trace: &Trace, resource: usize) -> Vec<u8> {
        let start = self.out.len();
        let attributes = &self.columns.resources.attributes;
        let service = self.service(resource);
        self.raw("{\"serviceName\":");
        write_string(&mut self.out, service);
        self.raw(",\"tags\":[");
        let service_name = self.service_name;
        let is_tag = |row: usize| Some(attributes.keys[row]) != service_name;
        self.tags(attributes, resource, trace.adjusted, trace.adjusted, is_tag);
        for &row in trace.moved_attributes.get(&resource).into_iter().flatten() {
            self.tag(&self.columns.spans.attributes, row, false);
        }
        self.raw("]}");
        self.out.split_off(start)
    }

    fn service(&self, resource: usize) -> &'a [u8] {
        let attributes = &self.columns.resources.attributes;
        if self.naming == Naming::Stored {
            return names::service_name(self.columns, resource);
        }
        if attributes.range(resource).is_empty() {
            return NO_SERVICE_NAME;
        }
        self.service_name
            .and_then(|key| attributes.find(resource, key))
            .filter(|&row| attributes.types[row] == ValueType::String)
            .map_or(b"", |row| attributes.values.get(row))
    }

    fn span(&mut self, trace: &Trace, span: &Span, process: usize) {
        let spans = &self.columns.spans;
        self.separate();
        self.raw("{\"traceID\":\"");
        write_trace_id(&mut self.out, &trace.trace_id);
        self.raw("\",\"spanID\":\"");
        write_hex(&mut self.out, &span.span_id);
        self.raw(if spans.flags[span.row] & SAMPLED != 0 { "\",\"flags\":1" } else { "\"" });
        self.raw(",\"operationName\":");
        let name = match self.naming {
            Naming::Stored => names::span_name(self.columns, spans.name[span.row]),
            Naming::Given => self.columns.name(spans.name[span.row]),
        };
        write_string(&mut self.out, name);
        self.raw(",\"references\":[");
        self.references(trace, span);
        self.raw("],\"startTime\":");
        write_integer(&mut self.out, span.start_time_unix_nano / 1000);
        self.raw(",\"duration\":");
        write_integer(&mut self.out, span.duration_nanos() / 1000);
        self.raw(",\"tags\":[");
        self.span_tags(trace, span);
        self.raw("],\"logs\":[");
        self.logs(trace, span);
        self.raw("],\"processID\":\"p");
        write_integer(&mut self.out, process);
        self.raw("\",\"warnings\":");
        if span.warnings.is_empty() {
            self.raw("null}");
            return;
        }
        self.raw("[");
        for warning in &span.warnings {
            self.separate();
            write_string(&mut self.out, warning.as_bytes());
        }
        self.raw("]}");
    }

    /// The parent first, then the links. A link to the parent says what kind of parent it is.
    fn references(&mut self, trace: &Trace, span: &Span) {
        let links = &self.columns.links;
        let mut references: Vec<(bool, [u8; 16], [u8; 8])> = Vec::new();
        if span.parent_span_id != [0; 8] {
            references.push((true, trace.trace_id, span.parent_span_id));
        }
        for link in self.columns.spans.links(span.row) {
            if trace.adjusted && is_empty_link(self.columns, link) {
                continue;
            }
            let is_child = self
                .reference_type
                .and_then(|key| links.attributes.find(link, key))
                .is_some_and(|row| links.attributes.values.get(row) == b"child_of");
            let target = (links.trace_id[link], links.span_id[link]);
            if target == (trace.trace_id, span.parent_span_id) && target.1 != [0; 8] {
                references[0].0 = is_child;
            } else {
                references.push((is_child, target.0, target.1));
            }
        }
        for (is_child, trace_id, span_id) in &references {
            self.separate();
            self.raw("{\"refType\":\"");
            self.raw(if *is_child { "CHILD_OF" } else { "FOLLOWS_FROM" });
            self.raw("\",\"traceID\":\"");
            write_trace_id(&mut self.out, trace_id);
            self.raw("\",\"spanID\":\"");
            write_hex(&mut self.out, span_id);
            self.raw("\"}");
        }
    }

    fn span_tags(&mut self, trace: &Trace, span: &Span) {
        let (spans, row) = (&self.columns.spans, span.row);
        let scope = spans.scope[row] as usize;
        self.text_tag("otel.scope.name", self.columns.scopes.name.get(scope));
        self.text_tag("otel.scope.version", self.columns.scopes.version.get(scope));
        let is_tag = |row: usize| !span.hidden_attributes.contains(&row);
        self.tags(&spans.attributes, row, trace.adjusted, trace.adjusted, is_tag);
        let kind = usize::try_from(spans.kind[row]).ok().and_then(|kind| SPAN_KINDS.get(kind));
        self.text_tag("span.kind", kind.copied().unwrap_or_default());
        match spans.status_code[row] {
            STATUS_OK => self.text_tag("otel.status_code", b"OK"),
            STATUS_ERROR => {
                self.text_tag("otel.status_code", b"ERROR");
                self.raw(",{\"key\":\"error\",\"type\":\"bool\",\"value\":true}");
            }
            _ => {}
        }
        self.text_tag("otel.status_description", spans.status_message.get(row));
        self.text_tag("w3c.tracestate", spans.trace_state.get(row));
    }

    /// Events as logs: the name is the field `event`, unless an attribute already is.
    fn logs(&mut self, trace: &Trace, span: &Span) {
        let events = &self.columns.events;
        let mut rows: Vec<usize> = self.columns.spans.events(span.row).collect();
        if trace.adjusted {
            rows.sort_by_key(|&event| events.time_unix_nano[event]);
        }
        for event in rows {
            self.separate();
            self.raw("{\"timestamp\":");
            let time = events.time_unix_nano[event].saturating_add_signed(span.shift_nanos);
            write_integer(&mut self.out, time / 1000);
            self.raw(",\"fields\":[");
            let attributes = &events.attributes;
            if self.event.and_then(|key| attributes.find(event, key)).is_none() {
                self.text_tag("event", self.columns.name(events.name[event]));
            }
            self.tags(attributes, event, trace.adjusted, false, |_| true);
            self.raw("]}");
        }
    }

    /// A tag of ours; none where there is nothing to say.
    fn text_tag(&mut self, key: &str, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        self.separate();
        self.raw("{\"key\":\"");
        self.raw(key);
        self.raw("\",\"type\":\"string\",\"value\":");
        write_string(&mut self.out, value);
        self.out.push(b'}');
    }

    /// The attributes of an owner that `is_tag` lets through; `sorted` by key or as they came;
    /// with `addresses`, numbers that are IPv4 addresses are written out.
    fn tags(
        &mut self,
        attributes: &Attributes,
        owner: usize,
        sorted: bool,
        addresses: bool,
        is_tag: impl Fn(usize) -> bool,
    ) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        rows.extend(attributes.range(owner).filter(|&row| is_tag(row)));
        if sorted {
            rows.sort_by_key(|&row| self.ranks[attributes.keys[row] as usize]);
        }
        for &row in &rows {
            self.tag(attributes, row, addresses);
        }
        self.rows = rows;
    }

    fn tag(&mut self, attributes: &Attributes, row: usize, addresses: bool) {
        let (key, value_type, value) =
            (attributes.keys[row], attributes.types[row], attributes.values.get(row));
        self.separate();
        self.out.extend_from_slice(self.tag_heads.get(key as usize));
        match value_type {
            ValueType::Int if addresses && self.addresses.contains(&Some(key)) => {
                self.address(integer(value) as u32);
            }
            ValueType::Double if addresses && self.addresses.contains(&Some(key)) => {
                self.address(double(value) as i64 as u32);
            }
            _ => write_typed_value(&mut self.out, value_type, value),
        }
        self.out.push(b'}');
    }

    fn address(&mut self, number: u32) {
        let address = Ipv4Addr::from(number).to_string();
        write_typed_value(&mut self.out, ValueType::String, address.as_bytes());
    }
}

/// The processes of one trace: resources that look the same are one.
#[derive(Default)]
struct Processes {
    /// Number of the process, from 1, by resource row.
    of_resource: HashMap<usize, usize>,
    numbers: HashMap<Vec<u8>, usize>,
}

impl Processes {
    fn add(&mut self, resource: usize, json: Vec<u8>) -> usize {
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(json).or_insert(next);
        self.of_resource.insert(resource, number);
        number
    }

    fn in_order(self) -> Vec<(usize, Vec<u8>)> {
        let mut all: Vec<_> =
            self.numbers.into_iter().map(|(json, number)| (number, json)).collect();
        all.sort_unstable();
        all
    }
}
