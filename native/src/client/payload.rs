//! A batch on its way out: its OTLP bytes, compressed, as the body of a request.

use crate::batch::SpanBatch;
use crate::net::compression::{Coding, compress};
use crate::net::runtime;
use crate::otlp;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use pyo3::Py;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a span comes to, for the choice of a thread; its real size costs an encode to know.
const USUAL_SPAN_BYTES: usize = 512;
/// Compressing a byte, or writing it as JSON, costs as much time as scanning this many.
const HEAVY_WEIGHT: usize = 8;

/// How a batch is written.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    pub json: bool,
    pub coding: Option<Coding>,
    pub level: Option<i32>,
}

/// The batch as chunks to send one after the other; those it came in as where that will do.
///
/// The batch's own bytes passed the check when they arrived, so an error here is ours.
pub async fn prepare(batch: Py<SpanBatch>, writing: Writing) -> Result<Vec<Bytes>, String> {
    let heavy = writing.json || writing.coding.is_some();
    let weight = if heavy { HEAVY_WEIGHT } else { 1 };
    let bytes = batch.get().spans() * USUAL_SPAN_BYTES * weight;
    let written = runtime::compute(bytes, move || write(batch.get(), writing)).await;
    written.unwrap_or_else(|| Err("the batch could not be encoded".into()))
}

fn write(batch: &SpanBatch, writing: Writing) -> Result<Vec<Bytes>, String> {
    let mut chunks = batch.wire_chunks();
    if writing.json {
        let json = otlp::json::from_protobuf(&joined(chunks)).map_err(|error| error.to_string())?;
        chunks = vec![json.into()];
    }
    if let Some(coding) = writing.coding {
        chunks = vec![compress(coding, writing.level, &joined(chunks)).into()];
    }
    Ok(chunks)
}

fn joined(mut chunks: Vec<Bytes>) -> Bytes {
    match chunks.len() {
        1 => chunks.remove(0),
        _ => chunks.concat().into(),
    }
}

/// A request's body.
pub struct Payload {
    chunks: std::vec::IntoIter<Bytes>,
    remaining: u64,
}

impl Payload {
    pub fn new(chunks: Vec<Bytes>) -> Self {
        let remaining = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: chunks.into_iter(), remaining }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks.next();
        self.remaining -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
