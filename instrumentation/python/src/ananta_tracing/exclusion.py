"""Requests that are not to be traced: nothing inside of them is traced either.

A health check that is left out alone would turn the database span under it into a trace of its
own. So an excluded request runs in a context whose current span is not sampled, in which the
official instrumentations are told to keep still.
"""

from __future__ import annotations

import random

from opentelemetry import context as context_api
from opentelemetry.context.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation import _SPAN_KEY

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
    return Context({**context_api.get_current(), **_SILENCE, _SPAN_KEY: span})
