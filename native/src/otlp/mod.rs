//! OTLP on the wire: protobuf and JSON.

pub mod error;

pub use error::DecodeError;
