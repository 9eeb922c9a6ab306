//! The decisions of the Collector's `probabilistic_sampler`, bit for bit.
//!
//! Randomness R and reject threshold T are 56-bit numbers; a span is kept when T <= R.
//! Source: opentelemetry-collector-contrib, probabilisticsamplerprocessor and pkg/sampling;
//! OpenTelemetry specification, "TraceState: Probability Sampling".

use super::tracestate::{Field, TraceState};
use super::value::plain;
use crate::columns::{Columns, Strings, ValueType};
use crate::jaeger::text;

/// Thresholds from here on reject everything.
const NEVER: u64 = 1 << 56;
const ALWAYS: u64 = 0;
const MIN_PROBABILITY: f64 = 1.0 / (1u64 << 56) as f64;
const HEX_DIGITS: i32 = 14;
/// What `hash_seed` knows of a hash: 14 bits.
const HASH_BUCKETS: u64 = 0x4000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Never,
    HashSeed { seed: u32, threshold: u64 },
    Equalizing { threshold: u64 },
    Proportional { ratio: f64, precision: i32 },
}

/// What a decision was taken by; the value of the metric's label `policy`.
pub const POLICIES: [&str; 5] = [
    "trace_id_hash",
    "trace_id_w3c",
    "sampling_randomness",
    "sampling_priority",
    "missing_randomness",
];
const TRACE_ID_HASH: usize = 0;
const TRACE_ID_W3C: usize = 1;
const SAMPLING_RANDOMNESS: usize = 2;
const SAMPLING_PRIORITY: usize = 3;
const MISSING_RANDOMNESS: usize = 4;

/// How many spans each policy dropped and kept.
pub type Counts = [[u64; 2]; POLICIES.len()];

pub struct Sampler {
    pub mode: Mode,
    pub fail_closed: bool,
}

impl Mode {
    /// The mode for a percentage; `name` as in the configuration.
    pub fn new(name: &str, percentage: f32, seed: u32, precision: i32) -> Self {
        let percentage = percentage.min(100.0);
        if percentage == 0.0 {
            return Mode::Never;
        }
        let ratio = (f64::from(percentage) / 100.0).max(MIN_PROBABILITY);
        match name {
            "equalizing" => Mode::Equalizing { threshold: threshold(ratio, precision) },
            "proportional" => Mode::Proportional { ratio, precision },
            _ => match (percentage * (HASH_BUCKETS as f32 / 100.0)) as u64 {
                0 => Mode::Never,
                scaled => Mode::HashSeed { seed, threshold: (HASH_BUCKETS - scaled) << 42 },
            },
        }
    }

    /// The threshold for a span that carries none, or this one.
    fn threshold(self, incoming: Option<u64>) -> u64 {
        match self {
            Mode::Never => NEVER,
            Mode::HashSeed { threshold, .. } => threshold,
            Mode::Equalizing { threshold } => threshold.max(incoming.unwrap_or(ALWAYS)),
            Mode::Proportional { ratio, precision } => {
                let kept = incoming.map_or(1.0, |th| (NEVER - th) as f64 / NEVER as f64);
                threshold(kept * ratio, precision)
            }
        }
    }
}

/// The reject threshold of a probability, rounded to `precision` hexadecimal digits, more where
/// the probability is close to 0 or 1.
pub fn threshold(probability: f64, precision: i32) -> u64 {
    if probability >= 1.0 {
        return ALWAYS;
    }
    if probability < MIN_PROBABILITY {
        return NEVER;
    }
    let leading = |value: f64| -binary_exponent(value) / 4;
    let precision = precision + leading(probability).max(leading(1.0 - probability));
    let shift = 4 * (HEX_DIGITS - precision.min(HEX_DIGITS));
    let exact = NEVER - (probability * NEVER as f64).round() as u64;
    if shift == 0 { exact } else { (exact + (1 << (shift - 1))) >> shift << shift }
}

/// The exponent of a normal number written as a fraction in [0.5, 1) times a power of two.
fn binary_exponent(value: f64) -> i32 {
    (value.to_bits() >> 52 & 0x7ff) as i32 - 1022
}

/// The randomness `hash_seed` takes from a trace id: FNV-1a over seed and id.
pub fn hashed_randomness(seed: u32, trace_id: &[u8; 16]) -> u64 {
    let fnv1a = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    let hash = seed.to_le_bytes().iter().fold(2_166_136_261, fnv1a);
    let hash = u64::from(trace_id.iter().fold(hash, fnv1a));
    let hashed = hash & (HASH_BUCKETS - 1);
    // The bits the decision does not use are mixed in below it.
    let unused = hash >> 18;
    (HASH_BUCKETS - 1 - hashed) << 42 | (unused ^ unused << 10) << 14 | hashed
}

/// The randomness W3C trace context 2 promises: the last seven bytes of the trace id.
fn trace_id_randomness(trace_id: &[u8; 16]) -> u64 {
    u128::from_be_bytes(*trace_id) as u64 & (NEVER - 1)
}

/// What is known of a span before a decision.
struct Arrival<'a> {
    /// `None` where the header is to be left alone: it can't be parsed, or belongs to others.
    state: Option<TraceState<'a>>,
    randomness: u64,
    policy: usize,
    /// Whether the span tells enough, and nothing that contradicts, to be decided by the mode.
    valid: bool,
}

impl Sampler {
    fn arrival<'a>(&self, trace_id: &[u8; 16], header: &'a [u8]) -> Arrival<'a> {
        let state = TraceState::parse(header);
        let has_id = *trace_id != [0; 16];
        match self.mode {
            // Only `sampling.priority` can still keep the span.
            Mode::Never => Arrival {
                valid: state.is_some(),
                state,
                randomness: NEVER - 1,
                policy: SAMPLING_PRIORITY,
            },
            Mode::HashSeed { seed, .. } => {
                let (randomness, policy) = match has_id {
                    true => (hashed_randomness(seed, trace_id), TRACE_ID_HASH),
                    false => (NEVER - 1, MISSING_RANDOMNESS),
                };
                // Who samples by randomness or threshold already must not be sampled by hash.
                let free = state.filter(|state| state.randomness.or(state.threshold).is_none());
                let state = free.map(|mut state| {
                    state.randomness = Some(Field::new(randomness));
                    state
                });
                Arrival { valid: has_id && state.is_some(), state, randomness, policy }
            }
            Mode::Equalizing { .. } | Mode::Proportional { .. } => {
                let explicit = state.as_ref().and_then(|state| state.randomness);
                let (randomness, policy) = match explicit {
                    Some(randomness) => (randomness.value, SAMPLING_RANDOMNESS),
                    None if has_id && state.is_some() => {
                        (trace_id_randomness(trace_id), TRACE_ID_W3C)
                    }
                    None => (NEVER - 1, MISSING_RANDOMNESS),
                };
                Arrival { state, randomness, policy, valid: policy != MISSING_RANDOMNESS }
            }
        }
    }

    /// Whether the span is kept, and what decided; a kept span's new header is appended to `out`.
    fn decide(
        &self,
        trace_id: &[u8; 16],
        header: &[u8],
        priority: Option<f64>,
        out: &mut Vec<u8>,
    ) -> (bool, usize) {
        let Arrival { mut state, randomness, mut policy, mut valid } =
            self.arrival(trace_id, header);
        let mut incoming = state.as_ref().and_then(|state| state.threshold.map(|th| th.value));
        if valid && incoming.is_some_and(|incoming| incoming > randomness) {
            // A span that should not have been sampled: its threshold is a lie.
            valid = false;
            incoming = None;
            if let Some(state) = &mut state {
                state.threshold = None;
            }
        }
        let mut threshold = match valid {
            true => self.mode.threshold(incoming),
            false if self.fail_closed => NEVER,
            false => ALWAYS,
        };
        if let Some(priority) = priority.filter(|&priority| priority >= 0.0) {
            threshold = if priority > 0.0 { ALWAYS } else { NEVER };
            policy = SAMPLING_PRIORITY;
        }
        if threshold > randomness {
            return (false, policy);
        }
        match &mut state {
            None => out.extend_from_slice(header),
            Some(state) => {
                // A threshold is only ever raised: nobody can keep more than arrived.
                if incoming.is_none_or(|incoming| incoming <= threshold) {
                    state.threshold = Some(Field::new(threshold));
                }
                state.write(out);
            }
        }
        (true, policy)
    }

    /// The spans that are kept, each with its new trace state.
    pub fn sample(&self, columns: &Columns) -> (Columns, Counts) {
        let spans = &columns.spans;
        let priority_key = columns.keys.find(b"sampling.priority");
        let mut counts = Counts::default();
        let mut kept = Vec::new();
        let mut trace_states = Strings::default();
        for row in 0..spans.len() {
            let priority = priority_key.and_then(|key| priority(columns, row, key));
            let header = spans.trace_state.get(row);
            let out = &mut trace_states.data;
            let (sampled, policy) = self.decide(&spans.trace_id[row], header, priority, out);
            counts[policy][usize::from(sampled)] += 1;
            if sampled {
                trace_states.end_row();
                kept.push(row);
            }
        }
        let mut sampled = columns.take(kept);
        sampled.spans.trace_state = trace_states;
        (sampled, counts)
    }
}

/// The span's `sampling.priority`, a number or one written as text.
fn priority(columns: &Columns, row: usize, key: u32) -> Option<f64> {
    let attributes = &columns.spans.attributes;
    let attribute = attributes.find(row, key)?;
    let (value_type, bytes) = plain(attributes.types[attribute], attributes.values.get(attribute));
    match value_type {
        ValueType::Int => Some(text::integer(&bytes) as f64),
        ValueType::Double => Some(text::double(&bytes)),
        ValueType::String => str::from_utf8(&bytes).ok()?.parse().ok(),
        _ => None,
    }
}
