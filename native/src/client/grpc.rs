//! OTLP/gRPC client: one `TraceService/Export` call an attempt.

use super::balance::{Balancer, HttpClient};
use super::connect::{Dial, Proxies, Security, explain};
use super::mailbox::{Delivery, Mailbox, seconds};
use super::payload::{Payload, Writing, prepare};
use crate::batch::SpanBatch;
use crate::net::compression::Coding;
use crate::net::grpc_frame::{
    CONTENT_TYPE, PREFIX_BYTES, decode_message, format_timeout, parse_prefix, prefix,
};
use crate::net::inflate::inflate;
use crate::net::status::{
    DEADLINE_EXCEEDED, INTERNAL, OK, PERMISSION_DENIED, PartialSuccess, Status, UNAUTHENTICATED,
    UNAVAILABLE, UNIMPLEMENTED, UNKNOWN,
};
use crate::net::tls::TlsClientOptions;
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// An answer is a few bytes; one that is longer than this is none.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Pause between attempts to connect, with `wait_for_ready`.
const CONNECT_PAUSE: Duration = Duration::from_millis(200);

/// What the exporter's configuration comes to. Times of None mean never.
#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub struct GrpcClientOptions {
    /// `host:port`, or `unix:` and a path.
    target: String,
    /// None for a plaintext connection.
    tls: Option<TlsClientOptions>,
    compression: Option<String>,
    headers: Vec<(String, String)>,
    authority: String,
    user_agent: String,
    round_robin: bool,
    wait_for_ready: bool,
    keepalive_time_seconds: Option<f64>,
    keepalive_timeout_seconds: f64,
    keepalive_without_calls: bool,
}

/// Sends batches to one OTLP/gRPC server.
///
/// All methods return at once and are called from one event loop, which watches `fileno()`.
#[pyclass(frozen, module = "ananta._native")]
pub struct OtlpGrpcClient {
    mailbox: Mailbox,
    channel: Arc<Channel>,
}

#[pymethods]
impl OtlpGrpcClient {
    /// Raises ValueError, one line that begins with the setting at fault.
    #[new]
    fn new(options: GrpcClientOptions) -> PyResult<Self> {
        let channel = Channel::new(options).map_err(PyValueError::new_err)?;
        Ok(Self { mailbox: Mailbox::new()?, channel: Arc::new(channel) })
    }

    /// Starts one attempt to deliver `batch` and returns its ticket; a timeout of 0 is none.
    fn export(&self, batch: Py<SpanBatch>, timeout_seconds: f64) -> u64 {
        let channel = self.channel.clone();
        let limit = seconds(timeout_seconds);
        self.mailbox.start(async move { channel.deliver(batch, limit).await })
    }

    /// The descriptor that is readable while `take_finished` would return something.
    fn fileno(&self) -> i32 {
        self.mailbox.fd()
    }

    /// The attempts that ended since the last call, with their tickets.
    fn take_finished(&self) -> Vec<(u64, Delivery)> {
        self.mailbox.take()
    }

    /// Gives up an attempt; it will not be among those finished.
    fn cancel(&self, ticket: u64) {
        self.mailbox.cancel(ticket);
    }
}

impl Drop for OtlpGrpcClient {
    fn drop(&mut self) {
        self.mailbox.cancel_all();
    }
}

struct Channel {
    balancer: Balancer,
    uri: Uri,
    /// Those every call has.
    headers: HeaderMap,
    coding: Option<Coding>,
    wait_for_ready: bool,
    target: String,
}

/// A failure and whether another peer may be tried: not a byte of the call was sent.
struct Attempt {
    unsent: bool,
    delivery: Delivery,
}

impl Channel {
    fn new(options: GrpcClientOptions) -> Result<Self, String> {
        let uri = call_uri(&options)?;
        let security =
            options.tls.clone().map(|tls| Security::new(&uri, tls, &[b"h2"])).transpose()?;
        let headers = headers(&options)?;
        let coding = options.compression.as_deref().and_then(Coding::from_name);
        Ok(Self {
            balancer: balancer(&options, security)?,
            uri,
            headers,
            coding,
            wait_for_ready: options.wait_for_ready,
            target: options.target,
        })
    }

    async fn deliver(&self, batch: Py<SpanBatch>, limit: Option<Duration>) -> Delivery {
        let Some(limit) = limit else { return self.call(batch, None).await };
        timeout(limit, self.call(batch, Some(limit))).await.unwrap_or_else(|_| {
            let text = format!("{} did not answer within {} s", self.target, limit.as_secs_f64());
            Delivery::failed(DEADLINE_EXCEEDED, text, None)
        })
    }

    async fn call(&self, batch: Py<SpanBatch>, limit: Option<Duration>) -> Delivery {
        // The stream form is what gRPC's other implementations write and read.
        let coding = self.coding.map(|coding| match coding {
            Coding::Snappy => Coding::SnappyFramed,
            other => other,
        });
        let writing = Writing { json: false, coding, level: None };
        let chunks = match prepare(batch, writing).await {
            Ok(chunks) => chunks,
            Err(error) => return Delivery::failed(INTERNAL, error, None),
        };
        loop {
            let attempt = self.try_peers(&chunks, limit).await;
            if !(attempt.unsent && self.wait_for_ready) {
                return attempt.delivery;
            }
            sleep(CONNECT_PAUSE).await;
        }
    }

    /// Tries each peer until one could be connected to.
    async fn try_peers(&self, chunks: &[Bytes], limit: Option<Duration>) -> Attempt {
        let unreachable = |reason: String| Attempt {
            unsent: true,
            delivery: Delivery::failed(UNAVAILABLE, format!("{}: {reason}", self.target), None),
        };
        let peers = match self.balancer.order().await {
            Ok(peers) => peers,
            Err(error) => return unreachable(error.to_string()),
        };
        let mut last = unreachable("the name has no address".into());
        for peer in peers {
            last = self.attempt(&peer.client, chunks, limit).await;
            if !last.unsent {
                break;
            }
            peer.avoid();
        }
        last
    }

    async fn attempt(
        &self,
        client: &HttpClient,
        chunks: &[Bytes],
        limit: Option<Duration>,
    ) -> Attempt {
        match client.request(self.request(chunks, limit)).await {
            Ok(response) => Attempt { unsent: false, delivery: self.read(response).await },
            Err(error) => {
                let text = format!("{}: {}", self.target, explain(&error));
                let delivery = Delivery::failed(UNAVAILABLE, text, None);
                Attempt { unsent: error.is_connect(), delivery }
            }
        }
    }

    fn request(&self, chunks: &[Bytes], limit: Option<Duration>) -> Request<Payload> {
        let length = chunks.iter().map(Bytes::len).sum();
        let mut body = Vec::with_capacity(chunks.len() + 1);
        body.push(Bytes::copy_from_slice(&prefix(self.coding.is_some(), length)));
        body.extend_from_slice(chunks);
        let mut request = Request::new(Payload::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(limit) = limit {
            let value = HeaderValue::try_from(format_timeout(limit));
            request.headers_mut().insert("grpc-timeout", value.expect("digits and a letter"));
        }
        request
    }

    async fn read(&self, response: Response<Incoming>) -> Delivery {
        let (head, body) = response.into_parts();
        let content_type = head.headers.get("content-type").map_or(&b""[..], HeaderValue::as_bytes);
        if head.status != 200 || !content_type.starts_with(CONTENT_TYPE.as_bytes()) {
            let text = format!("{} answered no gRPC but HTTP status {}", self.target, head.status);
            return Delivery::failed(code_of_http_status(head.status.as_u16()), text, None);
        }
        if let Some(status) = status_in(&head.headers).filter(|status| status.code != OK) {
            return Delivery::failed(status.code, status.message, status.retry_after);
        }
        let body = match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
            Ok(body) => body,
            Err(error) => {
                let text = format!("{} broke off its answer: {}", self.target, explain(&*error));
                return Delivery::failed(UNAVAILABLE, text, None);
            }
        };
        let trailers = body.trailers().and_then(status_in);
        let Some(status) = trailers.or_else(|| status_in(&head.headers)) else {
            let text = format!("{} ended its answer without a status", self.target);
            return Delivery::failed(INTERNAL, text, None);
        };
        if status.code != OK {
            return Delivery::failed(status.code, status.message, status.retry_after);
        }
        let coding = head.headers.get("grpc-encoding").and_then(|name| name.to_str().ok());
        match partial_success(&body.to_bytes(), coding.and_then(Coding::from_name)) {
            Some(partial) => Delivery::accepted(OK, partial),
            None => {
                let text = format!("{} answered with what is no OTLP response", self.target);
                Delivery::failed(INTERNAL, text, None)
            }
        }
    }
}

/// The one message of an answer. A server may use the coding of the request unasked: grpc-go does,
/// where the message is not empty.
fn partial_success(body: &[u8], coding: Option<Coding>) -> Option<PartialSuccess> {
    let (flag, length) = parse_prefix(body)?;
    let message = body.get(PREFIX_BYTES..).filter(|message| message.len() == length)?;
    match flag {
        0 => PartialSuccess::from_protobuf(message),
        1 => {
            let plain = inflate(coding?, message, MAX_ANSWER_BYTES, &mut |_| true).ok()?;
            PartialSuccess::from_protobuf(&plain)
        }
        _ => None,
    }
}

fn status_in(headers: &HeaderMap) -> Option<Status> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse().unwrap_or(UNKNOWN);
    let message = headers.get("grpc-message").map(|value| decode_message(value.as_bytes()));
    let details = headers.get("grpc-status-details-bin");
    let details = details.and_then(|value| Status::from_details_header(value.as_bytes()));
    let delay = details.and_then(|status| status.retry_after);
    Some(Status::new(code, message.unwrap_or_default()).retry_after(delay))
}

/// What an HTTP status that is no gRPC answer stands for, as gRPC's own table has it.
fn code_of_http_status(status: u16) -> i32 {
    match status {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

fn call_uri(options: &GrpcClientOptions) -> Result<Uri, String> {
    let authority = if !options.authority.is_empty() {
        options.authority.as_str()
    } else if options.target.starts_with("unix:") {
        "localhost"
    } else {
        options.target.as_str()
    };
    let bad =
        |error: &dyn std::fmt::Display| format!("endpoint: {authority:?} is no address: {error}");
    let authority: Authority = authority.parse().map_err(|error| bad(&error))?;
    let scheme = if options.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(PATH);
    uri.build().map_err(|error| format!("endpoint: {error}"))
}

fn balancer(options: &GrpcClientOptions, security: Option<Security>) -> Result<Balancer, String> {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new()).http2_only(true);
    builder.http2_keep_alive_interval(options.keepalive_time_seconds.and_then(seconds));
    if let Some(time) = seconds(options.keepalive_timeout_seconds) {
        builder.http2_keep_alive_timeout(time);
    }
    builder.http2_keep_alive_while_idle(options.keepalive_without_calls);
    if let Some(path) = options.target.strip_prefix("unix:") {
        let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
        return Ok(Balancer::single(builder, Dial::Unix(path), security));
    }
    let target: Authority = options.target.parse().map_err(|error| format!("endpoint: {error}"))?;
    let url = |scheme: Scheme| {
        let uri = Uri::builder().scheme(scheme).authority(target.clone()).path_and_query("/");
        uri.build().map_err(|error| format!("endpoint: {error}"))
    };
    // gRPC asks a proxy for a tunnel whether or not it then speaks TLS through it.
    if let Some(proxy) = Proxies::new("")?.intercept(&url(Scheme::HTTPS)?)? {
        return Ok(Balancer::single(builder, Dial::Tunnel(url(Scheme::HTTPS)?, proxy), security));
    }
    if options.round_robin {
        return Ok(Balancer::round_robin(builder, options.target.clone(), security));
    }
    Ok(Balancer::single(builder, Dial::Host(url(Scheme::HTTP)?), security))
}

fn headers(options: &GrpcClientOptions) -> Result<HeaderMap, String> {
    let mut headers = custom_headers(&options.headers)?;
    let mut set = |name: &'static str, value: &str| {
        let value = HeaderValue::try_from(value).map_err(|_| format!("{name}: {value:?}"))?;
        headers.insert(HeaderName::from_static(name), value);
        Ok::<_, String>(())
    };
    set("content-type", CONTENT_TYPE)?;
    set("te", "trailers")?;
    set("grpc-accept-encoding", "identity")?;
    set("user-agent", &options.user_agent)?;
    if let Some(compression) = &options.compression {
        set("grpc-encoding", compression)?;
    }
    Ok(headers)
}

/// The headers of the configuration.
pub fn custom_headers(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let bad = |what: &str| format!("headers: {name:?} {what}");
        let value = HeaderValue::try_from(value).map_err(|_| bad("has no valid value"))?;
        let name = HeaderName::try_from(name).map_err(|_| bad("is no header name"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::compression::compress;
    use crate::net::grpc_frame::prefix;

    fn answer(compressed: bool, message: &[u8]) -> Vec<u8> {
        [&prefix(compressed, message.len())[..], message].concat()
    }

    #[test]
    fn an_answer_is_read_plain_or_in_the_coding_it_names() {
        let empty = [0x0a, 0x00];
        assert!(partial_success(&answer(false, &empty), None).is_some());
        for coding in [Coding::Gzip, Coding::Zstd, Coding::Snappy] {
            let body = answer(true, &compress(coding, None, &empty));
            assert!(partial_success(&body, Some(coding)).is_some(), "{}", coding.name());
            assert!(partial_success(&body, None).is_none());
        }
        assert!(partial_success(&answer(true, &empty), Some(Coding::Gzip)).is_none());
    }
}
