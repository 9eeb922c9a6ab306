"""Tracing, as the rest of the service imports it; the package `ananta_tracing` does the work."""

from ananta_tracing import (
    add_span_attributes,
    add_span_event,
    create_span,
    current_trace_id,
    init_tracing,
    instrument_app,
    record_exception,
    trace_function,
)

__all__ = [
    "add_span_attributes",
    "add_span_event",
    "create_span",
    "current_trace_id",
    "init_tracing",
    "instrument_app",
    "record_exception",
    "trace_function",
]
