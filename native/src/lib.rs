//! The hot path of Ananta: bytes to columns and back, and the OTLP door.
//!
//! A span travels `door` → `otlp` (check, decode) → `columns` → `process` → `otlp` (encode) or
//! `clickhouse` (store) and comes back through `clickhouse` → `jaeger`. Python sees whole batches.

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

use pyo3::prelude::*;

#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<batch::SpanBatch>()?;
    m.add_class::<door::OtlpDoor>()?;
    m.add_class::<door::Group>()?;
    client::register(m)?;
    clickhouse::register(m)?;
    jaeger::register(m)?;
    process::register(m)?;
    Ok(())
}
