//! A group: the batch Python works on and the one handle that answers all its senders.

use super::counters::{Fate, Transport};
use super::intake::{Answer, Intake, Sender, Waiting, unanswered};
use crate::batch::SpanBatch;
use crate::net::runtime;
use crate::net::status::{PartialSuccess, Status};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Everything that arrived at a door since the last group was taken.
///
/// Answer it exactly once, with `accept` or `refuse`. A group that is dropped without an answer
/// tells its senders to try again.
#[pyclass(frozen, module = "ananta._native")]
pub struct Group {
    intake: Arc<Intake>,
    /// The requests' spans, undecoded.
    #[pyo3(get)]
    batch: Py<SpanBatch>,
    /// Requests in the group.
    #[pyo3(get)]
    requests: usize,
    /// Spans that came over gRPC.
    #[pyo3(get)]
    grpc_spans: u64,
    /// Spans that came over HTTP.
    #[pyo3(get)]
    http_spans: u64,
    senders: Mutex<Vec<Sender>>,
}

impl Group {
    pub fn new(py: Python<'_>, intake: Arc<Intake>, waiting: Vec<Waiting>) -> PyResult<Self> {
        let requests = waiting.len();
        let mut spans = [0; Transport::ALL.len()];
        let mut bodies = Vec::with_capacity(requests);
        let mut senders = Vec::with_capacity(requests);
        for Waiting { body, sender } in waiting {
            spans[sender.transport as usize] += sender.spans;
            bodies.push((body, sender.spans as usize));
            senders.push(sender);
        }
        Ok(Self {
            intake,
            batch: Py::new(py, SpanBatch::from_checked(bodies))?,
            requests,
            grpc_spans: spans[Transport::Grpc as usize],
            http_spans: spans[Transport::Http as usize],
            senders: Mutex::new(senders),
        })
    }

    /// Gives each sender its answer and counts it; does nothing the second time.
    fn answer(&self, mut answer: impl FnMut(&Sender) -> Answer) {
        let senders =
            std::mem::take(&mut *self.senders.lock().unwrap_or_else(PoisonError::into_inner));
        let mut answers = Vec::with_capacity(senders.len());
        for sender in senders {
            let answer = answer(&sender);
            let fate = if answer.is_ok() { Fate::Accepted } else { Fate::Refused };
            self.intake.counters.count(sender.transport, fate, sender.spans);
            answers.push((sender, answer));
        }
        let deliver =
            move || answers.into_iter().for_each(|(sender, answer)| sender.answer(answer));
        if self.requests == 1 {
            deliver();
        } else {
            // One wake-up of the socket threads instead of one a sender.
            runtime::handle().spawn(async move { deliver() });
        }
    }
}

#[pymethods]
impl Group {
    /// Spans in the group.
    #[getter]
    fn spans(&self) -> u64 {
        self.grpc_spans + self.http_spans
    }

    /// Tells every sender that its spans are accepted.
    ///
    /// `rejected_spans` and `message` become the senders' `partial_success`. The group does not
    /// know whose spans were rejected: the count is spread over the senders in order, the
    /// message goes to all.
    #[pyo3(signature = (rejected_spans = 0, message = ""))]
    fn accept(&self, rejected_spans: u64, message: &str) {
        let mut rest = rejected_spans;
        self.answer(|sender| {
            let rejected = rest.min(sender.spans);
            rest -= rejected;
            Ok(PartialSuccess { rejected_spans: rejected as i64, error_message: message.into() })
        });
    }

    /// Tells every sender that its spans are not accepted, and why.
    ///
    /// `retry_after_seconds` becomes gRPC's RetryInfo and HTTP's Retry-After.
    #[pyo3(signature = (grpc_status, message, retry_after_seconds = None))]
    fn refuse(&self, grpc_status: i32, message: String, retry_after_seconds: Option<f64>) {
        let delay = retry_after_seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
        let status = Arc::new(Status::new(grpc_status, message).retry_after(delay));
        self.answer(|_| Err(status.clone()));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let status = Arc::new(unanswered());
        self.answer(|_| Err(status.clone()));
    }
}
