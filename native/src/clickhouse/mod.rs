//! The store's side of ClickHouse: blocks of its tables from spans, and spans from its answers.
//!
//! `write` turns columns into a block of the `spans` table and `postings` into what finds them
//! again by their `terms`; `catalog` keeps the small tables; `read` is the way back. `block` and
//! `result` know the Native format, `attributes`, `dictionary`, `value` and `rest` parts of a span.
//! What the tables are for stands in docs/adr.

mod attributes;
mod block;
mod catalog;
mod dictionary;
mod postings;
mod read;
mod rest;
pub mod result;
mod terms;
mod value;
mod write;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::batch::{Payloads, SpanBatch};
use catalog::{Catalog, NewRows};
use postings::{Posting, Slicer};
use result::{Column, Fixed, read_blocks};
use write::SpanBlocks;

/// Spans in a slice of a minute: small enough to be read for one of them.
const SLICE_SPANS: u64 = 256;

/// Postings remembered as stored; when there are more, all are forgotten.
const REMEMBERED_POSTINGS: usize = 1 << 17;

/// Turns batches into blocks of the store's tables; remembers what makes the next ones smaller.
#[pyclass(frozen, module = "ananta._native")]
struct StoreEncoder {
    memory: Mutex<Memory>,
}

/// What is stored already and need not be stored again, and how full the minutes are.
struct Memory {
    slicer: Slicer,
    catalog: Catalog,
    /// Only of `period`: each partition has all postings of its spans.
    postings: HashSet<Posting>,
    period: u32,
}

/// One batch as blocks in ClickHouse's Native format.
#[pyclass(frozen, module = "ananta._native")]
struct StoreBlocks {
    period: u32,
    spans: Vec<u8>,
    postings: Vec<u8>,
    frequent: Vec<Posting>,
    new_rows: Vec<NewRows>,
}

impl StoreEncoder {
    /// The memory; a panic elsewhere leaves it usable.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl StoreEncoder {
    #[new]
    fn new() -> Self {
        let memory = Memory {
            slicer: Slicer::new(SLICE_SPANS),
            catalog: Catalog::default(),
            postings: HashSet::new(),
            period: 0,
        };
        Self { memory: Mutex::new(memory) }
    }

    /// The blocks of a batch for partitions of `period_seconds`; `now` in seconds since 1970.
    fn encode(
        &self,
        py: Python<'_>,
        batch: &SpanBatch,
        period_seconds: u32,
        now: u32,
    ) -> PyResult<StoreBlocks> {
        if period_seconds == 0 {
            return Err(PyValueError::new_err("period_seconds must be at least 1"));
        }
        py.detach(|| {
            let columns = batch.columns()?;
            let period = write::period(&columns, period_seconds, now);
            let mut memory = self.memory();
            let Memory { slicer, catalog, postings, period: remembered } = &mut *memory;
            let none = HashSet::new();
            let known = if *remembered == period { postings } else { &none };
            let SpanBlocks { spans, postings, frequent } =
                write::encode(&columns, slicer, known, period);
            let new_rows = catalog.new_rows(&columns, period);
            Ok(StoreBlocks { period, spans, postings, frequent, new_rows })
        })
    }

    /// To be called once the blocks are stored: what they hold is not given again.
    fn remember(&self, blocks: &StoreBlocks) {
        let mut memory = self.memory();
        memory.catalog.remember(&blocks.new_rows);
        if memory.period != blocks.period || memory.postings.len() > REMEMBERED_POSTINGS {
            memory.postings.clear();
            memory.period = blocks.period;
        }
        memory.postings.extend(&blocks.frequent);
    }
}

#[pymethods]
impl StoreBlocks {
    #[getter]
    fn spans<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.spans)
    }

    #[getter]
    fn postings<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.postings)
    }

    /// Table name and block of each small table that gets new rows.
    #[getter]
    fn catalog<'py>(&self, py: Python<'py>) -> Vec<(&'static str, Bound<'py, PyBytes>)> {
        self.new_rows.iter().map(|new| (new.table, PyBytes::new(py, &new.block))).collect()
    }
}

/// The spans in answers of the `spans` table in `FORMAT Native`.
#[pyfunction]
fn read_spans(py: Python<'_>, answers: Payloads) -> PyResult<SpanBatch> {
    let answers = answers.into_vec();
    let columns = py.detach(|| read::read_spans(answers.iter().map(|answer| &answer[..])))?;
    Ok(SpanBatch::from_columns(columns))
}

/// The rows of a small answer in `FORMAT Native`: numbers as `int`, strings as `bytes`, arrays as
/// `list`.
#[pyfunction]
fn read_rows<'py>(py: Python<'py>, answer: PyBackedBytes) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let mut rows = Vec::new();
    for block in read_blocks(&answer)? {
        for row in 0..block.rows {
            let values = block.columns.iter().map(|(_, column)| python_value(py, column, row));
            rows.push(PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)?);
        }
    }
    Ok(rows)
}

fn python_value<'py>(
    py: Python<'py>,
    column: &Column<'_>,
    row: usize,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match column {
        Column::Fixed { kind: Fixed::Unsigned, .. } => {
            column.number(row).into_pyobject(py)?.into_any()
        }
        Column::Fixed { kind: Fixed::Signed, .. } => {
            (column.number(row) as i64).into_pyobject(py)?.into_any()
        }
        Column::Nested { columns, .. } => {
            let list = PyList::empty(py);
            for place in column.range(row) {
                list.append(python_value(py, &columns[0], place)?)?;
            }
            list.into_any()
        }
        _ => PyBytes::new(py, column.get(row)).into_any(),
    })
}

/// The first and the last number a place has in the column `place` of `spans`.
type PlaceRange = (u64, u64);

/// The places where every clause may hold, newest first, from a first minute to a last. A clause is
/// a choice of tokens, `answer` the rows (token, places) of `postings`. Beside them all tokens that
/// are anywhere between these minutes.
#[pyfunction]
fn common_places(
    py: Python<'_>,
    answer: PyBackedBytes,
    clauses: Vec<Vec<u32>>,
    first_minute: u32,
    last_minute: u32,
) -> PyResult<(Vec<PlaceRange>, Vec<u32>)> {
    let minutes = first_minute..=last_minute;
    let (places, tokens) = py.detach(|| postings::common_places(&answer, &clauses, minutes))?;
    let ranges = places.into_iter().map(|place| place.numbers().into_inner());
    Ok((ranges.collect(), tokens))
}

/// The hash of something spans are searched by; its upper half is the token in `postings`.
#[pyfunction]
#[pyo3(signature = (kind, *parts))]
fn term(kind: &str, parts: Vec<PyBackedBytes>) -> PyResult<u64> {
    use terms::{RESOURCE, SCOPE, SERVICE, attribute, duration, error, extend, operation, origin};
    let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
    let of_service = |service, term| extend(attribute(SERVICE, service), term);
    Ok(match (kind, &parts[..]) {
        ("any", []) => terms::any(),
        ("trace", [id]) => terms::trace(id),
        ("link", [trace_id]) => terms::link(trace_id),
        ("service", [service]) => attribute(SERVICE, service),
        ("operation", [name]) => operation(name),
        ("operation", [name, service]) => of_service(service, operation(name)),
        ("error", []) => error(),
        ("error", [service]) => of_service(service, error()),
        ("duration", [[class]]) => duration(*class),
        ("duration", [[class], service]) => of_service(service, duration(*class)),
        ("attribute", [key, value]) => attribute(key, value),
        ("resource", [key, value]) => origin(RESOURCE, attribute(key, value)),
        ("scope", [key, value]) => origin(SCOPE, attribute(key, value)),
        _ => {
            let message = format!("no term {kind} with {} parts", parts.len());
            return Err(PyValueError::new_err(message));
        }
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<StoreEncoder>()?;
    module.add_class::<StoreBlocks>()?;
    module.add_function(wrap_pyfunction!(read_spans, module)?)?;
    module.add_function(wrap_pyfunction!(read_rows, module)?)?;
    module.add_function(wrap_pyfunction!(common_places, module)?)?;
    module.add_function(wrap_pyfunction!(term, module)?)
}
