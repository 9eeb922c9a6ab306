//! What Python says about a door's endpoints, and the servers that come of it.

use super::connection::{Face, Lifetimes};
use super::cors::Cors;
use super::grpc::GrpcFace;
use super::http::HttpFace;
use super::intake::Intake;
use super::listen::Endpoint;
use crate::net::tls::{self, Reloading, TlsServerOptions};
use http::{HeaderName, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;

/// Large frames cost less each: a whole request fits in one.
const MAX_FRAME_BYTES: u32 = 1024 * 1024;
const STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const MAX_HEADER_BYTES: u32 = 64 * 1024;

/// `protocols.grpc`. Times of `None` mean without end.
#[derive(Clone, Debug, pyo3::FromPyObject)]
#[pyo3(from_item_all)]
pub struct GrpcOptions {
    pub endpoint: String,
    pub transport: String,
    pub tls: Option<TlsServerOptions>,
    pub max_connections: usize,
    pub max_message_bytes: usize,
    pub max_concurrent_streams: u32,
    pub max_connection_idle_seconds: Option<f64>,
    pub max_connection_age_seconds: Option<f64>,
    pub max_connection_age_grace_seconds: Option<f64>,
    pub keepalive_time_seconds: f64,
    pub keepalive_timeout_seconds: f64,
    pub stall_seconds: f64,
}

/// `protocols.http`. Times of `None` mean without end.
#[derive(Clone, Debug, pyo3::FromPyObject)]
#[pyo3(from_item_all)]
pub struct HttpOptions {
    pub endpoint: String,
    pub transport: String,
    pub tls: Option<TlsServerOptions>,
    pub max_connections: usize,
    pub traces_path: String,
    pub max_body_bytes: usize,
    pub compression_algorithms: Vec<String>,
    pub cors: Option<Cors>,
    pub response_headers: Vec<(String, String)>,
    pub keep_alives: bool,
    pub read_timeout_seconds: Option<f64>,
    pub read_header_timeout_seconds: Option<f64>,
    pub write_timeout_seconds: Option<f64>,
    pub idle_timeout_seconds: Option<f64>,
    pub stall_seconds: f64,
}

impl GrpcOptions {
    /// The endpoint's server; errors begin with the key at fault.
    pub fn build(self, intake: &Arc<Intake>) -> Result<Endpoint, String> {
        let face = GrpcFace {
            intake: intake.clone(),
            max_message_bytes: self.max_message_bytes,
            stall: duration(self.stall_seconds),
        };
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new());
        builder
            .http2()
            .timer(TokioTimer::new())
            .auto_date_header(false)
            .max_frame_size(MAX_FRAME_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(MAX_HEADER_BYTES)
            .max_concurrent_streams(self.max_concurrent_streams)
            .keep_alive_interval(duration(self.keepalive_time_seconds))
            .keep_alive_timeout(duration(self.keepalive_timeout_seconds));
        Ok(Endpoint {
            intake: intake.clone(),
            face: Face::Grpc(Arc::new(face)),
            builder,
            lifetimes: Lifetimes {
                idle: self.max_connection_idle_seconds.map(duration),
                age: self.max_connection_age_seconds.map(duration),
                age_grace: self.max_connection_age_grace_seconds.map(duration),
            },
            tls: self.tls.map(|options| secured(options, &[b"h2"])).transpose()?,
            max_connections: self.max_connections,
        })
    }
}

impl HttpOptions {
    /// The endpoint's server; errors begin with the key at fault.
    pub fn build(self, intake: &Arc<Intake>) -> Result<Endpoint, String> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .keep_alive(self.keep_alives)
            .header_read_timeout(self.read_header_timeout_seconds.map(duration));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_frame_size(MAX_FRAME_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(MAX_HEADER_BYTES);
        let idle = self.idle_timeout_seconds.map(duration);
        let tls = self.tls.clone().map(|options| secured(options, &[b"h2", b"http/1.1"]));
        Ok(Endpoint {
            intake: intake.clone(),
            max_connections: self.max_connections,
            tls: tls.transpose()?,
            face: Face::Http(Arc::new(self.face(intake)?)),
            builder,
            lifetimes: Lifetimes { idle, ..Lifetimes::default() },
        })
    }

    fn face(self, intake: &Arc<Intake>) -> Result<HttpFace, String> {
        let header = |(name, value): (String, String)| {
            let bad = |what: &str| format!("response_headers: {name:?} {what}");
            let value = HeaderValue::try_from(value).map_err(|_| bad("has no valid value"))?;
            Ok((HeaderName::try_from(&name).map_err(|_| bad("is no header name"))?, value))
        };
        Ok(HttpFace {
            intake: intake.clone(),
            traces_path: self.traces_path,
            max_body_bytes: self.max_body_bytes,
            codings: self.compression_algorithms,
            cors: self.cors.filter(|cors| !cors.allowed_origins.is_empty()),
            response_headers: self
                .response_headers
                .into_iter()
                .map(header)
                .collect::<Result<_, String>>()?,
            stall: duration(self.stall_seconds),
            read_timeout: self.read_timeout_seconds.map(duration),
            write_timeout: self.write_timeout_seconds.map(duration),
        })
    }
}

fn secured(
    options: TlsServerOptions,
    alpn: &'static [&'static [u8]],
) -> Result<Reloading<ServerConfig>, String> {
    tls::server(options, alpn).map_err(|error| format!("tls::{error}"))
}

/// Seconds of a configuration that was validated; what is no time at all becomes a year.
fn duration(seconds: f64) -> Duration {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Duration::try_from_secs_f64(seconds).map_or(YEAR, |time| time.min(YEAR))
}
