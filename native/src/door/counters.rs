//! What became of every request, by transport and reason.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Grpc = 0,
    Http = 1,
}

impl Transport {
    pub const ALL: [Transport; 2] = [Transport::Grpc, Transport::Http];

    pub fn name(self) -> &'static str {
        ["grpc", "http"][self as usize]
    }
}

/// Python names a transport by its text.
impl<'py> FromPyObject<'_, 'py> for Transport {
    type Error = PyErr;

    fn extract(name: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let name: String = name.extract()?;
        let known = Transport::ALL.into_iter().find(|transport| transport.name() == name);
        known.ok_or_else(|| PyValueError::new_err(format!("no transport {name:?}")))
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Accepted = 0,
    /// The pipeline did not accept it.
    Refused = 1,
    /// Not OTLP, or not what its compression says.
    Malformed = 2,
    /// Path, method, media type or compression that is not served here.
    Unsupported = 3,
    TooLarge = 4,
    /// The door holds as many bytes as it may.
    Overloaded = 5,
    /// The body stopped coming, or the sender went before it was whole.
    Unfinished = 6,
    ShuttingDown = 7,
}

impl Fate {
    pub const ALL: [Fate; 8] = [
        Fate::Accepted,
        Fate::Refused,
        Fate::Malformed,
        Fate::Unsupported,
        Fate::TooLarge,
        Fate::Overloaded,
        Fate::Unfinished,
        Fate::ShuttingDown,
    ];

    pub fn name(self) -> &'static str {
        [
            "accepted",
            "refused",
            "malformed",
            "unsupported",
            "too_large",
            "overloaded",
            "unfinished",
            "shutting_down",
        ][self as usize]
    }
}

#[derive(Default)]
pub struct Counters {
    requests: [[AtomicU64; Fate::ALL.len()]; Transport::ALL.len()],
    spans: [[AtomicU64; Fate::ALL.len()]; Transport::ALL.len()],
}

impl Counters {
    /// Counts one request; `spans` is 0 where a request was refused before they were counted.
    pub fn count(&self, transport: Transport, fate: Fate, spans: u64) {
        self.requests[transport as usize][fate as usize].fetch_add(1, Relaxed);
        self.spans[transport as usize][fate as usize].fetch_add(spans, Relaxed);
    }

    pub fn requests(&self, transport: Transport, fate: Fate) -> u64 {
        self.requests[transport as usize][fate as usize].load(Relaxed)
    }

    pub fn spans(&self, transport: Transport, fate: Fate) -> u64 {
        self.spans[transport as usize][fate as usize].load(Relaxed)
    }
}
