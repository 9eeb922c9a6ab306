//! Deliveries under way, and those that finished and wait for Python to look.

use crate::net::bell::Bell;
use crate::net::runtime;
use crate::net::status::PartialSuccess;
use pyo3::prelude::*;
use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// A time limit as Python says it; 0 and what is no time are none.
pub fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok().filter(|time| !time.is_zero())
}

/// How an attempt to deliver a batch ended.
#[pyclass(frozen, get_all, module = "ananta._native")]
pub struct Delivery {
    /// The server's gRPC or HTTP status; over HTTP 0 when there was no answer and
    /// -1 when nothing could be sent.
    status: i32,
    /// Why the batch was not accepted; None when it was.
    error: Option<String>,
    /// The pause the server asked for.
    retry_after_seconds: Option<f64>,
    /// Spans the server says it did not keep of a batch it accepted.
    rejected_spans: i64,
    /// What the server had to say about a batch it accepted.
    warning: String,
}

impl Delivery {
    pub fn accepted(status: i32, partial: PartialSuccess) -> Self {
        let PartialSuccess { rejected_spans, error_message } = partial;
        let warning = error_message;
        Self { status, error: None, retry_after_seconds: None, rejected_spans, warning }
    }

    pub fn failed(status: i32, error: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self {
            status,
            error: Some(error.into()),
            retry_after_seconds: retry_after.map(|delay| delay.as_secs_f64()),
            rejected_spans: 0,
            warning: String::new(),
        }
    }
}

struct State {
    last_ticket: u64,
    under_way: HashMap<u64, AbortHandle>,
    finished: Vec<(u64, Delivery)>,
    bell: Bell,
}

#[derive(Clone)]
pub struct Mailbox(Arc<Mutex<State>>);

impl Mailbox {
    pub fn new() -> io::Result<Self> {
        let bell = Bell::new()?;
        let (under_way, finished) = (HashMap::new(), Vec::new());
        Ok(Self(Arc::new(Mutex::new(State { last_ticket: 0, under_way, finished, bell }))))
    }

    /// Readable while `take` would return something.
    pub fn fd(&self) -> RawFd {
        self.lock().bell.fd()
    }

    /// Starts a delivery and returns its ticket.
    pub fn start(&self, delivering: impl Future<Output = Delivery> + Send + 'static) -> u64 {
        let mailbox = self.clone();
        // Held until the ticket is written down, so that the delivery can't end before that.
        let mut state = self.lock();
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        let task = runtime::handle().spawn(async move {
            let delivery = delivering.await;
            mailbox.finish(ticket, delivery);
        });
        state.under_way.insert(ticket, task.abort_handle());
        ticket
    }

    fn finish(&self, ticket: u64, delivery: Delivery) {
        let mut state = self.lock();
        if state.under_way.remove(&ticket).is_some() {
            state.finished.push((ticket, delivery));
            state.bell.ring();
        }
    }

    /// Gives up a delivery: it will not be among those finished.
    pub fn cancel(&self, ticket: u64) {
        if let Some(task) = self.lock().under_way.remove(&ticket) {
            task.abort();
        }
    }

    pub fn cancel_all(&self) {
        for (_, task) in self.lock().under_way.drain() {
            task.abort();
        }
    }

    /// The deliveries that finished since the last call, with their tickets.
    pub fn take(&self) -> Vec<(u64, Delivery)> {
        let mut state = self.lock();
        state.bell.silence();
        std::mem::take(&mut state.finished)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
