//! `SpanBatch`: what every component is given, as an immutable list of chunks.
//!
//! A chunk is the OTLP bytes that arrived or columns. Bytes are decoded once, when a component
//! first asks for columns, and a batch nobody changed is sent on as the bytes it came in as.
//! Concatenation lists chunks: OTLP requests joined byte by byte are one request.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::columns::Columns;
use crate::otlp::{self, DecodeError};

/// Part of a batch.
#[derive(Clone)]
enum Chunk {
    /// OTLP bytes that passed `otlp::check`.
    Wire { bytes: Bytes, spans: usize },
    /// Columns, and their encoding once somebody asked for it.
    Columns(Arc<Encoded>),
}

struct Encoded {
    columns: Arc<Columns>,
    wire: OnceLock<Bytes>,
}

impl Chunk {
    fn spans(&self) -> usize {
        match self {
            Chunk::Wire { spans, .. } => *spans,
            Chunk::Columns(encoded) => encoded.columns.len(),
        }
    }

    fn wire(&self) -> &Bytes {
        match self {
            Chunk::Wire { bytes, .. } => bytes,
            Chunk::Columns(encoded) => encoded.wire.get_or_init(|| otlp::encode(&encoded.columns)),
        }
    }
}

/// Many spans with their resources and scopes; immutable.
///
/// Made by `SpanBatch.from_otlp` or handed out by a receiver; read through `rows`, `to_arrow` and
/// `to_pandas`; sent on with `to_otlp`.
#[pyclass(frozen, module = "ananta._native")]
pub struct SpanBatch {
    chunks: Vec<Chunk>,
    spans: usize,
    columns: OnceLock<Arc<Columns>>,
}

impl SpanBatch {
    fn from_chunks(chunks: Vec<Chunk>) -> Self {
        let spans = chunks.iter().map(Chunk::spans).sum();
        Self { chunks, spans, columns: OnceLock::new() }
    }

    /// Payloads that passed `otlp::check`, with the number of spans each holds.
    pub fn from_checked(payloads: impl IntoIterator<Item = (Bytes, usize)>) -> Self {
        Self::from_chunks(
            payloads.into_iter().map(|(bytes, spans)| Chunk::Wire { bytes, spans }).collect(),
        )
    }

    pub fn from_columns(columns: Columns) -> Self {
        let columns = Arc::new(columns);
        let encoded = Encoded { columns, wire: OnceLock::new() };
        Self::from_chunks(vec![Chunk::Columns(Arc::new(encoded))])
    }

    pub fn spans(&self) -> usize {
        self.spans
    }

    /// The whole batch as OTLP, in pieces to be sent one after the other.
    pub fn wire_chunks(&self) -> Vec<Bytes> {
        self.chunks.iter().map(|chunk| chunk.wire().clone()).collect()
    }

    /// The whole batch as one table.
    pub fn columns(&self) -> Result<Arc<Columns>, DecodeError> {
        if let Some(columns) = self.columns.get() {
            return Ok(columns.clone());
        }
        if let [Chunk::Columns(encoded)] = self.chunks.as_slice() {
            return Ok(encoded.columns.clone());
        }
        let columns = Arc::new(otlp::decode(self.chunks.iter().map(|chunk| &chunk.wire()[..]))?);
        Ok(self.columns.get_or_init(|| columns).clone())
    }

    fn wire_len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.wire().len()).sum()
    }

    fn take(&self, rows: impl IntoIterator<Item = usize>) -> Result<SpanBatch, DecodeError> {
        Ok(Self::from_columns(self.columns()?.take(rows)))
    }
}

/// Payloads as Python gives them: one bytes object or several.
#[derive(FromPyObject)]
pub enum Payloads {
    One(pyo3::pybacked::PyBackedBytes),
    Many(Vec<pyo3::pybacked::PyBackedBytes>),
}

impl Payloads {
    pub fn into_vec(self) -> Vec<pyo3::pybacked::PyBackedBytes> {
        match self {
            Payloads::One(payload) => vec![payload],
            Payloads::Many(payloads) => payloads,
        }
    }
}

#[pymethods]
impl SpanBatch {
    /// Checks and takes one OTLP trace request, or several as one batch, without a copy.
    ///
    /// Raises:
    ///     DecodeError: names the field and the byte offset of what is wrong.
    #[staticmethod]
    fn from_otlp(py: Python<'_>, data: Payloads) -> PyResult<Self> {
        let payloads = data.into_vec();
        py.detach(|| {
            let mut checked = Vec::with_capacity(payloads.len());
            for payload in payloads {
                let bytes = Bytes::from_owner(payload);
                let spans = otlp::check(&bytes)?.spans;
                checked.push((bytes, spans));
            }
            Ok(Self::from_checked(checked))
        })
    }

    /// Reads one OTLP trace request in JSON.
    ///
    /// Raises:
    ///     DecodeError: names the JSON path and the byte offset of what is wrong.
    #[staticmethod]
    fn from_otlp_json(py: Python<'_>, data: pyo3::pybacked::PyBackedBytes) -> PyResult<Self> {
        py.detach(|| {
            let bytes = Bytes::from(otlp::json::to_protobuf(&data)?);
            let spans = otlp::check(&bytes)?.spans;
            Ok(Self::from_checked([(bytes, spans)]))
        })
    }

    /// All spans of these batches, in order; nothing is copied.
    #[staticmethod]
    fn concat(batches: Vec<PyRef<'_, SpanBatch>>) -> Self {
        let chunks = batches.iter().flat_map(|batch| batch.chunks.iter().cloned());
        Self::from_chunks(chunks.collect())
    }

    fn __len__(&self) -> usize {
        self.spans
    }

    fn __repr__(&self) -> String {
        format!("<SpanBatch of {} spans>", self.spans)
    }

    /// Size as OTLP protobuf, in bytes.
    #[getter]
    fn nbytes(&self, py: Python<'_>) -> usize {
        py.detach(|| self.wire_len())
    }

    /// The batch as one OTLP ExportTraceServiceRequest.
    fn to_otlp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let chunks = py.detach(|| self.wire_chunks());
        let size = chunks.iter().map(Bytes::len).sum();
        PyBytes::new_with(py, size, |buffer| {
            let mut position = 0;
            for chunk in &chunks {
                buffer[position..position + chunk.len()].copy_from_slice(chunk);
                position += chunk.len();
            }
            Ok(())
        })
    }

    /// The batch as one OTLP ExportTraceServiceRequest in JSON.
    fn to_otlp_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let json = py.detach(|| otlp::json::from_protobuf(&self.wire_chunks().concat()))?;
        Ok(PyBytes::new(py, &json))
    }

    /// The same spans in batches of at most `max_spans`; whole arrived requests where they fit.
    fn split(&self, py: Python<'_>, max_spans: usize) -> PyResult<Vec<SpanBatch>> {
        if max_spans == 0 {
            return Err(pyo3::exceptions::PyValueError::new_err("max_spans must be at least 1"));
        }
        py.detach(|| {
            let mut parts = Vec::new();
            let mut part: Vec<Chunk> = Vec::new();
            let mut room = max_spans;
            for chunk in self.chunks.iter().filter(|chunk| chunk.spans() > 0) {
                if chunk.spans() <= room {
                    room -= chunk.spans();
                    part.push(chunk.clone());
                    continue;
                }
                let whole = SpanBatch::from_chunks(vec![chunk.clone()]);
                let mut start = 0;
                while start < whole.spans {
                    let end = whole.spans.min(start + room);
                    part.extend(whole.take(start..end)?.chunks);
                    room -= end - start;
                    start = end;
                    if room == 0 {
                        parts.push(SpanBatch::from_chunks(std::mem::take(&mut part)));
                        room = max_spans;
                    }
                }
            }
            if !part.is_empty() {
                parts.push(SpanBatch::from_chunks(part));
            }
            Ok(parts)
        })
    }

    /// The spans whose place in `mask` is true. Scopes and resources left empty go.
    fn filter(&self, py: Python<'_>, mask: Vec<bool>) -> PyResult<SpanBatch> {
        if mask.len() != self.spans {
            return Err(pyo3::exceptions::PyValueError::new_err(format!(
                "mask has {} places for {} spans",
                mask.len(),
                self.spans
            )));
        }
        py.detach(|| {
            let rows = mask.iter().enumerate().filter(|(_, keep)| **keep).map(|(row, _)| row);
            Ok(self.take(rows)?)
        })
    }

    /// The spans as plain dictionaries: hex ids, names, nanoseconds, attributes as `dict`.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let columns = py.detach(|| self.columns())?;
        crate::rows::rows(py, &columns)
    }

    /// The columns as a `pyarrow.RecordBatch`, one row a span; attributes as list of structs.
    fn to_arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let columns = py.detach(|| self.columns())?;
        let batch = py.detach(|| crate::arrow::record_batch(&columns));
        crate::arrow::to_pyarrow(py, batch.map_err(crate::arrow::unexpected)?)
    }

    /// The rows as a `pandas.DataFrame`, times as UTC timestamps; needs pandas.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pandas = py.import("pandas")?;
        let frame = pandas.call_method1("DataFrame", (self.rows(py)?,))?;
        let utc = PyDict::new(py);
        utc.set_item("unit", "ns")?;
        utc.set_item("utc", true)?;
        for (column, source) in
            [("start_time", "start_time_unix_nano"), ("end_time", "end_time_unix_nano")]
        {
            if self.spans > 0 {
                let times = frame.get_item(source)?;
                frame.set_item(column, pandas.call_method("to_datetime", (times,), Some(&utc))?)?;
            }
        }
        Ok(frame)
    }
}
