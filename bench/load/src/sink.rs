//! Takes OTLP over gRPC and HTTP on one port, counts the spans and discards them.
//!
//! Prints `{"port": N}` when it listens; `GET /count` answers `{"spans": N, "requests": N}`.

use crate::AnyError;
use crate::otlp::count_spans;
use crate::payload::FRAME_PREFIX;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use serde::Deserialize;
use std::cell::Cell;
use std::convert::Infallible;
use std::io::Read;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};

type Body = UnsyncBoxBody<Bytes, Infallible>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Take no more than this, by answering late; as much as comes when absent.
    spans_per_second: Option<f64>,
}

struct Sink {
    plan: Plan,
    spans: Cell<u64>,
    requests: Cell<u64>,
    free_at: Cell<Instant>,
}

pub async fn run(plan: &str) -> Result<(), AnyError> {
    let sink: &'static Sink = Box::leak(Box::new(Sink {
        plan: serde_json::from_str(plan)?,
        spans: Cell::new(0),
        requests: Cell::new(0),
        free_at: Cell::new(Instant::now()),
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"port\": {}}}", listener.local_addr()?.port());
    let accept = async {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::task::spawn_local(async move {
                let mut server = auto::Builder::new(LocalExecutor);
                server
                    .http2()
                    .initial_stream_window_size(4 << 20)
                    .initial_connection_window_size(16 << 20)
                    .max_frame_size(1 << 20);
                let service = service_fn(move |request| sink.answer(request));
                // A peer that hangs up while we answer is its business, not ours.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    };
    tokio::task::LocalSet::new().run_until(accept).await;
    Ok(())
}

/// Runs connection tasks on the one thread, where the counters live.
#[derive(Clone)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

impl Sink {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, AnyError> {
        let (head, body) = request.into_parts();
        if head.method == Method::GET {
            let (spans, requests) = (self.spans.get(), self.requests.get());
            return Ok(plain(
                format!("{{\"spans\": {spans}, \"requests\": {requests}}}").into(),
            ));
        }
        let named = |name: &str, value: &str| -> bool {
            head.headers
                .get(name)
                .is_some_and(|seen| seen.as_bytes().starts_with(value.as_bytes()))
        };
        let grpc = named("content-type", "application/grpc");
        let body = body.collect().await?.to_bytes();
        let (message, gzip) = match grpc {
            true => (body.slice(FRAME_PREFIX..), body[0] == 1),
            false => (body, named("content-encoding", "gzip")),
        };
        let counted = match gzip {
            true => {
                let mut plain = Vec::with_capacity(message.len() * 8);
                GzDecoder::new(&message[..]).read_to_end(&mut plain)?;
                count_spans(&plain)
            }
            false => count_spans(&message),
        };
        let spans = counted.ok_or("the system under test sent a malformed request")?;
        self.hold_back(spans).await;
        self.spans.set(self.spans.get() + spans);
        self.requests.set(self.requests.get() + 1);
        Ok(if grpc {
            grpc_accepted()
        } else {
            plain(Bytes::new())
        })
    }

    async fn hold_back(&self, spans: u64) {
        if let Some(rate) = self.plan.spans_per_second {
            let begin = self.free_at.get().max(Instant::now());
            let done = begin + Duration::from_secs_f64(spans as f64 / rate);
            self.free_at.set(done);
            sleep_until(done).await;
        }
    }
}

fn plain(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(
        "content-type",
        HeaderValue::from_static("application/x-protobuf"),
    );
    response
}

/// An empty response message and the trailer that says all went well.
fn grpc_accepted() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from_static(&[0; FRAME_PREFIX]))
        .with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed_unsync());
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
