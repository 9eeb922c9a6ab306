//! Columns as Arrow arrays, handed to pyarrow through the Arrow C data interface (PyCapsule).
//!
//! One record batch, one row a span: ids as fixed-size binary, names and keys as dictionaries,
//! attributes as list<struct<key, type, value>> with the value's bytes as `columns::ValueType`
//! describes, resource and scope by value of their row.

use std::sync::Arc;

use arrow_array::ffi::to_ffi;
use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, FixedSizeBinaryArray, Int32Array, ListArray,
    PrimitiveArray, RecordBatch, StringArray, StructArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::columns::{Attributes, Columns, HAS_PARENT_SPAN_ID, HAS_SPAN_ID, HAS_TRACE_ID, Strings};

type ArrowResult<T> = Result<T, ArrowError>;

/// All spans of a table as one record batch.
pub fn record_batch(columns: &Columns) -> ArrowResult<RecordBatch> {
    let spans = &columns.spans;
    let scopes = &columns.scopes;
    let resource: Vec<u32> = spans.scope.iter().map(|&row| scopes.resource[row as usize]).collect();
    let events = struct_list(
        &spans.event_offsets,
        vec![
            ("time_unix_nano", uint64(&columns.events.time_unix_nano)),
            ("name", dictionary(&columns.events.name, &columns.names.strings)?),
            ("attributes", attributes(columns, &columns.events.attributes)?),
            ("dropped_attributes_count", uint32(&columns.events.dropped_attributes_count)),
        ],
    )?;
    let links = &columns.links;
    let link_ids = |bit| links.presence.iter().map(|p| p & bit != 0).collect::<Vec<bool>>();
    let links = struct_list(
        &spans.link_offsets,
        vec![
            ("trace_id", ids(&links.trace_id, &link_ids(HAS_TRACE_ID))?),
            ("span_id", ids(&links.span_id, &link_ids(HAS_SPAN_ID))?),
            ("trace_state", text(&links.trace_state)?),
            ("attributes", attributes(columns, &links.attributes)?),
            ("dropped_attributes_count", uint32(&links.dropped_attributes_count)),
            ("flags", uint32(&links.flags)),
        ],
    )?;
    let present = |bit| spans.presence.iter().map(|p| p & bit != 0).collect::<Vec<bool>>();
    let arrays: Vec<(&str, ArrayRef)> = vec![
        ("trace_id", ids(&spans.trace_id, &present(HAS_TRACE_ID))?),
        ("span_id", ids(&spans.span_id, &present(HAS_SPAN_ID))?),
        ("parent_span_id", ids(&spans.parent_span_id, &present(HAS_PARENT_SPAN_ID))?),
        ("trace_state", text(&spans.trace_state)?),
        ("name", dictionary(&spans.name, &columns.names.strings)?),
        ("kind", int32(&spans.kind)),
        ("start_time_unix_nano", uint64(&spans.start_time_unix_nano)),
        ("end_time_unix_nano", uint64(&spans.end_time_unix_nano)),
        ("status_code", int32(&spans.status_code)),
        ("status_message", text(&spans.status_message)?),
        ("flags", uint32(&spans.flags)),
        ("attributes", attributes(columns, &spans.attributes)?),
        ("events", events),
        ("links", links),
        ("dropped_attributes_count", uint32(&spans.dropped_attributes_count)),
        ("dropped_events_count", uint32(&spans.dropped_events_count)),
        ("dropped_links_count", uint32(&spans.dropped_links_count)),
        ("resource_row", uint32(&resource)),
        ("resource_attributes", repeat(columns, &columns.resources.attributes, &resource)?),
        ("resource_schema_url", dictionary(&resource, &columns.resources.schema_url)?),
        ("scope_row", uint32(&spans.scope)),
        ("scope_name", dictionary(&spans.scope, &scopes.name)?),
        ("scope_version", dictionary(&spans.scope, &scopes.version)?),
        ("scope_attributes", repeat(columns, &scopes.attributes, &spans.scope)?),
        ("scope_schema_url", dictionary(&spans.scope, &scopes.schema_url)?),
    ];
    let fields: Fields = arrays.iter().map(|(name, array)| field(name, array)).collect();
    let arrays = arrays.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// Hands a record batch to pyarrow without copying it.
pub fn to_pyarrow<'py>(py: Python<'py>, batch: RecordBatch) -> PyResult<Bound<'py, PyAny>> {
    let data = StructArray::from(batch).into_data();
    let (array, schema) = to_ffi(&data).map_err(unexpected)?;
    let schema = PyCapsule::new_with_value(py, schema, c"arrow_schema")?;
    let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
    py.import("pyarrow")?
        .getattr("RecordBatch")?
        .call_method1("_import_from_c_capsule", (schema, array))
}

/// Arrow refuses only columns that contradict each other, which would be our fault.
pub fn unexpected(error: ArrowError) -> PyErr {
    pyo3::exceptions::PyRuntimeError::new_err(error.to_string())
}

fn field(name: &str, array: &ArrayRef) -> Arc<Field> {
    Arc::new(Field::new(name, array.data_type().clone(), true))
}

fn uint64(values: &[u64]) -> ArrayRef {
    Arc::new(UInt64Array::from(values.to_vec()))
}

fn uint32(values: &[u32]) -> ArrayRef {
    Arc::new(UInt32Array::from(values.to_vec()))
}

fn int32(values: &[i32]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn ids<const N: usize>(values: &[[u8; N]], present: &[bool]) -> ArrowResult<ArrayRef> {
    let buffer = Buffer::from_slice_ref(values.as_flattened());
    let nulls = Some(NullBuffer::from(present)).filter(|nulls| nulls.null_count() > 0);
    Ok(Arc::new(FixedSizeBinaryArray::try_new(N as i32, buffer, nulls)?))
}

fn offsets(values: &[u32]) -> OffsetBuffer<i32> {
    let values: Vec<i32> = values.iter().map(|&value| value as i32).collect();
    OffsetBuffer::new(ScalarBuffer::from(values))
}

fn text(values: &Strings) -> ArrowResult<ArrayRef> {
    let data = Buffer::from_slice_ref(&values.data);
    Ok(Arc::new(StringArray::try_new(offsets(&values.offsets), data, None)?))
}

fn dictionary(rows: &[u32], values: &Strings) -> ArrowResult<ArrayRef> {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let keys = PrimitiveArray::<Int32Type>::from(rows);
    Ok(Arc::new(DictionaryArray::try_new(keys, text(values)?)?))
}

fn struct_list(owner_offsets: &[u32], members: Vec<(&str, ArrayRef)>) -> ArrowResult<ArrayRef> {
    let fields: Fields = members.iter().map(|(name, array)| field(name, array)).collect();
    let arrays = members.into_iter().map(|(_, array)| array).collect();
    let items = StructArray::try_new(fields.clone(), arrays, None)?;
    let item = Arc::new(Field::new("item", DataType::Struct(fields), true));
    Ok(Arc::new(ListArray::try_new(item, offsets(owner_offsets), Arc::new(items), None)?))
}

fn attributes(columns: &Columns, attributes: &Attributes) -> ArrowResult<ArrayRef> {
    let types: Vec<u8> = attributes.types.iter().map(|&value_type| value_type as u8).collect();
    let values = BinaryArray::try_new(
        offsets(&attributes.values.offsets),
        Buffer::from_slice_ref(&attributes.values.data),
        None,
    )?;
    struct_list(
        &attributes.offsets,
        vec![
            ("key", dictionary(&attributes.keys, &columns.keys.strings)?),
            ("type", Arc::new(UInt8Array::from(types))),
            ("value", Arc::new(values)),
        ],
    )
}

/// The attributes of one table's rows, once for each span, as a dictionary of lists.
fn repeat(columns: &Columns, table: &Attributes, rows: &[u32]) -> ArrowResult<ArrayRef> {
    let keys = PrimitiveArray::<UInt32Type>::from(rows.to_vec());
    Ok(Arc::new(DictionaryArray::try_new(keys, attributes(columns, table)?)?))
}
