//! The hot path of Ananta: bytes to columns and back, and the OTLP door.
//!
//! A span travels `door` → `otlp` (check, decode) → `columns` → `process` → `otlp` (encode) or
//! `clickhouse` (store) and comes back through `clickhouse` → `jaeger` or `trace`. Python sees whole
//! batches.

pub mod arrow;
pub mod batch;
pub mod clickhouse;
pub mod client;
pub mod columns;
pub mod door;
pub mod jaeger;
pub mod net;
pub mod otlp;
pub mod process;
pub mod rows;
pub mod trace;

use pyo3::prelude::*;

/// The CRC-32 of zlib over `data`, going on from that of what came before.
#[pyfunction]
#[pyo3(signature = (data, before = 0))]
fn crc32(data: pyo3::pybacked::PyBackedBytes, before: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(&data);
    hasher.finalize()
}

#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(crc32, m)?)?;
    m.add_class::<batch::SpanBatch>()?;
    m.add_class::<door::OtlpDoor>()?;
    m.add_class::<door::Group>()?;
    client::register(m)?;
    clickhouse::register(m)?;
    jaeger::register(m)?;
    process::register(m)?;
    trace::register(m)?;
    Ok(())
}
