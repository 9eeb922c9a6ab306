//! OTLP/HTTP: `POST /v1/traces`, protobuf or JSON, over HTTP/1.1 and HTTP/2.

use super::body::{self, BodyError, Patience, Reply};
use super::budget::Charge;
use super::cors::Cors;
use super::counters::{Fate, Transport};
use super::intake::{Intake, Refusal, malformed, overloaded};
use crate::net::compression::Coding;
use crate::net::inflate::{INFLATE_WEIGHT, InflateError, inflate};
use crate::net::runtime;
use crate::net::status::{DEADLINE_EXCEEDED, INTERNAL, INVALID_ARGUMENT, PartialSuccess, Status};
use crate::otlp;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderName, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// JSON is read far slower than protobuf is checked.
const JSON_WEIGHT: usize = 4;

pub struct HttpFace {
    pub intake: Arc<Intake>,
    pub traces_path: String,
    pub max_body_bytes: usize,
    /// The codings taken, by name.
    pub codings: Vec<String>,
    pub cors: Option<Cors>,
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
    pub stall: Duration,
    /// How long a whole request may take to arrive.
    pub read_timeout: Option<Duration>,
    /// How long a request may take to be answered.
    pub write_timeout: Option<Duration>,
}

/// The two forms of a request, which is also that of its answer.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Protobuf,
    Json,
}

impl Form {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Form::Protobuf => "application/x-protobuf",
            Form::Json => "application/json",
        })
    }
}

/// What a request's `Content-Type` says, parameters aside.
enum MediaType {
    Absent,
    Known(Form),
    Other,
}

fn media_type(headers: &HeaderMap) -> MediaType {
    let Some(value) = headers.get(CONTENT_TYPE) else { return MediaType::Absent };
    let name = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    match name.trim_ascii().to_ascii_lowercase().as_slice() {
        b"application/x-protobuf" => MediaType::Known(Form::Protobuf),
        b"application/json" => MediaType::Known(Form::Json),
        _ => MediaType::Other,
    }
}

impl HttpFace {
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Reply> {
        let preflight = self.cors.as_ref().and_then(|cors| cors.preflight(&request));
        let mut response = match preflight {
            Some(response) => response,
            None => {
                let (parts, body) = request.into_parts();
                let mut response = self.serve(&parts, body).await;
                if let Some(cors) = &self.cors {
                    cors.decorate(&parts.headers, response.headers_mut());
                }
                response
            }
        };
        for (name, value) in &self.response_headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }

    async fn serve(&self, parts: &Parts, mut body: Incoming) -> Response<Reply> {
        let (response, finished) = match self.route(parts) {
            Err(response) => {
                self.intake.counters.count(Transport::Http, Fate::Unsupported, 0);
                (*response, false)
            }
            Ok((form, coding)) => match self.message(form, coding, &mut body).await {
                Ok((message, charge)) => (self.offer(form, message, charge).await, true),
                Err((fate, status)) => {
                    self.intake.counters.count(Transport::Http, fate, 0);
                    let timed_out = fate == Fate::Unfinished;
                    (
                        refused(form, &status, timed_out.then_some(StatusCode::REQUEST_TIMEOUT)),
                        timed_out,
                    )
                }
            },
        };
        // A sender on HTTP/1 reads the answer only after it has written its body, unless it asks
        // before it writes.
        if !finished && parts.version < Version::HTTP_2 && !parts.headers.contains_key(EXPECT) {
            body::drain(body).await;
        }
        response
    }

    /// Decides by the head alone whether this is a request for us.
    fn route(&self, parts: &Parts) -> Result<(Form, Option<Coding>), Box<Response<Reply>>> {
        let media_type = media_type(&parts.headers);
        let coding = self.coding(&parts.headers).map_err(|name| {
            let text = format!("unsupported Content-Encoding: {name}");
            let status = Status::new(INVALID_ARGUMENT, text);
            Box::new(match media_type {
                MediaType::Known(form) => refused(form, &status, None),
                MediaType::Absent => refused(Form::Json, &status, None),
                MediaType::Other => unmarshallable(),
            })
        })?;
        if parts.uri.path() != self.traces_path {
            return Err(Box::new(text(StatusCode::NOT_FOUND, "404 page not found\n")));
        }
        if parts.method != Method::POST {
            let body = "405 method not allowed, supported: [POST]";
            return Err(Box::new(text(StatusCode::METHOD_NOT_ALLOWED, body)));
        }
        match media_type {
            MediaType::Known(form) => Ok((form, coding)),
            _ => {
                let body = "415 unsupported media type, supported: \
                            [application/json, application/x-protobuf]";
                Err(Box::new(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, body)))
            }
        }
    }

    /// The body's coding, or the name of one that is not taken.
    fn coding(&self, headers: &HeaderMap) -> Result<Option<Coding>, String> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
        let name = String::from_utf8_lossy(value.as_bytes());
        if name.is_empty() {
            return Ok(None);
        }
        let coding =
            Coding::from_name(&name).filter(|_| self.codings.iter().any(|known| *known == name));
        coding.map(Some).ok_or_else(|| name.into_owned())
    }

    /// The request as OTLP protobuf, and the room it takes.
    async fn message(
        &self,
        form: Form,
        coding: Option<Coding>,
        body: &mut Incoming,
    ) -> Result<(Bytes, Charge), Refusal> {
        let mut charge = self.intake.admit()?;
        let until = self.read_timeout.map(|time| Instant::now() + time);
        let patience = Patience { stall: self.stall, until };
        let mut message = body::read(body, self.max_body_bytes, &mut charge, patience, |_| None)
            .await
            .map_err(|error| match error {
                BodyError::NoRoom => overloaded(),
                BodyError::TooLarge(_) => too_large(),
                BodyError::Unfinished(text) => {
                    (Fate::Unfinished, Status::new(DEADLINE_EXCEEDED, text))
                }
            })?;
        if let Some(coding) = coding {
            (message, charge) = self.inflate(message, coding, charge).await?;
        }
        if form == Form::Json {
            (message, charge) = from_json(message, charge).await?;
        }
        Ok((message, charge))
    }

    async fn inflate(
        &self,
        message: Bytes,
        coding: Coding,
        mut charge: Charge,
    ) -> Result<(Bytes, Charge), Refusal> {
        let limit = self.max_body_bytes;
        let weight = message.len() * INFLATE_WEIGHT;
        let work = move || {
            let content = inflate(coding, &message, limit, &mut |bytes| charge.grow(bytes));
            (content, charge)
        };
        let (content, mut charge) = runtime::compute(weight, work).await.ok_or_else(failed)?;
        match content {
            Ok(content) => {
                charge.shrink_to(content.len());
                Ok((content.into(), charge))
            }
            Err(InflateError::NoRoom) => Err(overloaded()),
            Err(InflateError::TooLarge(_)) => Err(too_large()),
            Err(InflateError::Corrupt(text)) => {
                Err((Fate::Malformed, Status::new(INVALID_ARGUMENT, text)))
            }
        }
    }

    async fn offer(&self, form: Form, message: Bytes, charge: Charge) -> Response<Reply> {
        let answer = self.intake.offer(message, Transport::Http, charge);
        let answer = match self.write_timeout {
            None => answer.await,
            Some(time) => timeout(time, answer).await.unwrap_or_else(|_| {
                Err(Arc::new(Status::new(DEADLINE_EXCEEDED, "not answered within write_timeout")))
            }),
        };
        match answer {
            Ok(partial) => accepted(form, &partial),
            Err(status) => refused(form, &status, None),
        }
    }
}

async fn from_json(message: Bytes, mut charge: Charge) -> Result<(Bytes, Charge), Refusal> {
    let converted =
        runtime::compute(message.len() * JSON_WEIGHT, move || otlp::json::to_protobuf(&message))
            .await
            .ok_or_else(failed)?
            .map_err(|error| (Fate::Malformed, malformed(&error)))?;
    charge.shrink_to(0);
    if !charge.grow(converted.len()) {
        return Err(overloaded());
    }
    Ok((converted.into(), charge))
}

fn too_large() -> Refusal {
    let text = "http: request body too large; the receiver's setting is \
                protocols::http::max_request_body_size";
    (Fate::TooLarge, Status::new(INVALID_ARGUMENT, text))
}

fn failed() -> Refusal {
    (Fate::Malformed, Status::new(INTERNAL, "the body could not be read"))
}

fn accepted(form: Form, partial: &PartialSuccess) -> Response<Reply> {
    reply(
        form,
        match form {
            Form::Protobuf => partial.to_protobuf(),
            Form::Json => partial.to_json(),
        },
    )
}

/// `google.rpc.Status` in the request's form, under the HTTP status that stands for its code.
fn refused(form: Form, status: &Status, http_status: Option<StatusCode>) -> Response<Reply> {
    let mut response = reply(
        form,
        match form {
            Form::Protobuf => status.to_protobuf(),
            Form::Json => status.to_json(),
        },
    );
    let code = StatusCode::from_u16(status.http_status()).expect("every code has an HTTP status");
    *response.status_mut() = http_status.unwrap_or(code);
    let may_retry = matches!(code, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    if let Some(seconds) = status.retry_after_seconds().filter(|_| may_retry) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The answer when a Status must be sent and the request has no form it could take.
fn unmarshallable() -> Response<Reply> {
    let body = &br#"{"code": 13, "message": "failed to marshal error message"}"#[..];
    let mut response = reply(Form::Json, body);
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn reply(form: Form, body: impl Into<Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::data(body));
    response.headers_mut().insert(CONTENT_TYPE, form.content_type());
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Reply> {
    let mut response = Response::new(Reply::data(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}
