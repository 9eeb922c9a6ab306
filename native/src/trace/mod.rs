//! One trace for a page that shows it: as a tree, in columns, and cut where it is too large.
//!
//! `tree` orders the spans, `columns` writes them (with `strings` and `layout`), corrected by the
//! adjusters of `jaeger`. Of a trace with too many spans `cut` first chooses which to read. `links`
//! finds who links to a trace.

pub mod columns;
pub mod cut;
pub mod layout;
pub mod links;
pub mod strings;
pub mod tree;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::batch::SpanBatch;
use crate::jaeger::adjust::adjust as adjust_trace;
use crate::jaeger::trace::stored_traces;
use crate::otlp::DecodeError;

/// The spans of a large trace that are to be shown.
#[pyclass(frozen, module = "ananta._native")]
struct TraceChoice(cut::Choice);

#[pymethods]
impl TraceChoice {
    /// Chooses at most `limit` spans of the trace, or of what is below the span `root`, from rows
    /// of `spans` in `FORMAT Native`; None where that span is not there.
    #[staticmethod]
    fn choose(
        py: Python<'_>,
        answer: PyBackedBytes,
        root: Option<[u8; 8]>,
        limit: usize,
    ) -> PyResult<Option<Self>> {
        let root = root.map(u64::from_be_bytes);
        let choice = py.detach(|| -> Result<_, DecodeError> {
            Ok(cut::Outline::read(&answer)?.choose(root, limit))
        });
        Ok(choice?.map(Self))
    }

    /// The chosen spans and all above them in stretches of time of at most `size`: first start,
    /// last start and ids, as little-endian numbers with commas between them.
    fn stretches(&self, size: usize) -> PyResult<Vec<(u64, u64, String)>> {
        if size == 0 {
            return Err(PyValueError::new_err("size must be at least 1"));
        }
        let stretches = self.0.spans.chunks(size).map(|spans| {
            let ids = spans.iter().map(|(_, id)| id.swap_bytes().to_string());
            (spans[0].0, spans[spans.len() - 1].0, ids.collect::<Vec<_>>().join(", "))
        });
        Ok(stretches.collect())
    }
}

/// A stored trace, or what is below the span `root`, as columns; None where it has no spans.
///
/// With `adjust`, corrected as Jaeger does; timestamps move by at most `max_clock_skew_seconds`.
/// `choice` tells what the batch lacks.
#[pyfunction]
#[pyo3(signature = (batch, trace_id, *, adjust, max_clock_skew_seconds=0.0, root=None, choice=None))]
fn trace_columns<'py>(
    py: Python<'py>,
    batch: &SpanBatch,
    trace_id: [u8; 16],
    adjust: bool,
    max_clock_skew_seconds: f64,
    root: Option<[u8; 8]>,
    choice: Option<&TraceChoice>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let choice = choice.map(|choice| &choice.0);
    let written = py.detach(|| -> Result<_, DecodeError> {
        let columns = batch.columns()?;
        let (mut traces, _) = stored_traces(&columns, &[trace_id]);
        let Some(trace) = traces.first_mut() else { return Ok(None) };
        if adjust {
            adjust_trace(&columns, trace, (max_clock_skew_seconds * 1e9) as u64);
        }
        Ok(columns::write(&columns, trace, root.map(u64::from_be_bytes), choice))
    })?;
    Ok(written.map(|bytes| PyBytes::new(py, &bytes)))
}

/// A link to a trace: trace id, span id, id of the span linked to, service, operation, start.
type Link<'py> =
    (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, String, String, u64);

/// The links to a trace from spans of other traces in the batch.
#[pyfunction]
fn links_to<'py>(
    py: Python<'py>,
    batch: &SpanBatch,
    trace_id: [u8; 16],
) -> PyResult<Vec<Link<'py>>> {
    let columns = py.detach(|| batch.columns())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let links = links::links_to(&columns, trace_id).map(|span| {
        (
            PyBytes::new(py, &span.trace_id),
            PyBytes::new(py, &span.span_id),
            PyBytes::new(py, &span.target_span_id),
            text(span.service),
            text(span.operation),
            span.start_time_unix_nano,
        )
    });
    Ok(links.collect())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TraceChoice>()?;
    module.add_function(wrap_pyfunction!(trace_columns, module)?)?;
    module.add_function(wrap_pyfunction!(links_to, module)?)
}
