//! OTLP clients: what the exporters send with.
//!
//! ```text
//! Python: export(batch) ─▶ mailbox ─▶ payload (encode, compress) ─▶ grpc │ http ─▶ connect
//!         take_finished() ◀─────────┘ ◀──────────────── Delivery ◀───────┘
//! ```
//!
//! A call returns a ticket at once; everything else happens on the socket threads, and Python's
//! event loop is woken once for all deliveries that finished meanwhile. An attempt is one
//! attempt: queues and retries are the pipeline's.

mod balance;
mod connect;
mod grpc;
mod http;
mod mailbox;
mod payload;

pub use grpc::OtlpGrpcClient;
pub use http::OtlpHttpClient;
pub use mailbox::Delivery;

use pyo3::prelude::*;

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<OtlpGrpcClient>()?;
    m.add_class::<OtlpHttpClient>()?;
    m.add_class::<Delivery>()
}
