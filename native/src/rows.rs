//! Spans as plain Python dictionaries: for tests, notebooks and people, not for the hot path.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::columns::{
    Attributes, Columns, HAS_PARENT_SPAN_ID, HAS_SPAN_ID, HAS_TRACE_ID, ValueType,
};
use crate::otlp::value::{for_each_nested, parse_key_value};
use crate::otlp::wire::Reader;

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// One dictionary a span, in row order.
pub fn rows<'py>(py: Python<'py>, columns: &Columns) -> PyResult<Bound<'py, PyList>> {
    let resources = (0..columns.resources.present.len())
        .map(|row| attributes(py, columns, &columns.resources.attributes, row))
        .collect::<PyResult<Vec<_>>>()?;
    let list = PyList::empty(py);
    for row in 0..columns.len() {
        list.append(span(py, columns, row, &resources)?)?;
    }
    Ok(list)
}

fn span<'py>(
    py: Python<'py>,
    columns: &Columns,
    row: usize,
    resources: &[Bound<'py, PyDict>],
) -> PyResult<Bound<'py, PyDict>> {
    let spans = &columns.spans;
    let scope = spans.scope[row] as usize;
    let id = |bit, bytes: &[u8]| if spans.has(row, bit) { hex(bytes) } else { String::new() };
    let dict = PyDict::new(py);
    dict.set_item("trace_id", id(HAS_TRACE_ID, &spans.trace_id[row]))?;
    dict.set_item("span_id", id(HAS_SPAN_ID, &spans.span_id[row]))?;
    dict.set_item("parent_span_id", id(HAS_PARENT_SPAN_ID, &spans.parent_span_id[row]))?;
    dict.set_item("trace_state", text(py, spans.trace_state.get(row)))?;
    dict.set_item("name", text(py, columns.name(spans.name[row])))?;
    dict.set_item("kind", label(&KINDS, spans.kind[row]))?;
    dict.set_item("start_time_unix_nano", spans.start_time_unix_nano[row])?;
    dict.set_item("end_time_unix_nano", spans.end_time_unix_nano[row])?;
    dict.set_item("status_code", label(&STATUSES, spans.status_code[row]))?;
    dict.set_item("status_message", text(py, spans.status_message.get(row)))?;
    dict.set_item("flags", spans.flags[row])?;
    dict.set_item("attributes", attributes(py, columns, &spans.attributes, row)?)?;
    dict.set_item("events", events(py, columns, row)?)?;
    dict.set_item("links", links(py, columns, row)?)?;
    dict.set_item("resource", resources[columns.scopes.resource[scope] as usize].copy()?)?;
    dict.set_item("scope_name", text(py, columns.scopes.name.get(scope)))?;
    dict.set_item("scope_version", text(py, columns.scopes.version.get(scope)))?;
    Ok(dict)
}

fn events<'py>(py: Python<'py>, columns: &Columns, row: usize) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for event in columns.spans.events(row) {
        let dict = PyDict::new(py);
        dict.set_item("time_unix_nano", columns.events.time_unix_nano[event])?;
        dict.set_item("name", text(py, columns.name(columns.events.name[event])))?;
        dict.set_item("attributes", attributes(py, columns, &columns.events.attributes, event)?)?;
        list.append(dict)?;
    }
    Ok(list)
}

fn links<'py>(py: Python<'py>, columns: &Columns, row: usize) -> PyResult<Bound<'py, PyList>> {
    let links = &columns.links;
    let list = PyList::empty(py);
    for link in columns.spans.links(row) {
        let id = |bit, bytes: &[u8]| {
            if links.presence[link] & bit != 0 { hex(bytes) } else { String::new() }
        };
        let dict = PyDict::new(py);
        dict.set_item("trace_id", id(HAS_TRACE_ID, &links.trace_id[link]))?;
        dict.set_item("span_id", id(HAS_SPAN_ID, &links.span_id[link]))?;
        dict.set_item("trace_state", text(py, links.trace_state.get(link)))?;
        dict.set_item("attributes", attributes(py, columns, &links.attributes, link)?)?;
        list.append(dict)?;
    }
    Ok(list)
}

fn attributes<'py>(
    py: Python<'py>,
    columns: &Columns,
    attributes: &Attributes,
    owner: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for row in attributes.range(owner) {
        let value = value(py, attributes.types[row], attributes.values.get(row))?;
        dict.set_item(text(py, columns.key(attributes.keys[row])), value)?;
    }
    Ok(dict)
}

fn value<'py>(py: Python<'py>, value_type: ValueType, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let scalar = || bytes.try_into().unwrap_or([0; 8]);
    Ok(match value_type {
        ValueType::Absent | ValueType::Empty => py.None().into_bound(py),
        ValueType::String => text(py, bytes).into_any(),
        ValueType::Bool => (bytes.first() == Some(&1)).into_pyobject(py)?.to_owned().into_any(),
        ValueType::Int => i64::from_le_bytes(scalar()).into_pyobject(py)?.into_any(),
        ValueType::Double => f64::from_le_bytes(scalar()).into_pyobject(py)?.into_any(),
        ValueType::Bytes => PyBytes::new(py, bytes).into_any(),
        ValueType::Verbatim => {
            let (attribute, _) = parse_key_value::<false>(Reader::new(bytes), 0).map_err(|f| *f)?;
            value(py, attribute.value_type, attribute.value())?
        }
        ValueType::Array => {
            let list = PyList::empty(py);
            let mut outcome = Ok(());
            for_each_nested(bytes, value_type, |item| {
                let appended =
                    value(py, item.value_type, item.value()).and_then(|item| list.append(item));
                if outcome.is_ok() {
                    outcome = appended;
                }
            })
            .map_err(|fault| *fault)?;
            outcome?;
            list.into_any()
        }
        ValueType::Map => {
            let dict = PyDict::new(py);
            let mut outcome = Ok(());
            for_each_nested(bytes, value_type, |item| {
                let set = value(py, item.value_type, item.value())
                    .and_then(|value| dict.set_item(text(py, item.key), value));
                if outcome.is_ok() {
                    outcome = set;
                }
            })
            .map_err(|fault| *fault)?;
            outcome?;
            dict.into_any()
        }
    })
}

fn text<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    PyString::new(py, &String::from_utf8_lossy(bytes))
}

fn label(names: &[&str], code: i32) -> String {
    let known = usize::try_from(code).ok().and_then(|index| names.get(index));
    known.map_or_else(|| code.to_string(), |name| (*name).to_owned())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
