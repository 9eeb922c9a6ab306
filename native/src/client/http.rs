//! OTLP/HTTP client: one POST an attempt, protobuf or JSON.

use super::balance::HttpClient;
use super::connect::{Connector, Dial, Proxies, Security, explain, proxy_credentials};
use super::grpc::custom_headers;
use super::mailbox::{Delivery, Mailbox, seconds};
use super::payload::{Payload, Writing, prepare};
use crate::batch::SpanBatch;
use crate::net::compression::Coding;
use crate::net::status::{PartialSuccess, Status};
use crate::net::tls::TlsClientOptions;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, PROXY_AUTHORIZATION, RETRY_AFTER, USER_AGENT,
};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// As much of an answer is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Delivery::status when no answer came.
const NO_ANSWER: i32 = 0;
/// Delivery::status when the batch could not be written.
const NOTHING_SENT: i32 = -1;

/// What the exporter's configuration comes to. Times of None mean never, counts of None no limit.
#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub struct HttpClientOptions {
    url: String,
    tls: TlsClientOptions,
    json: bool,
    compression: Option<String>,
    compression_level: Option<i32>,
    headers: Vec<(String, String)>,
    user_agent: String,
    proxy_url: String,
    http2: bool,
    keep_alives: bool,
    max_idle_connections: Option<usize>,
    max_connections: Option<usize>,
    idle_timeout_seconds: Option<f64>,
    ping_after_seconds: Option<f64>,
    ping_timeout_seconds: Option<f64>,
}

/// Sends batches to one OTLP/HTTP server.
///
/// All methods return at once and are called from one event loop, which watches `fileno()`.
#[pyclass(frozen, module = "ananta._native")]
pub struct OtlpHttpClient {
    mailbox: Mailbox,
    poster: Arc<Poster>,
}

#[pymethods]
impl OtlpHttpClient {
    /// Raises ValueError, one line that begins with the setting at fault.
    #[new]
    fn new(options: HttpClientOptions) -> PyResult<Self> {
        let poster = Poster::new(options).map_err(PyValueError::new_err)?;
        Ok(Self { mailbox: Mailbox::new()?, poster: Arc::new(poster) })
    }

    /// Starts one attempt to deliver `batch` and returns its ticket; a timeout of 0 is none.
    fn export(&self, batch: Py<SpanBatch>, timeout_seconds: f64) -> u64 {
        let poster = self.poster.clone();
        let limit = seconds(timeout_seconds);
        self.mailbox.start(async move { poster.deliver(batch, limit).await })
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

impl Drop for OtlpHttpClient {
    fn drop(&mut self) {
        self.mailbox.cancel_all();
    }
}

struct Poster {
    client: HttpClient,
    uri: Uri,
    /// Those every request has.
    headers: HeaderMap,
    writing: Writing,
    room: Option<Semaphore>,
}

impl Poster {
    fn new(options: HttpClientOptions) -> Result<Self, String> {
        let uri: Uri =
            options.url.parse().map_err(|error| format!("endpoint: {}: {error}", options.url))?;
        let dial = dial(&uri, &options.proxy_url)?;
        let coding = options.compression.as_deref().and_then(Coding::from_name);
        let mut headers = headers(&options)?;
        if let Some(credentials) = proxy_credentials(&dial) {
            headers.insert(PROXY_AUTHORIZATION, credentials);
        }
        let security = match uri.scheme() == Some(&Scheme::HTTPS) {
            true => {
                let alpn: &[&[u8]] =
                    if options.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
                Some(Security::new(&uri, options.tls.clone(), alpn)?)
            }
            false => None,
        };
        Ok(Self {
            client: builder(&options).build(Connector { dial, security }),
            uri,
            headers,
            writing: Writing { json: options.json, coding, level: options.compression_level },
            room: options.max_connections.map(Semaphore::new),
        })
    }

    async fn deliver(&self, batch: Py<SpanBatch>, limit: Option<Duration>) -> Delivery {
        let Some(limit) = limit else { return self.post(batch).await };
        timeout(limit, self.post(batch)).await.unwrap_or_else(|_| {
            let text = format!("{} did not answer within {} s", self.uri, limit.as_secs_f64());
            Delivery::failed(NO_ANSWER, text, None)
        })
    }

    async fn post(&self, batch: Py<SpanBatch>) -> Delivery {
        let chunks = match prepare(batch, self.writing).await {
            Ok(chunks) => chunks,
            Err(error) => return Delivery::failed(NOTHING_SENT, error, None),
        };
        let _place = match &self.room {
            Some(room) => room.acquire().await.ok(),
            None => None,
        };
        let mut request = Request::new(Payload::new(chunks));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        match self.client.request(request).await {
            Ok(response) => self.read(response).await,
            Err(error) => {
                let text = format!("{}: {}", self.uri, explain(&error));
                Delivery::failed(NO_ANSWER, text, None)
            }
        }
    }

    async fn read(&self, response: Response<Incoming>) -> Delivery {
        let (head, body) = response.into_parts();
        let status = i32::from(head.status.as_u16());
        let is_json = head.headers.get(CONTENT_TYPE).is_some_and(|value| {
            value.as_bytes().to_ascii_lowercase().starts_with(JSON.as_bytes())
        });
        let body = match answer(body).await {
            Ok(body) => body,
            Err(error) if head.status.is_success() => {
                return Delivery::failed(NO_ANSWER, format!("{}: {error}", self.uri), None);
            }
            // A failure is one, whatever became of its explanation.
            Err(_) => Bytes::new(),
        };
        if head.status.is_success() {
            let partial = match is_json {
                _ if body.is_empty() => Some(PartialSuccess::default()),
                true => PartialSuccess::from_json(&body),
                false => PartialSuccess::from_protobuf(&body),
            };
            return match partial {
                Some(partial) => Delivery::accepted(status, partial),
                None => {
                    let text = format!("{} answered with what is no OTLP response", self.uri);
                    Delivery::failed(status, text, None)
                }
            };
        }
        let told = match is_json {
            true => Status::from_json(&body),
            false => Some(Status::from_protobuf(&body)),
        };
        let message = told.map(|status| status.message).filter(|message| !message.is_empty());
        let message = message.map(|message| format!(": {message}")).unwrap_or_default();
        let text = format!("{} answered {}{message}", self.uri, head.status);
        Delivery::failed(status, text, retry_after(&head.headers))
    }
}

/// The answer, or its beginning when it is longer than anybody needs.
async fn answer(body: Incoming) -> Result<Bytes, String> {
    let mut body = Limited::new(body, MAX_ANSWER_BYTES);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => whole.extend_from_slice(frame.data_ref().map_or(&[][..], Bytes::as_ref)),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => break,
            Err(error) => return Err(explain(&*error)),
        }
    }
    Ok(whole.into())
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn dial(uri: &Uri, proxy_url: &str) -> Result<Dial, String> {
    Ok(match Proxies::new(proxy_url)?.intercept(uri)? {
        None => Dial::Host(uri.clone()),
        Some(proxy) if uri.scheme() == Some(&Scheme::HTTPS) => Dial::Tunnel(uri.clone(), proxy),
        Some(proxy) => Dial::Proxy(proxy),
    })
}

fn builder(options: &HttpClientOptions) -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    builder.pool_idle_timeout(options.idle_timeout_seconds.and_then(seconds));
    builder.http2_keep_alive_interval(options.ping_after_seconds.and_then(seconds));
    if let Some(time) = options.ping_timeout_seconds.and_then(seconds) {
        builder.http2_keep_alive_timeout(time);
    }
    if !options.keep_alives {
        builder.pool_max_idle_per_host(0);
    } else if let Some(connections) = options.max_idle_connections {
        builder.pool_max_idle_per_host(connections);
    }
    builder
}

fn headers(options: &HttpClientOptions) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, if options.json { JSON } else { PROTOBUF });
    let agent = HeaderValue::try_from(&options.user_agent).map_err(|error| error.to_string())?;
    headers.insert(USER_AGENT, agent);
    if !options.keep_alives {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in &custom_headers(&options.headers)? {
        headers.insert(name, value.clone());
    }
    if let Some(compression) = &options.compression {
        let value = HeaderValue::try_from(compression).map_err(|error| error.to_string())?;
        headers.insert(CONTENT_ENCODING, value);
    }
    Ok(headers)
}
