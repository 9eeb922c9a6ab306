//! Attribute values outside their table: from configuration, as text, as plain meaning.

use std::borrow::Cow;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::columns::ValueType;
use crate::jaeger::text;
use crate::otlp::encode::write_value;
use crate::otlp::value::{MAX_DEPTH, parse_key_value};
use crate::otlp::wire::{Reader, ReverseWriter};

/// A value in the form `ValueType` describes, given by configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub value_type: ValueType,
    pub bytes: Vec<u8>,
}

impl<'py> FromPyObject<'_, 'py> for Value {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        from_python(&object, 0)
    }
}

fn from_python(object: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > MAX_DEPTH {
        let message = format!("value nests deeper than {MAX_DEPTH} levels");
        return Err(PyValueError::new_err(message));
    }
    let (value_type, bytes) = if object.is_none() {
        (ValueType::Empty, Vec::new())
    } else if let Ok(text) = object.cast::<PyString>() {
        (ValueType::String, text.extract::<String>()?.into_bytes())
    } else if let Ok(boolean) = object.cast::<PyBool>() {
        (ValueType::Bool, vec![u8::from(boolean.is_true())])
    } else if object.is_instance_of::<PyInt>() {
        let integer = object
            .extract::<i64>()
            .map_err(|_| PyValueError::new_err(format!("{object} is not a 64-bit integer")))?;
        (ValueType::Int, integer.to_le_bytes().to_vec())
    } else if let Ok(double) = object.cast::<PyFloat>() {
        (ValueType::Double, double.value().to_le_bytes().to_vec())
    } else if let Ok(bytes) = object.cast::<PyBytes>() {
        (ValueType::Bytes, bytes.as_bytes().to_vec())
    } else if let Ok(list) = object.cast::<PyList>() {
        (ValueType::Array, array(list, depth)?)
    } else if let Ok(dict) = object.cast::<PyDict>() {
        (ValueType::Map, map(dict, depth)?)
    } else {
        let message = format!("an attribute can't hold a {}", object.get_type().name()?);
        return Err(PyTypeError::new_err(message));
    };
    Ok(Value { value_type, bytes })
}

/// An ArrayValue message.
fn array(list: &Bound<'_, PyList>, depth: usize) -> PyResult<Vec<u8>> {
    let mut writer = ReverseWriter::with_capacity(64);
    let items: Vec<_> = list.iter().collect();
    for item in items.iter().rev() {
        let value = from_python(item, depth + 1)?;
        let mark = writer.len();
        write_value(&mut writer, value.value_type, &value.bytes);
        writer.end_message(1, mark);
    }
    Ok(writer.finish().into())
}

/// A KeyValueList message.
fn map(dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<Vec<u8>> {
    let mut writer = ReverseWriter::with_capacity(64);
    let items: Vec<_> = dict.iter().collect();
    for (key, item) in items.iter().rev() {
        let value = from_python(item, depth + 1)?;
        let entry = writer.len();
        write_value(&mut writer, value.value_type, &value.bytes);
        writer.end_message(2, entry);
        writer.nonempty_bytes_field(1, key.extract::<String>()?.as_bytes());
        writer.end_message(1, entry);
    }
    Ok(writer.finish().into())
}

/// What a value means: itself, or for `Verbatim` the last of the plain values it holds.
pub fn plain(value_type: ValueType, bytes: &[u8]) -> (ValueType, Cow<'_, [u8]>) {
    if value_type != ValueType::Verbatim {
        return (value_type, Cow::Borrowed(bytes));
    }
    match parse_key_value::<false>(Reader::new(bytes), 0) {
        Ok((attribute, _)) => (attribute.value_type, Cow::Owned(attribute.value().to_vec())),
        Err(_) => (ValueType::Empty, Cow::default()),
    }
}

/// A string, boolean or number as text, numbers in digits; `None` for everything else.
pub fn scalar_text(value_type: ValueType, bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    Some(match value_type {
        ValueType::String => Cow::Borrowed(bytes),
        ValueType::Bool => Cow::Borrowed(if bytes == [1] { b"true" } else { b"false" }),
        ValueType::Int => text::integer(bytes).to_string().into_bytes().into(),
        ValueType::Double => double_text(text::double(bytes)).into_bytes().into(),
        _ => return None,
    })
}

/// Any value as text: arrays and maps as JSON, bytes as base64, nothing as nothing.
pub fn any_text(value_type: ValueType, bytes: &[u8]) -> Vec<u8> {
    match value_type {
        ValueType::Absent | ValueType::Empty => Vec::new(),
        ValueType::Double if text::double(bytes).is_finite() => {
            let mut out = Vec::new();
            text::write_float(&mut out, text::double(bytes));
            out
        }
        ValueType::Bytes => {
            let mut out = Vec::new();
            text::write_plain(&mut out, value_type, bytes);
            out[1..out.len() - 1].to_vec()
        }
        ValueType::Array | ValueType::Map => {
            let mut out = Vec::new();
            text::write_plain(&mut out, value_type, bytes);
            out
        }
        _ => scalar_text(value_type, bytes).map_or_else(Vec::new, Cow::into_owned),
    }
}

/// Without an exponent, as the Collector prints it where it makes names and patterns of numbers.
fn double_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
