//! OTLP on the wire: protobuf and JSON.
//!
//! `wire` knows protobuf; `fields`, `value` and `parse` know OTLP's grammar, from single fields to
//! whole requests; `check` and `decode` are two visitors of that walk; `encode` is the way back;
//! `json` transcodes text to and from protobuf.

pub mod check;
pub mod decode;
pub mod encode;
pub mod error;
pub mod fields;
pub mod json;
pub mod parse;
pub mod value;
pub mod wire;

pub use check::{Counts, check};
pub use decode::decode;
pub use encode::encode;
pub use error::DecodeError;
