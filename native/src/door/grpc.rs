//! OTLP/gRPC: `TraceService/Export` over HTTP/2, framed here.
//!
//! One unary method needs little of gRPC, and framing it here gives it what the Collector's
//! server has: snappy beside gzip and zstd, its texts, and bodies charged as they arrive.

use super::body::{self, BodyError, Patience, Reply};
use super::budget::Charge;
use super::counters::{Fate, Transport};
use super::intake::{Intake, Refusal, overloaded};
use crate::net::compression::Coding;
use crate::net::grpc_frame::{
    CONTENT_TYPE, PREFIX_BYTES, encode_message, parse_prefix, parse_timeout,
};
use crate::net::inflate::{INFLATE_WEIGHT, InflateError, inflate};
use crate::net::runtime;
use crate::net::status::{
    DEADLINE_EXCEEDED, INTERNAL, INVALID_ARGUMENT, PartialSuccess, RESOURCE_EXHAUSTED, Status,
    UNIMPLEMENTED,
};
use bytes::Bytes;
use http::header::{CONTENT_TYPE as CONTENT_TYPE_HEADER, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// An empty `partial_success`, framed.
const ACCEPTED: &[u8] = &[0, 0, 0, 0, 2, 0x0a, 0];

pub struct GrpcFace {
    pub intake: Arc<Intake>,
    pub max_message_bytes: usize,
    pub stall: Duration,
}

impl GrpcFace {
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Reply> {
        if let Some(response) = self.not_grpc(&request) {
            self.intake.counters.count(Transport::Grpc, Fate::Unsupported, 0);
            return response;
        }
        let deadline = match request.headers().get("grpc-timeout") {
            None => Ok(None),
            Some(value) => match value.to_str().ok().and_then(parse_timeout) {
                Some(deadline) => Ok(Some(deadline)),
                None => Err(Status::new(INTERNAL, "malformed grpc-timeout")),
            },
        };
        let answer = match deadline {
            Err(status) => Err(Arc::new(status)),
            Ok(None) => self.export(request).await,
            Ok(Some(deadline)) => {
                timeout(deadline, self.export(request)).await.unwrap_or_else(|_| {
                    Err(Arc::new(Status::new(DEADLINE_EXCEEDED, "the deadline of the call passed")))
                })
            }
        };
        match answer {
            Ok(partial) => accepted(&partial),
            Err(status) => refused(&status),
        }
    }

    /// The answer to what is not a gRPC call at all.
    fn not_grpc(&self, request: &Request<Incoming>) -> Option<Response<Reply>> {
        let text = |status: StatusCode, text: &'static str| {
            let mut response = Response::new(Reply::data(text));
            *response.status_mut() = status;
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE_HEADER, plain);
            Some(response)
        };
        let content_type = request.headers().get(CONTENT_TYPE_HEADER);
        let is_grpc =
            content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
        if request.version() != Version::HTTP_2 {
            return text(
                StatusCode::BAD_REQUEST,
                "this port speaks gRPC (HTTP/2); send OTLP/HTTP to the endpoint of protocols.http, \
                 by default port 4318\n",
            );
        }
        if request.method() != Method::POST {
            return text(StatusCode::METHOD_NOT_ALLOWED, "gRPC calls are POST requests\n");
        }
        if !is_grpc {
            return text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "gRPC needs content-type application/grpc\n",
            );
        }
        None
    }

    async fn export(&self, request: Request<Incoming>) -> Result<PartialSuccess, Arc<Status>> {
        match self.message(request).await {
            Ok((message, charge)) => self.intake.offer(message, Transport::Grpc, charge).await,
            Err((fate, status)) => {
                self.intake.counters.count(Transport::Grpc, fate, 0);
                Err(Arc::new(status))
            }
        }
    }

    /// The call's one message, decompressed, and the room it takes.
    async fn message(&self, request: Request<Incoming>) -> Result<(Bytes, Charge), Refusal> {
        let (parts, mut body) = request.into_parts();
        if parts.uri.path() != PATH {
            return Err((Fate::Unsupported, unknown_method(parts.uri.path())));
        }
        let coding = coding(&parts.headers)?;
        let mut charge = self.intake.admit()?;
        let limit = self.max_message_bytes + PREFIX_BYTES;
        let patience = Patience { stall: self.stall, until: None };
        let announced = |first: &[u8]| {
            parse_prefix(first).map(|(_, length)| length.saturating_add(PREFIX_BYTES))
        };
        let body = body::read(&mut body, limit, &mut charge, patience, announced)
            .await
            .map_err(|error| self.unread(error))?;
        let (flag, length) =
            parse_prefix(&body).ok_or_else(|| malformed("the call has no message"))?;
        let message = body.slice(PREFIX_BYTES..);
        if message.len() != length {
            return Err(malformed(&format!(
                "the call must have one message of the {length} bytes announced, it has {}",
                message.len()
            )));
        }
        match (flag, coding) {
            (0, _) => Ok((message, charge)),
            (1, Some(coding)) => self.inflate(message, coding, charge).await,
            (1, None) => {
                Err(malformed("the message is compressed but grpc-encoding names no coding"))
            }
            (flag, _) => Err(malformed(&format!("flag {flag} of the message is neither 0 nor 1"))),
        }
    }

    async fn inflate(
        &self,
        message: Bytes,
        coding: Coding,
        mut charge: Charge,
    ) -> Result<(Bytes, Charge), Refusal> {
        let limit = self.max_message_bytes;
        let weight = message.len() * INFLATE_WEIGHT;
        let work = move || {
            let content = inflate(coding, &message, limit, &mut |bytes| charge.grow(bytes));
            (content, charge)
        };
        let (content, mut charge) = runtime::compute(weight, work)
            .await
            .ok_or_else(|| malformed("decompression failed"))?;
        match content {
            Ok(content) => {
                charge.shrink_to(content.len());
                Ok((content.into(), charge))
            }
            Err(InflateError::NoRoom) => Err(overloaded()),
            Err(InflateError::TooLarge(bytes)) => {
                Err(self.too_large(" after decompression", bytes))
            }
            Err(InflateError::Corrupt(text)) => {
                Err(malformed(&format!("grpc: failed to decompress the received message: {text}")))
            }
        }
    }

    fn unread(&self, error: BodyError) -> Refusal {
        match error {
            BodyError::NoRoom => overloaded(),
            BodyError::TooLarge(bytes) => self.too_large("", bytes - PREFIX_BYTES),
            BodyError::Unfinished(text) => (Fate::Unfinished, Status::new(DEADLINE_EXCEEDED, text)),
        }
    }

    fn too_large(&self, when: &str, bytes: usize) -> Refusal {
        let text = format!(
            "grpc: received message{when} larger than max ({bytes} vs. {}); the receiver's setting \
             is protocols::grpc::max_recv_msg_size_mib",
            self.max_message_bytes
        );
        (Fate::TooLarge, Status::new(RESOURCE_EXHAUSTED, text))
    }
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Refusal> {
    let name = headers.get("grpc-encoding").map_or(&b"identity"[..], HeaderValue::as_bytes);
    match name {
        b"identity" => Ok(None),
        b"gzip" => Ok(Some(Coding::Gzip)),
        b"zstd" => Ok(Some(Coding::Zstd)),
        b"snappy" => Ok(Some(Coding::Snappy)),
        other => {
            let name = String::from_utf8_lossy(other);
            let text = format!("grpc: Decompressor is not installed for grpc-encoding {name:?}");
            Err((Fate::Unsupported, Status::new(UNIMPLEMENTED, text)))
        }
    }
}

fn malformed(text: &str) -> Refusal {
    (Fate::Malformed, Status::new(INVALID_ARGUMENT, text))
}

fn unknown_method(path: &str) -> Status {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", path));
    let text = match service {
        SERVICE => format!("unknown method {method} for service {service}"),
        _ => format!("unknown service {service}; served here: {SERVICE}"),
    };
    Status::new(UNIMPLEMENTED, text)
}

fn response(reply: Reply) -> Response<Reply> {
    let mut response = Response::new(reply);
    response.headers_mut().insert(CONTENT_TYPE_HEADER, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn accepted(partial: &PartialSuccess) -> Response<Reply> {
    let data = if *partial == PartialSuccess::default() {
        Bytes::from_static(ACCEPTED)
    } else {
        let message = partial.to_protobuf();
        [&crate::net::grpc_frame::prefix(false, message.len())[..], &message].concat().into()
    };
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    response(Reply { data: Some(data), trailers: Some(trailers) })
}

/// A response of headers alone, which is how gRPC refuses.
fn refused(status: &Status) -> Response<Reply> {
    let mut response = response(Reply::default());
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from(status.code));
    let message = HeaderValue::try_from(encode_message(&status.message));
    headers.insert(GRPC_MESSAGE, message.expect("an encoded message is printable ASCII"));
    if status.retry_after.is_some() {
        let details = HeaderValue::try_from(status.to_details_header());
        headers.insert(GRPC_DETAILS, details.expect("base64 is printable ASCII"));
    }
    response
}
