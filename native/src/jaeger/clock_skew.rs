//! Clock skew: a child that seems to run outside its parent on another host is moved inside.
//!
//! Walks every tree of a trace from its roots down. A span on the same host as its parent moves
//! with it; one on another (or unknown) host is compared with the parent, which by then stands
//! where it belongs.

use std::collections::HashMap;

use super::text::go_duration;
use super::trace::{Span, Trace};
use crate::columns::{Columns, ValueType};
use crate::otlp::value::for_each_nested;

/// Moves the spans of a trace where clocks disagree, at most by `max_nanos`, and says so in their
/// warnings; warns of ids given twice and of parents that are not there.
pub fn correct(columns: &Columns, trace: &mut Trace, max_nanos: u64) {
    let tree = Tree::new(trace);
    let hosts: HashMap<usize, Vec<u8>> = trace
        .spans
        .iter()
        .map(|span| columns.resource_of(span.row))
        .map(|resource| (resource, host_key(columns, resource)))
        .collect();
    let host = |span: &Span| hosts[&columns.resource_of(span.row)].as_slice();
    // Node, its parent, and the skew of the parent's host.
    let mut open: Vec<(usize, Option<usize>, i64)> =
        tree.roots.iter().rev().map(|&root| (root, None, 0)).collect();
    while let Some((node, parent, mut skew_nanos)) = open.pop() {
        if let Some(parent) = parent {
            let (child, parent) = (&trace.spans[node], &trace.spans[parent]);
            if host(child).is_empty() || host(child) != host(parent) {
                skew_nanos = skew(child, parent);
            }
        }
        shift(&mut trace.spans[node], skew_nanos, max_nanos);
        let children = tree.children[node].iter().rev();
        open.extend(children.map(|&child| (child, Some(node), skew_nanos)));
    }
}

/// Spans by place in the trace. Of spans that share an id only the first takes part.
struct Tree {
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
}

impl Tree {
    fn new(trace: &mut Trace) -> Self {
        let mut places = HashMap::with_capacity(trace.spans.len());
        let mut members = Vec::with_capacity(trace.spans.len());
        for (place, span) in trace.spans.iter_mut().enumerate() {
            if *places.entry(span.span_id).or_insert(place) == place {
                members.push(place);
            } else {
                let warning = "duplicate span IDs; skipping clock skew adjustment";
                span.warnings.push(warning.to_owned());
            }
        }
        let mut tree = Self { roots: vec![], children: vec![vec![]; trace.spans.len()] };
        for place in members {
            let span = &mut trace.spans[place];
            if span.parent_span_id == [0; 8] {
                tree.roots.push(place);
            } else if let Some(&parent) = places.get(&span.parent_span_id) {
                tree.children[parent].push(place);
            } else {
                span.warnings.push(format!(
                    "parent span ID={:016x} is not in the trace; skipping clock skew adjustment",
                    u64::from_be_bytes(span.parent_span_id)
                ));
                tree.roots.push(place);
            }
        }
        tree
    }
}

/// What tells one host from another: `host.id`, else the first `host.ip`, else `host.name`;
/// empty where none is known.
fn host_key(columns: &Columns, resource: usize) -> Vec<u8> {
    let attributes = &columns.resources.attributes;
    let value = |name: &[u8]| {
        let row = attributes.find(resource, columns.keys.find(name)?)?;
        Some((attributes.types[row], attributes.values.get(row)))
    };
    let text = |(value_type, value): (ValueType, &[u8])| {
        if value_type == ValueType::String { value.to_vec() } else { vec![] }
    };
    if let Some(id) = value(b"host.id") {
        return text(id);
    }
    match value(b"host.ip") {
        Some((ValueType::String, ip)) => return ip.to_vec(),
        Some((ValueType::Array, ips)) => {
            let mut first: Option<Vec<u8>> = None;
            let _ = for_each_nested(ips, ValueType::Array, |ip| {
                first.get_or_insert_with(|| ip.value().to_vec());
            });
            if let Some(ip) = first {
                return ip;
            }
        }
        _ => {}
    }
    value(b"host.name").map(text).unwrap_or_default()
}

/// How far the child must move to lie inside its parent.
fn skew(child: &Span, parent: &Span) -> i64 {
    let (child_duration, parent_duration) = (child.duration_nanos(), parent.duration_nanos());
    let (child_start, parent_start) =
        (i128::from(child.start_time_unix_nano), i128::from(parent.start_time_unix_nano));
    // The parent of a longer child gave up waiting or never waited: all that is sure is that it
    // began first. Otherwise the way there and the way back are taken to be equally long.
    let is_longer = child_duration > parent_duration;
    let fits = child_start >= parent_start
        && (is_longer || child.end_time_unix_nano <= parent.end_time_unix_nano);
    if fits {
        return 0;
    }
    let latency = i128::from(parent_duration.saturating_sub(child_duration) / 2);
    (parent_start + latency - child_start).clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn shift(span: &mut Span, skew_nanos: i64, max_nanos: u64) {
    if skew_nanos == 0 {
        return;
    }
    let delta = go_duration(skew_nanos);
    if max_nanos == 0 {
        span.warnings.push(format!(
            "clock skew adjustment disabled; not applying calculated delta of {delta}"
        ));
    } else if skew_nanos.unsigned_abs() > max_nanos {
        let max = go_duration(i64::try_from(max_nanos).unwrap_or(i64::MAX));
        span.warnings.push(format!(
            "max clock skew adjustment delta of {max} exceeded; \
             not applying calculated delta of {delta}"
        ));
    } else {
        span.start_time_unix_nano = span.start_time_unix_nano.saturating_add_signed(skew_nanos);
        span.end_time_unix_nano = span.end_time_unix_nano.saturating_add_signed(skew_nanos);
        span.shift_nanos = skew_nanos;
        span.warnings.push(format!("This span's timestamps were adjusted by {delta}"));
    }
}
