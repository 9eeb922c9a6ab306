//! The OTLP door: gRPC and HTTP servers on threads of their own, handing Python groups.
//!
//! ```text
//! listen ─▶ connection ─▶ grpc ┐                       ┌─▶ Python: OtlpDoor.take() ─▶ Group
//!                       ─▶ http ┴─▶ body ─▶ intake ────┘              accept / refuse │
//!                                  (limits) (check, wait)  ◀──────────────────────────┘
//! ```
//!
//! A request's bytes are bounded (`budget`), decompressed, checked and counted (`counters`)
//! before Python hears of it, and its sender is answered when Python answers the group.

mod body;
mod budget;
mod connection;
mod cors;
mod counters;
mod group;
mod grpc;
mod http;
mod intake;
mod listen;
mod options;

pub use group::Group;

use self::counters::{Fate, Transport};
use self::intake::Intake;
use self::listen::{Endpoint, Listener, Phase};
use self::options::{GrpcOptions, HttpOptions};
use crate::net::runtime;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::watch;

/// Receives OTLP over gRPC and HTTP and hands out what arrived in groups.
///
/// All methods return at once and are called from one event loop, which watches `fileno()`.
#[pyclass(frozen, module = "ananta._native")]
pub struct OtlpDoor {
    intake: Arc<Intake>,
    phase: watch::Sender<Phase>,
    max_group_bytes: usize,
}

impl OtlpDoor {
    fn serve(
        &self,
        transport: &str,
        address: &str,
        build: impl FnOnce(&Arc<Intake>) -> Result<Endpoint, String>,
    ) -> PyResult<String> {
        let endpoint = build(&self.intake).map_err(PyValueError::new_err)?;
        let listener = Listener::bind(transport, address).map_err(os_error)?;
        let bound = listener.address()?;
        let phase = self.phase.subscribe();
        runtime::handle().spawn(listen::serve(listener, Arc::new(endpoint), phase));
        Ok(bound)
    }

    /// Moves on to `phase`, never back.
    fn advance(&self, phase: Phase) {
        let mut first = false;
        self.phase.send_if_modified(|now| {
            first = *now == Phase::Open;
            *now = phase.max(*now);
            true
        });
        if first {
            let (intake, everyone) = (self.intake.clone(), self.phase.clone());
            runtime::handle().spawn(async move {
                // Every listener and connection holds a receiver of the phase.
                everyone.closed().await;
                intake.set_drained();
            });
        }
    }
}

/// OSError with its `errno`, which says what kind of failure it is.
fn os_error(error: io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, error.to_string())),
        None => PyOSError::new_err(error.to_string()),
    }
}

#[pymethods]
impl OtlpDoor {
    /// A door that holds at most `max_pending_bytes` of bodies not yet answered, and hands out
    /// groups of about `max_group_bytes` at most.
    #[new]
    fn new(max_pending_bytes: usize, max_group_bytes: usize) -> PyResult<Self> {
        Ok(Self {
            intake: Intake::new(max_pending_bytes)?,
            phase: watch::Sender::new(Phase::Open),
            max_group_bytes,
        })
    }

    /// Starts the gRPC server and returns the address bound.
    ///
    /// Raises OSError when the endpoint can't be bound, ValueError for what is wrong in `tls`.
    fn serve_grpc(&self, options: GrpcOptions) -> PyResult<String> {
        let (transport, address) = (options.transport.clone(), options.endpoint.clone());
        self.serve(&transport, &address, |intake| options.build(intake))
    }

    /// Starts the HTTP server and returns the address bound; errors as `serve_grpc`.
    fn serve_http(&self, options: HttpOptions) -> PyResult<String> {
        let (transport, address) = (options.transport.clone(), options.endpoint.clone());
        self.serve(&transport, &address, |intake| options.build(intake))
    }

    /// The descriptor that is readable while `take` would return a group, and once `drained`.
    fn fileno(&self) -> i32 {
        self.intake.fd()
    }

    /// The next group, or None when nothing waits.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Group>> {
        let waiting = self.intake.take(self.max_group_bytes);
        if waiting.is_empty() {
            return Ok(None);
        }
        Group::new(py, self.intake.clone(), waiting).map(Some)
    }

    /// Accepts no more connections and lets those there are finish what they began.
    ///
    /// `drained` says when the last is gone.
    fn stop(&self) {
        self.advance(Phase::Stopping);
    }

    /// Ends every connection now; senders that still wait are told to try again.
    ///
    /// `drained` says when the last is gone, which is soon.
    fn close(&self) {
        self.intake.close();
        self.advance(Phase::Closed);
    }

    /// Whether the door was stopped and its last connection is gone.
    #[getter]
    fn drained(&self) -> bool {
        self.intake.is_drained()
    }

    /// Connections open now.
    #[getter]
    fn connections(&self) -> usize {
        self.intake.connections.load(Relaxed)
    }

    /// Connections turned away because `max_connections` were open.
    #[getter]
    fn connections_refused(&self) -> u64 {
        self.intake.connections_refused.load(Relaxed)
    }

    /// Requests that wait to be taken.
    #[getter]
    fn waiting(&self) -> usize {
        self.intake.waiting()
    }

    /// Bytes of bodies being received, waiting, or taken and not answered.
    #[getter]
    fn pending_bytes(&self) -> usize {
        self.intake.budget.used()
    }

    /// Spans that came over `transport` ("grpc" or "http") and were accepted, or were counted
    /// and not accepted.
    #[pyo3(signature = (transport, *, accepted))]
    fn spans(&self, transport: Transport, accepted: bool) -> u64 {
        let fates = Fate::ALL.into_iter().filter(|&fate| (fate == Fate::Accepted) == accepted);
        fates.map(|fate| self.intake.counters.spans(transport, fate)).sum()
    }

    /// Requests that came over `transport` and had this outcome.
    fn requests(&self, transport: Transport, outcome: &str) -> PyResult<u64> {
        let fate = Fate::ALL.into_iter().find(|fate| fate.name() == outcome);
        let fate = fate.ok_or_else(|| PyValueError::new_err(format!("no outcome {outcome:?}")))?;
        Ok(self.intake.counters.requests(transport, fate))
    }

    /// The outcomes `requests` knows.
    #[staticmethod]
    fn outcomes() -> Vec<&'static str> {
        Fate::ALL.map(Fate::name).to_vec()
    }
}

impl Drop for OtlpDoor {
    fn drop(&mut self) {
        self.close();
    }
}
