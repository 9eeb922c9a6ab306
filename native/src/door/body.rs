//! Reading a request's body: bounded, charged as it comes, and not for ever.

use super::budget::Charge;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// A single frame this large is kept as it is; a smaller one is copied out of the connection's
/// read buffer, which it would hold on to whole.
const KEEP_FRAME_BYTES: usize = 64 * 1024;

/// Room made at once for a body that announces more: a liar gets no further.
const TRUSTED_BYTES: usize = 1024 * 1024;

/// How much of a refused body is read away, so that its sender gets to read the answer.
const DRAIN_BYTES: usize = 4 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How long a body may take.
#[derive(Clone, Copy)]
pub struct Patience {
    /// Longest pause between two pieces of a body.
    pub stall: Duration,
    /// When the whole body must be there.
    pub until: Option<Instant>,
}

#[derive(Debug)]
pub enum BodyError {
    /// At least this many bytes, announced or received.
    TooLarge(usize),
    /// The budget has no room for it.
    NoRoom,
    /// It stopped coming, or the connection broke.
    Unfinished(String),
}

/// The whole body, at most `limit` bytes.
///
/// `announced` tells a body's length from its first bytes, where these say it.
pub async fn read(
    body: &mut Incoming,
    limit: usize,
    charge: &mut Charge,
    patience: Patience,
    announced: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Bytes, BodyError> {
    let mut length = body.size_hint().exact().map_or(0, |bytes| bytes as usize);
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    let mut total = 0;
    loop {
        if length > limit {
            return Err(BodyError::TooLarge(length));
        }
        let Some(data) = next(body, patience).await? else { break };
        if !charge.grow(data.len()) {
            return Err(BodyError::NoRoom);
        }
        total += data.len();
        if total > limit {
            return Err(BodyError::TooLarge(total));
        }
        if total == data.len() {
            length = length.max(announced(&data).unwrap_or(0));
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(length.clamp(total, TRUSTED_BYTES.max(total)));
            whole.extend_from_slice(&first);
            first = Bytes::new();
        }
        whole.extend_from_slice(&data);
    }
    Ok(match whole.is_empty() {
        false => whole.into(),
        true if first.len() < KEEP_FRAME_BYTES => Bytes::copy_from_slice(&first),
        true => first,
    })
}

/// The next piece of a body that has bytes; `None` at its end.
async fn next(body: &mut Incoming, patience: Patience) -> Result<Option<Bytes>, BodyError> {
    let unfinished = |text: String| Err(BodyError::Unfinished(text));
    loop {
        let piece = timeout(patience.stall, body.frame());
        let piece = match patience.until {
            None => Ok(piece.await),
            Some(until) => timeout_at(until, piece).await,
        };
        match piece {
            Err(_) => return unfinished("the body took too long".into()),
            Ok(Err(_)) => return unfinished("the body stopped coming".into()),
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(Err(error)))) => return unfinished(format!("the body broke off: {error}")),
            Ok(Ok(Some(Ok(frame)))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {} // trailers, or an empty frame
            },
        }
    }
}

/// Reads away what is left of a refused body, within reason.
pub async fn drain(mut body: Incoming) {
    let read_away = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(bytes) else { break };
            left = rest;
        }
    };
    // A body that does not end in time costs its sender the connection, nothing else.
    let _ = timeout(DRAIN_TIME, read_away).await;
}

/// The body of an answer: at most one piece of data, then at most one set of trailers.
#[derive(Default)]
pub struct Reply {
    pub data: Option<Bytes>,
    pub trailers: Option<HeaderMap>,
}

impl Reply {
    pub fn data(data: impl Into<Bytes>) -> Self {
        let data = data.into();
        Self { data: (!data.is_empty()).then_some(data), trailers: None }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        let frame = data.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.trailers {
            // A length in front would promise that nothing follows.
            Some(_) => SizeHint::default(),
            None => SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}
