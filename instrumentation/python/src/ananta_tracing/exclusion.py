"""Requests that are not to be traced: nothing inside of them is traced either.

A health check that is left out alone would turn the database span under it into a trace of its
own. So an excluded request runs in a context whose current span is not sampled, in which the
official instrumentations are told to keep still.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

if TYPE_CHECKING:
    from opentelemetry.context import Context

# The keys by which instrumentations are silenced; they have no public name.
_SILENCE = {
    context_api._SUPPRESS_INSTRUMENTATION_KEY: True,
    context_api._SUPPRESS_HTTP_INSTRUMENTATION_KEY: True,
}


def excluded_context() -> Context:
    """A context in which nothing is recorded; its span is not sampled, also for services called."""
    span = NonRecordingSpan(
        SpanContext(
            random.getrandbits(128) or 1,
            random.getrandbits(64) or 1,
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.DEFAULT),
        )
    )
    context = trace.set_span_in_context(span)
    for key, value in _SILENCE.items():
        context = context_api.set_value(key, value, context)
    return context
