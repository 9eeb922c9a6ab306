//! Traces as Jaeger's v1 API shows them.
//!
//! `trace` picks the spans of one trace out of the columns, `adjust` corrects how they are shown
//! (Jaeger's adjusters), `json` writes them with the values of `text`. `names` holds what a span
//! without a service or name is called: the store indexes it under the same name.

pub mod adjust;
pub mod clock_skew;
pub mod json;
pub mod names;
pub mod text;
pub mod trace;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::batch::SpanBatch;

/// The JSON array of the stored traces with these ids, in this order, and the ids no span of the
/// batch has.
///
/// With `adjust`, corrected as Jaeger does; timestamps move by at most `max_clock_skew_seconds`.
#[pyfunction]
#[pyo3(signature = (batch, trace_ids, *, adjust, max_clock_skew_seconds=0.0))]
fn jaeger_traces<'py>(
    py: Python<'py>,
    batch: &SpanBatch,
    trace_ids: Vec<PyBackedBytes>,
    adjust: bool,
    max_clock_skew_seconds: f64,
) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
    let ids = trace_ids
        .iter()
        .map(|id| <[u8; 16]>::try_from(&id[..]))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| PyValueError::new_err("a trace id has 16 bytes"))?;
    let (json, missing) = py.detach(|| -> Result<_, crate::otlp::DecodeError> {
        let columns = batch.columns()?;
        let (mut traces, missing) = trace::stored_traces(&columns, &ids);
        if adjust {
            let max_clock_skew_nanos = (max_clock_skew_seconds * 1e9) as u64;
            for trace in &mut traces {
                adjust::adjust(&columns, trace, max_clock_skew_nanos);
            }
        }
        Ok((json::write_traces(&columns, &traces, json::Naming::Stored), missing))
    })?;
    let missing = missing.iter().map(|id| PyBytes::new(py, id)).collect();
    Ok((PyBytes::new(py, &json), missing))
}

/// The JSON array of every trace in the batch, as it came: nothing adjusted, nothing renamed.
#[pyfunction]
fn jaeger_transform<'py>(py: Python<'py>, batch: &SpanBatch) -> PyResult<Bound<'py, PyBytes>> {
    let json = py.detach(|| -> Result<_, crate::otlp::DecodeError> {
        let columns = batch.columns()?;
        let traces = trace::traces_by_appearance(&columns);
        Ok(json::write_traces(&columns, &traces, json::Naming::Given))
    })?;
    Ok(PyBytes::new(py, &json))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(jaeger_traces, module)?)?;
    module.add_function(wrap_pyfunction!(jaeger_transform, module)?)
}
