//! The one way a payload is refused: which field, where, and why.

use pyo3::PyErr;
use std::fmt;

mod python {
    pyo3::import_exception!(ananta.errors, DecodeError);
}

/// A payload is not what it claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Path of proto field names, e.g. `resource_spans.scope_spans.spans.trace_id`.
    pub field: String,
    /// Where in the payload, in bytes from its beginning.
    pub offset: usize,
    pub reason: String,
}

impl DecodeError {
    pub fn new(field: impl Into<String>, offset: usize, reason: impl Into<String>) -> Self {
        Self { field: field.into(), offset, reason: reason.into() }
    }
}

/// A `DecodeError` on its way up: boxed, so that the hot path returns small values.
pub type Fault = Box<DecodeError>;

impl DecodeError {
    /// A fault whose field the callers name, from the inside out, with `within`.
    #[cold]
    pub fn at(offset: usize, reason: impl Into<String>) -> Fault {
        Box::new(Self::new("", offset, reason))
    }

    /// Puts the enclosing field's name before the path.
    #[cold]
    pub fn within(mut self: Box<Self>, field: &str) -> Fault {
        let inner = if self.field.is_empty() { "" } else { "." };
        self.field = format!("{field}{inner}{}", self.field);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "request" } else { &self.field };
        write!(formatter, "{field} at byte {}: {}", self.offset, self.reason)
    }
}

impl std::error::Error for DecodeError {}

/// Python sees `ananta.errors.DecodeError` with the same text.
impl From<DecodeError> for PyErr {
    fn from(error: DecodeError) -> PyErr {
        python::DecodeError::new_err(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_field_offset_and_reason() {
        let error = DecodeError::new("resource_spans.resource", 12, "length runs past the end");
        assert_eq!(
            error.to_string(),
            "resource_spans.resource at byte 12: length runs past the end"
        );
    }
}
