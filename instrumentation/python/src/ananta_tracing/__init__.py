"""Distributed tracing for Python services: OpenTelemetry set up in one call, at half the cost."""

from ananta_tracing.apps import instrument_app
from ananta_tracing.functions import trace_function
from ananta_tracing.setup import flush_tracing, init_tracing, shutdown_tracing
from ananta_tracing.spans import (
    add_span_attributes,
    add_span_event,
    create_span,
    current_trace_id,
    extract,
    inject,
    record_exception,
)
from ananta_tracing.threads import traced_thread_pool

__all__ = [
    "add_span_attributes",
    "add_span_event",
    "create_span",
    "current_trace_id",
    "extract",
    "flush_tracing",
    "init_tracing",
    "inject",
    "instrument_app",
    "record_exception",
    "shutdown_tracing",
    "trace_function",
    "traced_thread_pool",
]
