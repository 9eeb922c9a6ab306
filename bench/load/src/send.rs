//! Sends requests in a closed loop (each sender waits for its answer) or at a fixed rate.
//!
//! At a fixed rate the senders share one timetable. Latency counts from the time a request was
//! due when every sender was busy then, so a stalled server can't hide its stall by slowing us.

use crate::AnyError;
use crate::client::{Answer, Connection, Protocol};
use crate::payload::{Fresh, Payloads};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_PAUSE: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// `host:port`.
    target: String,
    protocol: Protocol,
    /// Path of the prepared requests; `gzip` tells that each is compressed.
    payloads: String,
    #[serde(default)]
    gzip: bool,
    /// Other ids and times for every request; the same bytes again when absent.
    fresh: Option<Fresh>,
    /// Requests in flight; gRPC senders share `connections`, an HTTP sender has its own.
    senders: usize,
    connections: usize,
    /// A fixed rate; closed loop when absent.
    spans_per_second: Option<f64>,
    /// Stop after so long, or after so many requests, whichever comes first.
    seconds: f64,
    requests: Option<u64>,
    /// Position in the endless sequence of requests to begin at.
    #[serde(default)]
    first_request: u64,
    /// Send what was refused for a time again until it is taken.
    #[serde(default)]
    retry: bool,
}

#[derive(Default, Serialize)]
struct Report {
    requests: u64,
    accepted_spans: u64,
    refused_spans: BTreeMap<String, u64>,
    seconds: f64,
    latency_milliseconds: BTreeMap<&'static str, f64>,
}

struct Run {
    plan: Plan,
    payloads: Payloads,
    start: Instant,
    next: Cell<u64>,
    report: RefCell<Report>,
    latencies: RefCell<Vec<u32>>,
}

pub async fn run(plan: &str) -> Result<(), AnyError> {
    let plan: Plan = serde_json::from_str(plan)?;
    let payloads = Payloads::load(&plan.payloads, plan.gzip, plan.fresh)?;
    let run = Rc::new(Run {
        payloads,
        start: Instant::now(),
        next: Cell::new(0),
        report: RefCell::default(),
        latencies: RefCell::default(),
        plan,
    });
    let tasks = tokio::task::LocalSet::new();
    tasks.run_until(run.clone().open_senders()).await?;
    tasks.await;
    println!("{}", serde_json::to_string(&run.summary())?);
    Ok(())
}

impl Run {
    async fn open_senders(self: Rc<Self>) -> Result<(), AnyError> {
        let mut shared = Vec::new();
        for index in 0..self.plan.senders {
            let reused: Option<Connection> = match index < self.plan.connections {
                true => None,
                false => shared
                    .get(index % self.plan.connections.max(1))
                    .and_then(Connection::share),
            };
            let connection = match reused {
                Some(connection) => connection,
                None => Connection::open(self.plan.protocol, &self.plan.target)
                    .await
                    .map_err(|error| format!("{}: {error}", self.plan.target))?,
            };
            shared.extend(connection.share());
            tokio::task::spawn_local(self.clone().send_all(connection));
        }
        Ok(())
    }

    async fn send_all(self: Rc<Self>, mut connection: Connection) {
        while let Some((position, due)) = self.take() {
            let begun = match due {
                Some(due) if due > Instant::now() => {
                    sleep_until(due).await;
                    Instant::now()
                }
                Some(due) => due,
                None => Instant::now(),
            };
            let (framed, spans) = self.payloads.request(position);
            loop {
                let export = connection.export(&self.plan.target, framed.clone());
                let retryable = match timeout(ANSWER_TIMEOUT, export).await {
                    Ok(Ok(answer)) => self.note(answer, spans, begun),
                    failed => {
                        let code = if failed.is_err() {
                            "timeout"
                        } else {
                            "connection"
                        };
                        self.refuse(code, spans);
                        sleep(RETRY_PAUSE).await;
                        match Connection::open(self.plan.protocol, &self.plan.target).await {
                            Ok(opened) => connection = opened,
                            Err(_) if self.over() => return,
                            Err(_) => {}
                        }
                        true
                    }
                };
                if !(retryable && self.plan.retry) {
                    break;
                }
                sleep(RETRY_PAUSE).await;
            }
        }
    }

    fn over(&self) -> bool {
        self.start.elapsed().as_secs_f64() >= self.plan.seconds
    }

    /// The next request's position and when it is due; None at the end of the run.
    fn take(&self) -> Option<(u64, Option<Instant>)> {
        let number = self.next.get();
        if self.over()
            || self
                .plan
                .requests
                .is_some_and(|requests| number >= requests)
        {
            return None;
        }
        self.next.set(number + 1);
        let due = self.plan.spans_per_second.map(|rate| {
            let seconds = number as f64 * self.payloads.spans_per_request() / rate;
            self.start + Duration::from_secs_f64(seconds)
        });
        Some((self.plan.first_request + number, due))
    }

    /// Counts an answer; true when the request may be sent again.
    fn note(&self, answer: Answer, spans: u64, begun: Instant) -> bool {
        match answer {
            Answer::Accepted { rejected_spans } => {
                let mut report = self.report.borrow_mut();
                report.requests += 1;
                report.accepted_spans += spans - rejected_spans.min(spans);
                self.latencies
                    .borrow_mut()
                    .push(begun.elapsed().as_micros() as u32);
                if rejected_spans > 0 {
                    *report.refused_spans.entry("partial".into()).or_default() += rejected_spans;
                }
                false
            }
            Answer::Refused { code, retryable } => {
                self.refuse(&code, spans);
                retryable
            }
        }
    }

    fn refuse(&self, code: &str, spans: u64) {
        let mut report = self.report.borrow_mut();
        *report.refused_spans.entry(code.to_owned()).or_default() += spans;
    }

    fn summary(&self) -> Report {
        let mut report = self.report.take();
        report.seconds = self.start.elapsed().as_secs_f64();
        let mut latencies = self.latencies.take();
        latencies.sort_unstable();
        for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
            let rank = (latencies.len() as f64 * share).ceil() as usize;
            if let Some(micros) = latencies.get(rank.saturating_sub(1)) {
                report
                    .latency_milliseconds
                    .insert(name, f64::from(*micros) / 1e3);
            }
        }
        report
    }
}
