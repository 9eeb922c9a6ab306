//! From a whole body to an answer: the check, the list of what waits for Python, the group.
//!
//! **Group commit.** Python takes not requests but groups: all that arrived since it last took.
//! A body that is not OTLP is refused here, alone and at once; the rest of its group never knows.
//! Every sender waits for its own answer, which the group gives to all of them together.

use super::budget::{Budget, Charge};
use super::counters::{Counters, Fate, Transport};
use crate::net::bell::Bell;
use crate::net::runtime;
use crate::net::status::{INVALID_ARGUMENT, PartialSuccess, Status, UNAVAILABLE};
use crate::otlp;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

/// What a sender is told to wait when the door is full: long enough for a queue to move.
const RETRY_WHEN_FULL: Duration = Duration::from_secs(1);

/// The check runs at several bytes a nanosecond: only a body this much larger than the usual
/// heavy work is worth another thread.
const CHECK_WEIGHT: usize = 8;

/// A request refused: how it counts, and what its sender is told.
pub type Refusal = (Fate, Status);

/// What a sender is told about a body that reached the pipeline.
pub type Answer = Result<PartialSuccess, Arc<Status>>;

/// A body whose sender waits for an answer.
pub struct Waiting {
    pub body: Bytes,
    pub sender: Sender,
}

/// Who to answer; dropped unanswered, it tells the sender to try again.
pub struct Sender {
    pub transport: Transport,
    pub spans: u64,
    charge: Charge,
    reply: oneshot::Sender<Answer>,
}

impl Sender {
    pub fn answer(self, answer: Answer) {
        // The room is given back before the sender can react to the answer.
        drop(self.charge);
        // A sender that left does not need its answer.
        let _ = self.reply.send(answer);
    }
}

struct Waitlist {
    waiting: VecDeque<Waiting>,
    bell: Bell,
    closed: bool,
    drained: bool,
}

/// The heart of a door, shared by its sockets and its Python face.
pub struct Intake {
    pub budget: Arc<Budget>,
    pub counters: Counters,
    pub connections: AtomicUsize,
    pub connections_refused: AtomicU64,
    waitlist: Mutex<Waitlist>,
    fd: RawFd,
    arrived: Arc<Notify>,
}

impl Intake {
    pub fn new(max_pending_bytes: usize) -> io::Result<Arc<Self>> {
        let bell = Bell::new()?;
        let fd = bell.fd();
        let waitlist = Waitlist { waiting: VecDeque::new(), bell, closed: false, drained: false };
        let intake = Arc::new(Self {
            budget: Budget::new(max_pending_bytes),
            counters: Counters::default(),
            connections: AtomicUsize::new(0),
            connections_refused: AtomicU64::new(0),
            waitlist: Mutex::new(waitlist),
            fd,
            arrived: Arc::new(Notify::new()),
        });
        runtime::handle().spawn(ring(intake.arrived.clone(), Arc::downgrade(&intake)));
        Ok(intake)
    }

    /// Readable while there is something to take, and once the door is drained.
    pub fn fd(&self) -> RawFd {
        self.fd
    }

    /// Refuses a request before its body is read when nothing more can be held.
    pub fn admit(&self) -> Result<Charge, Refusal> {
        if self.budget.is_full() { Err(overloaded()) } else { Ok(self.budget.charge()) }
    }

    /// Checks `body` (OTLP protobuf), has the pipeline accept it, and returns its answer.
    pub async fn offer(
        &self,
        body: Bytes,
        transport: Transport,
        charge: Charge,
    ) -> Result<PartialSuccess, Arc<Status>> {
        let checked = body.clone();
        let counts = runtime::compute(body.len() / CHECK_WEIGHT, move || otlp::check(&checked))
            .await
            .ok_or_else(|| Arc::new(unanswered()))?;
        let spans = match counts {
            Ok(counts) => counts.spans as u64,
            Err(error) => {
                self.counters.count(transport, Fate::Malformed, 0);
                return Err(Arc::new(malformed(&error)));
            }
        };
        if spans == 0 {
            self.counters.count(transport, Fate::Accepted, 0);
            return Ok(PartialSuccess::default());
        }
        let (reply, answer) = oneshot::channel();
        let sender = Sender { transport, spans, charge, reply };
        if !self.push(Waiting { body, sender }) {
            self.counters.count(transport, Fate::ShuttingDown, spans);
            return Err(Arc::new(Status::new(UNAVAILABLE, "the receiver is shutting down")));
        }
        answer.await.unwrap_or_else(|_| Err(Arc::new(unanswered())))
    }

    fn push(&self, waiting: Waiting) -> bool {
        let mut list = self.lock();
        if list.closed {
            return false;
        }
        list.waiting.push_back(waiting);
        if list.waiting.len() == 1 {
            self.arrived.notify_one();
        }
        true
    }

    /// Everything that waits, oldest first, until the bodies come to `max_bytes`.
    pub fn take(&self, max_bytes: usize) -> Vec<Waiting> {
        let mut list = self.lock();
        let mut bytes = 0;
        let fits = |waiting: &&Waiting| {
            let first = bytes == 0;
            bytes += waiting.body.len();
            first || bytes <= max_bytes
        };
        let count = list.waiting.iter().take_while(fits).count();
        let taken = list.waiting.drain(..count).collect();
        if list.waiting.is_empty() && !list.drained {
            list.bell.silence();
        }
        taken
    }

    /// Requests that wait to be taken.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// The last connection is gone and no more will come.
    pub fn set_drained(&self) {
        let mut list = self.lock();
        list.drained = true;
        list.bell.ring();
    }

    pub fn is_drained(&self) -> bool {
        self.lock().drained
    }

    /// Takes nothing more; senders that still wait are told to try again elsewhere.
    pub fn close(&self) {
        let waiting = {
            let mut list = self.lock();
            list.closed = true;
            if !list.drained {
                list.bell.silence();
            }
            std::mem::take(&mut list.waiting)
        };
        let status = Arc::new(Status::new(UNAVAILABLE, "the receiver is shutting down"));
        for Waiting { sender, .. } in waiting {
            self.counters.count(sender.transport, Fate::ShuttingDown, sender.spans);
            sender.answer(Err(status.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waitlist> {
        self.waitlist.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.arrived.notify_one();
    }
}

/// Wakes Python for the first body that waits, behind everything else that is ready on the
/// socket threads: what has arrived meanwhile is in the group, and nobody waited for it.
async fn ring(arrived: Arc<Notify>, intake: Weak<Intake>) {
    loop {
        arrived.notified().await;
        yield_now().await;
        let Some(intake) = intake.upgrade() else { return };
        let mut list = intake.lock();
        if !list.waiting.is_empty() {
            list.bell.ring();
        }
    }
}

pub fn overloaded() -> Refusal {
    let text = "the receiver holds all the bytes it may; try again later";
    (Fate::Overloaded, Status::new(UNAVAILABLE, text).retry_after(Some(RETRY_WHEN_FULL)))
}

pub fn malformed(error: &otlp::DecodeError) -> Status {
    Status::new(INVALID_ARGUMENT, error.to_string())
}

/// What a sender is told whose group was dropped.
pub fn unanswered() -> Status {
    Status::new(UNAVAILABLE, "the receiver failed before it could answer; try again")
}
