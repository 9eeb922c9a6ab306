//! A trace as columns, one row a span, for pages that show it: the format of docs/api.md.
//!
//! The tree is laid out once; then each row adds its values to all columns.

use hashbrown::HashMap;
use serde_json::{Map, json};

use super::cut::{Choice, number};
use super::layout::Layout;
use super::strings::{AttributeLists, StringTable};
use super::tree::{Attachment, NONE, Node, Tree};
use crate::columns::Columns;
use crate::jaeger::adjust::is_empty_link;
use crate::jaeger::names;
use crate::jaeger::text::write_hex;
use crate::jaeger::trace::{Span, Trace};

pub const VERSION: u32 = 1;

const STATUS_ERROR: i32 = 2;
const LAST_KIND: i32 = 5;
const CYCLE_WARNING: &str = "the parent is one of the span's own descendants; shown as a root";

/// Bits of the column `flags`.
const IS_ERROR: u8 = 1;
const IS_ORPHAN: u8 = 2;
const HAS_WARNINGS: u8 = 4;
const IS_CUT_BELOW: u8 = 8;

/// The trace, or what is below the span `root`; `None` where that has no span. Of what `choice`
/// left out each row tells how much is missing below it.
pub fn write(
    columns: &Columns,
    trace: &Trace,
    root: Option<u64>,
    choice: Option<&Choice>,
) -> Option<Vec<u8>> {
    let nodes: Vec<Node> = trace.spans.iter().map(node).collect();
    let tree = Tree::new(&nodes);
    let top = match root {
        Some(id) => Some((0..tree.len()).find(|&row| nodes[tree.nodes[row] as usize].id == id)?),
        None => None,
    };
    let rows = top.map_or(0..tree.len(), |top| top..tree.next[top] as usize);
    let shown = || rows.clone().map(|row| &trace.spans[tree.nodes[row] as usize]);
    let base = shown().map(|span| span.start_time_unix_nano).min()?;
    let hidden = choice.map(|choice| choice.hidden.clone()).unwrap_or_default();
    let mut writer = Writer::new(columns, trace, base, hidden);
    for row in rows.clone() {
        writer.place(&tree, row, rows.start);
        writer.span(&trace.spans[tree.nodes[row] as usize], tree.attachments[row]);
    }
    let left_out = choice.map_or(0, |choice| choice.left_out);
    Some(writer.finish(rows.len() + left_out))
}

fn node(span: &Span) -> Node {
    Node {
        id: number(&span.span_id),
        parent: number(&span.parent_span_id),
        start_time_unix_nano: span.start_time_unix_nano,
    }
}

/// The columns while rows are added.
struct Writer<'a> {
    columns: &'a Columns,
    trace: &'a Trace,
    base_unix_nano: u64,
    /// Descendants left out, by the id of spans that were not reached yet.
    hidden_below: HashMap<u64, u32>,
    strings: StringTable<'a>,
    span_ids: Vec<u8>,
    parent_span_ids: Vec<u8>,
    parents: Vec<i32>,
    next: Vec<i32>,
    depths: Vec<i32>,
    starts: Vec<f64>,
    durations: Vec<f64>,
    shifts: Vec<f64>,
    services: Vec<u32>,
    names: Vec<u32>,
    kinds: Vec<u8>,
    statuses: Vec<u8>,
    flags: Vec<u8>,
    hidden: Vec<u32>,
    status_messages: Vec<u32>,
    trace_states: Vec<u32>,
    resources: Vec<u32>,
    scopes: Vec<u32>,
    dropped: Vec<u32>,
    attributes: AttributeLists,
    warning_begin: Vec<u32>,
    warnings: Vec<u32>,
    events: Events,
    links: Links,
    resource_table: Table,
    scope_table: Table,
    scope_names: Vec<u32>,
    scope_versions: Vec<u32>,
    /// By number of the resource.
    resource_services: Vec<u32>,
}

#[derive(Default)]
struct Events {
    begin: Vec<u32>,
    times: Vec<f64>,
    names: Vec<u32>,
    attributes: AttributeLists,
}

#[derive(Default)]
struct Links {
    begin: Vec<u32>,
    trace_ids: Vec<u8>,
    span_ids: Vec<u8>,
    attributes: AttributeLists,
}

/// Resources or scopes in the order they are met.
struct Table {
    /// By row in the columns, `NONE` until it is met.
    numbers: Vec<u32>,
    attributes: AttributeLists,
    len: u32,
}

impl Table {
    fn new(rows: usize) -> Self {
        Self { numbers: vec![NONE; rows], attributes: AttributeLists::default(), len: 0 }
    }

    /// The number of a row, and whether it is met for the first time.
    fn number(&mut self, row: usize) -> (u32, bool) {
        let is_new = self.numbers[row] == NONE;
        if is_new {
            self.numbers[row] = self.len;
            self.len += 1;
        }
        (self.numbers[row], is_new)
    }
}

impl<'a> Writer<'a> {
    fn new(
        columns: &'a Columns,
        trace: &'a Trace,
        base_unix_nano: u64,
        hidden_below: HashMap<u64, u32>,
    ) -> Self {
        Self {
            columns,
            trace,
            base_unix_nano,
            hidden_below,
            strings: StringTable::new(columns),
            span_ids: vec![],
            parent_span_ids: vec![],
            parents: vec![],
            next: vec![],
            depths: vec![],
            starts: vec![],
            durations: vec![],
            shifts: vec![],
            services: vec![],
            names: vec![],
            kinds: vec![],
            statuses: vec![],
            flags: vec![],
            hidden: vec![],
            status_messages: vec![],
            trace_states: vec![],
            resources: vec![],
            scopes: vec![],
            dropped: vec![],
            attributes: AttributeLists::default(),
            warning_begin: vec![0],
            warnings: vec![],
            events: Events { begin: vec![0], ..Events::default() },
            links: Links { begin: vec![0], ..Links::default() },
            resource_table: Table::new(columns.resources.present.len()),
            scope_table: Table::new(columns.scopes.present.len()),
            scope_names: vec![],
            scope_versions: vec![],
            resource_services: vec![],
        }
    }

    /// Where a row of the tree stands; row `first` of it is row 0 here.
    fn place(&mut self, tree: &Tree, row: usize, first: usize) {
        let parent = tree.parents[row];
        let is_top = row == first || parent == NONE;
        self.parents.push(if is_top { -1 } else { (parent as usize - first) as i32 });
        self.next.push((tree.next[row] as usize - first) as i32);
        self.depths.push((tree.depths[row] - tree.depths[first]) as i32);
    }

    fn span(&mut self, span: &Span, attachment: Attachment) {
        let (spans, row) = (&self.columns.spans, span.row);
        self.span_ids.extend_from_slice(&span.span_id);
        self.parent_span_ids.extend_from_slice(&span.parent_span_id);
        self.starts.push(self.since_base(span.start_time_unix_nano));
        self.durations.push(span.duration_nanos() as f64);
        self.shifts.push(span.shift_nanos as f64);
        let resource = self.resource(self.columns.resource_of(row));
        self.resources.push(resource);
        self.services.push(self.resource_services[resource as usize]);
        let scope = self.scope(spans.scope[row] as usize);
        self.scopes.push(scope);
        let name = match self.columns.name(spans.name[row]) {
            b"" => self.strings.intern(names::EMPTY_SPAN_NAME),
            _ => self.strings.name(spans.name[row]),
        };
        self.names.push(name);
        let kind = spans.kind[row];
        self.kinds.push(if (0..=LAST_KIND).contains(&kind) { kind as u8 } else { 0 });
        let status = spans.status_code[row];
        self.statuses.push(if (0..=STATUS_ERROR).contains(&status) { status as u8 } else { 0 });
        self.status_messages.push(self.strings.intern(spans.status_message.get(row)));
        self.trace_states.push(self.strings.intern(spans.trace_state.get(row)));
        self.dropped.extend_from_slice(&[
            spans.dropped_attributes_count[row],
            spans.dropped_events_count[row],
            spans.dropped_links_count[row],
        ]);
        let shown = spans.attributes.range(row).filter(|row| !span.hidden_attributes.contains(row));
        self.attributes.add(&mut self.strings, &spans.attributes, shown);
        self.attributes.end_owner();
        self.events(span);
        self.links(span);
        self.warnings(span, attachment);
        self.flags(span, attachment);
    }

    fn since_base(&self, time_unix_nano: u64) -> f64 {
        (i128::from(time_unix_nano) - i128::from(self.base_unix_nano)) as f64
    }

    fn events(&mut self, span: &Span) {
        let events = &self.columns.events;
        let mut rows: Vec<usize> = self.columns.spans.events(span.row).collect();
        rows.sort_by_key(|&event| events.time_unix_nano[event]);
        for event in rows {
            let time = events.time_unix_nano[event].saturating_add_signed(span.shift_nanos);
            self.events.times.push(self.since_base(time));
            self.events.names.push(self.strings.name(events.name[event]));
            let attributes = &events.attributes;
            let of_event = attributes.range(event);
            self.events.attributes.add(&mut self.strings, attributes, of_event);
            self.events.attributes.end_owner();
        }
        self.events.begin.push(self.events.times.len() as u32);
    }

    fn links(&mut self, span: &Span) {
        let links = &self.columns.links;
        for link in self.columns.spans.links(span.row) {
            if self.trace.adjusted && is_empty_link(self.columns, link) {
                continue;
            }
            self.links.trace_ids.extend_from_slice(&links.trace_id[link]);
            self.links.span_ids.extend_from_slice(&links.span_id[link]);
            let of_link = links.attributes.range(link);
            self.links.attributes.add(&mut self.strings, &links.attributes, of_link);
            self.links.attributes.end_owner();
        }
        self.links.begin.push((self.links.span_ids.len() / 8) as u32);
    }

    fn warnings(&mut self, span: &Span, attachment: Attachment) {
        let of_cycle = (attachment == Attachment::CycleBroken).then_some(CYCLE_WARNING);
        for warning in span.warnings.iter().map(String::as_str).chain(of_cycle) {
            self.warnings.push(self.strings.intern(warning.as_bytes()));
        }
        self.warning_begin.push(self.warnings.len() as u32);
    }

    /// The flags and the number of spans left out below, which the warnings are known for.
    fn flags(&mut self, span: &Span, attachment: Attachment) {
        // By the id it is stored with, which an adjuster may have replaced.
        let id = number(&self.columns.spans.span_id[span.row]);
        let hidden = self.hidden_below.remove(&id).unwrap_or(0);
        self.hidden.push(hidden);
        let [.., before, after] = self.warning_begin[..] else { unreachable!("one ends each row") };
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        self.flags.push(
            bit(self.columns.spans.status_code[span.row] == STATUS_ERROR, IS_ERROR)
                | bit(attachment == Attachment::Orphan, IS_ORPHAN)
                | bit(after > before, HAS_WARNINGS)
                | bit(hidden > 0, IS_CUT_BELOW),
        );
    }

    fn resource(&mut self, row: usize) -> u32 {
        let (number, is_new) = self.resource_table.number(row);
        if is_new {
            let columns = self.columns;
            self.resource_services.push(self.strings.intern(names::service_name(columns, row)));
            let lists = &mut self.resource_table.attributes;
            let own = &columns.resources.attributes;
            lists.add(&mut self.strings, own, own.range(row));
            let moved = self.trace.moved_attributes.get(&row).into_iter().flatten().copied();
            lists.add(&mut self.strings, &columns.spans.attributes, moved);
            lists.end_owner();
        }
        number
    }

    fn scope(&mut self, row: usize) -> u32 {
        let (number, is_new) = self.scope_table.number(row);
        if is_new {
            let scopes = &self.columns.scopes;
            self.scope_names.push(self.strings.intern(scopes.name.get(row)));
            self.scope_versions.push(self.strings.intern(scopes.version.get(row)));
            let lists = &mut self.scope_table.attributes;
            lists.add(&mut self.strings, &scopes.attributes, scopes.attributes.range(row));
            lists.end_owner();
        }
        number
    }

    fn finish(self, total: usize) -> Vec<u8> {
        let mut trace_id = Vec::new();
        write_hex(&mut trace_id, &self.trace.trace_id);
        let fields = Map::from_iter([
            ("version".to_owned(), json!(VERSION)),
            ("trace_id".to_owned(), json!(String::from_utf8_lossy(&trace_id))),
            ("base_unix_nano".to_owned(), json!(self.base_unix_nano.to_string())),
            ("count".to_owned(), json!(self.parents.len())),
            ("total".to_owned(), json!(total)),
        ]);
        let mut layout = Layout::default();
        self.put_rows(&mut layout);
        self.put_lists(&mut layout);
        self.strings.put(&mut layout);
        layout.finish(fields)
    }

    fn put_rows(&self, layout: &mut Layout) {
        layout.put_f64("start", &self.starts);
        layout.put_f64("duration", &self.durations);
        layout.put_f64("shift", &self.shifts);
        layout.put_u8("span_id", &self.span_ids);
        layout.put_u8("parent_span_id", &self.parent_span_ids);
        layout.put_i32("parent", &self.parents);
        layout.put_i32("next", &self.next);
        layout.put_i32("depth", &self.depths);
        layout.put_u32("service", &self.services);
        layout.put_u32("name", &self.names);
        layout.put_u8("kind", &self.kinds);
        layout.put_u8("status", &self.statuses);
        layout.put_u8("flags", &self.flags);
        layout.put_u32("hidden", &self.hidden);
        layout.put_u32("status_message", &self.status_messages);
        layout.put_u32("trace_state", &self.trace_states);
        layout.put_u32("resource", &self.resources);
        layout.put_u32("scope", &self.scopes);
        layout.put_u32("dropped", &self.dropped);
    }

    fn put_lists(&self, layout: &mut Layout) {
        self.attributes.put(layout, "attribute");
        layout.put_u32("event_begin", &self.events.begin);
        layout.put_f64("event_time", &self.events.times);
        layout.put_u32("event_name", &self.events.names);
        self.events.attributes.put(layout, "event_attribute");
        layout.put_u32("link_begin", &self.links.begin);
        layout.put_u8("link_trace_id", &self.links.trace_ids);
        layout.put_u8("link_span_id", &self.links.span_ids);
        self.links.attributes.put(layout, "link_attribute");
        layout.put_u32("warning_begin", &self.warning_begin);
        layout.put_u32("warning", &self.warnings);
        self.resource_table.attributes.put(layout, "resource_attribute");
        layout.put_u32("scope_name", &self.scope_names);
        layout.put_u32("scope_version", &self.scope_versions);
        self.scope_table.attributes.put(layout, "scope_attribute");
    }
}
