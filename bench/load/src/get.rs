//! Asks a web service for one page: at a fixed rate, or on each connection as fast as it answers.
//!
//! At a fixed rate requests are due at even intervals, whatever became of those before: an open
//! loop. A thread keeps that timetable, because its sleep ends closer to the time than a timer of
//! the runtime. Prints when each request was due and answered; the caller makes statistics of it.

use crate::AnyError;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep, timeout};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// `host:port`.
    target: String,
    path: String,
    /// Requests in flight; each has a connection of its own.
    connections: usize,
    /// A fixed rate; closed loop when absent.
    requests_per_second: Option<f64>,
    seconds: f64,
}

/// Times are microseconds since the start; the two lists belong together.
#[derive(Default, Serialize)]
struct Report {
    due_micros: Vec<u64>,
    answered_micros: Vec<u64>,
    /// Due requests without a good answer, because it failed or the time was over first.
    unanswered_due_micros: Vec<u64>,
    seconds: f64,
}

struct Run {
    plan: Plan,
    start: Instant,
    timetable: Option<Mutex<UnboundedReceiver<Instant>>>,
    report: RefCell<Report>,
}

pub async fn run(plan: &str) -> Result<(), AnyError> {
    let plan: Plan = serde_json::from_str(plan)?;
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(connect(&plan.target).await?);
    }
    let start = Instant::now();
    let run = Rc::new(Run {
        timetable: plan
            .requests_per_second
            .map(|rate| Mutex::new(keep_timetable(start, rate, plan.seconds))),
        report: RefCell::default(),
        start,
        plan,
    });
    let tasks = tokio::task::LocalSet::new();
    for connection in connections {
        tasks.spawn_local(run.clone().ask_all(connection));
    }
    tasks.await;
    println!("{}", serde_json::to_string(&run.summary().await)?);
    Ok(())
}

/// Every time at which a request is due, told when it has come.
fn keep_timetable(start: Instant, rate: f64, seconds: f64) -> UnboundedReceiver<Instant> {
    let (tell, timetable) = unbounded_channel();
    thread::spawn(move || {
        for number in 0..(rate * seconds) as u64 {
            let due = start + Duration::from_secs_f64(number as f64 / rate);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if tell.send(due).is_err() {
                return;
            }
        }
    });
    timetable
}

async fn connect(target: &str) -> Result<SendRequest<Empty<Bytes>>, AnyError> {
    let stream = TcpStream::connect(target)
        .await
        .map_err(|error| format!("{target}: {error}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

impl Run {
    async fn ask_all(self: Rc<Self>, mut connection: SendRequest<Empty<Bytes>>) {
        while let Some(due) = self.take().await {
            let due_micros = self.micros_at(due);
            let answer = timeout(ANSWER_TIMEOUT, self.ask(&mut connection)).await;
            let mut report = self.report.borrow_mut();
            if let Ok(Ok(())) = answer {
                report.due_micros.push(due_micros);
                report.answered_micros.push(self.micros_at(Instant::now()));
            } else {
                report.unanswered_due_micros.push(due_micros);
            }
        }
    }

    /// When the next request was due; None at the end of the run.
    async fn take(&self) -> Option<Instant> {
        let due = match &self.timetable {
            Some(timetable) => timetable.lock().await.recv().await?,
            None => Instant::now(),
        };
        if self.start.elapsed().as_secs_f64() < self.plan.seconds {
            return Some(due);
        }
        if self.timetable.is_some() {
            let due_micros = self.micros_at(due);
            self.report
                .borrow_mut()
                .unanswered_due_micros
                .push(due_micros);
        }
        None
    }

    /// One request and its whole answer; a connection that was closed is opened again first.
    async fn ask(&self, connection: &mut SendRequest<Empty<Bytes>>) -> Result<(), AnyError> {
        while connection.ready().await.is_err() {
            match connect(&self.plan.target).await {
                Ok(opened) => *connection = opened,
                Err(_) => sleep(RECONNECT_PAUSE).await,
            }
        }
        let request = Request::get(&self.plan.path)
            .header("host", &self.plan.target)
            .header("user-agent", "ananta-bench-load")
            .header("accept", "*/*")
            .body(Empty::new())?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        match status.is_success() {
            true => Ok(()),
            false => Err(status.as_str().into()),
        }
    }

    fn micros_at(&self, instant: Instant) -> u64 {
        instant.duration_since(self.start).as_micros() as u64
    }

    /// The report, with what was due and never taken up.
    async fn summary(&self) -> Report {
        let mut report = self.report.take();
        report.seconds = self.start.elapsed().as_secs_f64();
        if let Some(timetable) = &self.timetable {
            let mut timetable = timetable.lock().await;
            while let Some(due) = timetable.recv().await {
                report.unanswered_due_micros.push(self.micros_at(due));
            }
        }
        report
    }
}
