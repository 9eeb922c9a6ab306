//! OTLP/JSON to OTLP protobuf and back, without columns in between.
//!
//! Source: the OTLP specification's "JSON Protobuf Encoding" and protobuf's ProtoJSON: ids are
//! hexadecimal, both spellings of a field name are read and lowerCamelCase is written, 64-bit
//! integers are written as strings and read as either, enums are written as integers and read as
//! integer or name, unknown fields are ignored, `null` is an absent field.

mod read;
mod scalar;
mod schema;
mod write;

#[cfg(test)]
mod tests;

pub use read::to_protobuf;
pub use write::from_protobuf;
