//! One OTLP connection, gRPC or HTTP, over hyper: the request's bytes are never looked at.

use crate::AnyError;
use crate::otlp::rejected_spans;
use crate::payload::FRAME_PREFIX;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use tokio::net::TcpStream;

const EXPORT_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Grpc,
    Http,
}

/// What a request got for an answer; a code reads `grpc-8`, `http-503`.
pub enum Answer {
    Accepted { rejected_spans: u64 },
    Refused { code: String, retryable: bool },
}

/// A connection to send on; clones of a gRPC one share it, an HTTP one can't be shared.
pub enum Connection {
    Grpc(http2::SendRequest<Full<Bytes>>),
    Http(http1::SendRequest<Full<Bytes>>),
}

impl Connection {
    pub async fn open(protocol: Protocol, target: &str) -> Result<Self, AnyError> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        Ok(match protocol {
            Protocol::Grpc => {
                let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .max_send_buf_size(8 << 20)
                    .handshake(io)
                    .await?;
                tokio::spawn(connection);
                Self::Grpc(sender)
            }
            Protocol::Http => {
                let (sender, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Self::Http(sender)
            }
        })
    }

    /// A second handle on the same connection, where the protocol allows it.
    pub fn share(&self) -> Option<Self> {
        match self {
            Self::Grpc(sender) => Some(Self::Grpc(sender.clone())),
            Self::Http(_) => None,
        }
    }

    /// Sends one framed request and waits for the whole answer; an error means: reconnect.
    pub async fn export(&mut self, target: &str, framed: Bytes) -> Result<Answer, AnyError> {
        let gzip = framed[0] == 1;
        match self {
            Self::Grpc(sender) => {
                let mut request = Request::post(format!("http://{target}{EXPORT_PATH}"))
                    .header("content-type", "application/grpc")
                    .header("te", "trailers");
                if gzip {
                    request = request.header("grpc-encoding", "gzip");
                }
                sender.ready().await?;
                grpc_answer(
                    sender
                        .send_request(request.body(Full::new(framed))?)
                        .await?,
                )
                .await
            }
            Self::Http(sender) => {
                let mut request = Request::post("/v1/traces")
                    .header("host", target)
                    .header("content-type", "application/x-protobuf");
                if gzip {
                    request = request.header("content-encoding", "gzip");
                }
                let body = Full::new(framed.slice(FRAME_PREFIX..));
                sender.ready().await?;
                http_answer(sender.send_request(request.body(body)?).await?).await
            }
        }
    }
}

async fn grpc_answer(response: Response<Incoming>) -> Result<Answer, AnyError> {
    let status = |headers: &HeaderMap| -> Option<String> {
        Some(headers.get("grpc-status")?.to_str().ok()?.to_owned())
    };
    let http_status = response.status();
    let early = status(response.headers());
    let collected = response.into_body().collect().await?;
    let late = collected.trailers().and_then(status);
    let code = early
        .or(late)
        .unwrap_or_else(|| format!("none-http-{}", http_status.as_u16()));
    if code == "0" {
        let body = collected.to_bytes();
        let message = body.get(FRAME_PREFIX..).unwrap_or_default();
        return Ok(Answer::Accepted {
            rejected_spans: rejected_spans(message),
        });
    }
    // Retryable codes of the OTLP specification, "Failures".
    let retryable = ["1", "4", "8", "10", "11", "14", "15"].contains(&code.as_str());
    Ok(Answer::Refused {
        code: format!("grpc-{code}"),
        retryable,
    })
}

async fn http_answer(response: Response<Incoming>) -> Result<Answer, AnyError> {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    if status == 200 {
        return Ok(Answer::Accepted {
            rejected_spans: rejected_spans(&body),
        });
    }
    let retryable = [429, 502, 503, 504].contains(&status);
    Ok(Answer::Refused {
        code: format!("http-{status}"),
        retryable,
    })
}
