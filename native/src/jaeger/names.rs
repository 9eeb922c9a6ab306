//! The names Jaeger gives to spans that have none (its ingestion sanitizers).
//!
//! The store indexes a span under these names and the API shows it with them; the span itself is
//! kept as it came.

use crate::columns::{Columns, ValueType};

/// The resource has no `service.name`.
pub const MISSING_SERVICE_NAME: &[u8] = b"missing-service-name";
/// Its `service.name` is the empty string.
pub const EMPTY_SERVICE_NAME: &[u8] = b"empty-service-name";
/// Its `service.name` is not a string.
pub const SERVICE_NAME_WRONG_TYPE: &[u8] = b"service-name-wrong-type";
pub const EMPTY_SPAN_NAME: &[u8] = b"empty-span-name";

pub const SERVICE_NAME_KEY: &[u8] = b"service.name";

/// The service a resource stands for; never empty.
pub fn service_name(columns: &Columns, resource: usize) -> &[u8] {
    let attributes = &columns.resources.attributes;
    let row = columns.keys.find(SERVICE_NAME_KEY).and_then(|key| attributes.find(resource, key));
    match row.map(|row| (attributes.types[row], attributes.values.get(row))) {
        None => MISSING_SERVICE_NAME,
        Some((ValueType::String, b"")) => EMPTY_SERVICE_NAME,
        Some((ValueType::String, name)) => name,
        Some(_) => SERVICE_NAME_WRONG_TYPE,
    }
}

/// A span's name by its row in `Columns::names`; never empty.
pub fn span_name(columns: &Columns, name: u32) -> &[u8] {
    match columns.name(name) {
        b"" => EMPTY_SPAN_NAME,
        name => name,
    }
}
