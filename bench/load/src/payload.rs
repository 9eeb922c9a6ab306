//! Prepared requests: read once from a file, sent again and again, as they are or made new.
//!
//! The file is a sequence of `u32 spans, u32 length, bytes`, little endian. Each request is kept
//! behind the five bytes of a gRPC frame, so that neither protocol copies it to send it.

use crate::AnyError;
use crate::otlp::Places;
use bytes::Bytes;
use serde::Deserialize;
use std::time::{SystemTime, UNIX_EPOCH};

pub const FRAME_PREFIX: usize = 5;

/// How to make a request new: other ids by seed and position, times moved as a whole.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    seed: u64,
    /// When the last span of request 0 ends; now, for each request, when absent.
    from_unix_nano: Option<u64>,
    #[serde(default)]
    nanos_per_request: u64,
}

struct Template {
    framed: Bytes,
    spans: u64,
    places: Places,
    last_time: u64,
}

pub struct Payloads {
    templates: Vec<Template>,
    fresh: Option<Fresh>,
}

impl Payloads {
    pub fn load(path: &str, gzip: bool, fresh: Option<Fresh>) -> Result<Self, AnyError> {
        if gzip && fresh.is_some() {
            return Err("compressed payloads can't be made new: drop `gzip` or `fresh`".into());
        }
        let data = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        let mut templates = Vec::new();
        let mut rest = &data[..];
        while let Some((head, tail)) = rest.split_first_chunk::<8>() {
            let number = |at: usize| {
                u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
            };
            let length = number(4) as usize;
            let body = tail
                .get(..length)
                .ok_or_else(|| format!("{path}: cut short"))?;
            templates.push(Template::new(
                body,
                number(0).into(),
                gzip,
                fresh.is_some(),
            )?);
            rest = &tail[length..];
        }
        if templates.is_empty() {
            return Err(format!("{path}: holds no request").into());
        }
        Ok(Self { templates, fresh })
    }

    /// The framed request at a position of the endless sequence, and its number of spans.
    pub fn request(&self, position: u64) -> (Bytes, u64) {
        let template = &self.templates[(position % self.templates.len() as u64) as usize];
        let framed = match self.fresh {
            Some(fresh) => template.renewed(fresh, position),
            None => template.framed.clone(),
        };
        (framed, template.spans)
    }

    pub fn spans_per_request(&self) -> f64 {
        let spans: u64 = self.templates.iter().map(|template| template.spans).sum();
        spans as f64 / self.templates.len() as f64
    }
}

impl Template {
    fn new(body: &[u8], spans: u64, gzip: bool, fresh: bool) -> Result<Self, AnyError> {
        let mut framed = Vec::with_capacity(FRAME_PREFIX + body.len());
        framed.push(u8::from(gzip));
        framed.extend_from_slice(&(body.len() as u32).to_be_bytes());
        framed.extend_from_slice(body);
        let places = match fresh {
            true => Places::find(body).ok_or("a payload is no export request")?,
            false => Places::default(),
        };
        let time = |at: &usize| read_u64(&body[*at..]);
        let last_time = places.times.iter().map(time).max().unwrap_or(0);
        Ok(Self {
            framed: framed.into(),
            spans,
            places,
            last_time,
        })
    }

    fn renewed(&self, fresh: Fresh, position: u64) -> Bytes {
        let mut framed = self.framed.to_vec();
        let body = &mut framed[FRAME_PREFIX..];
        let [high, low, span] = id_masks(fresh.seed, position);
        for at in &self.places.trace_ids {
            update_u64(&mut body[*at..], |id| id ^ high);
            update_u64(&mut body[at + 8..], |id| id ^ low);
        }
        for at in &self.places.span_ids {
            update_u64(&mut body[*at..], |id| id ^ span);
        }
        let end = match fresh.from_unix_nano {
            Some(from) => from + position * fresh.nanos_per_request,
            None => now_unix_nano(),
        };
        let shift = end.wrapping_sub(self.last_time);
        for at in &self.places.times {
            update_u64(&mut body[*at..], |time| time.wrapping_add(shift));
        }
        framed.into()
    }
}

/// What the ids of a request are mixed with: two halves for trace ids, one for span ids.
/// `bench/payloads.py` computes the same, to know which traces exist.
fn id_masks(seed: u64, position: u64) -> [u64; 3] {
    [0, 1, 2].map(|part| split_mix(seed.wrapping_add(position * 3 + part)))
}

/// SplitMix64 (Steele, Lea, Flood 2014): one well mixed number for each state.
fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn read_u64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes were asked for"))
}

fn update_u64(bytes: &mut [u8], change: impl Fn(u64) -> u64) {
    let changed = change(read_u64(bytes));
    bytes[..8].copy_from_slice(&changed.to_le_bytes());
}

fn now_unix_nano() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970");
    since.as_nanos() as u64
}
