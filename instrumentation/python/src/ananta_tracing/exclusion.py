"""Requests that are not to be traced: nothing inside of them is traced either.

A health check that is left out alone would turn the database span under it into a trace of its
own. So an excluded request runs in a context whose current span is not sampled, in which the
official instrumentations are told to keep still and which `is_excluded` recognises.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from ananta_tracing.activation import attach, detach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context

EXCLUDED_KEY = context_api.create_key("ananta-excluded")
# The keys by which instrumentations are silenced; they have no public name.
_SILENCE = {
    context_api._SUPPRESS_INSTRUMENTATION_KEY: True,
    context_api._SUPPRESS_HTTP_INSTRUMENTATION_KEY: True,
    EXCLUDED_KEY: True,
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


def is_excluded(context: Context | None = None) -> bool:
    """Whether this context (the current one if None) belongs to an excluded request."""
    return bool(context_api.get_value(EXCLUDED_KEY, context))


@contextmanager
def excluded() -> Iterator[None]:
    """A block in which nothing is traced.

    >>> from ananta_tracing.spans import create_span
    >>> with excluded(), create_span("not recorded") as span:
    ...     span.is_recording()
    False
    """
    token = attach(excluded_context())
    try:
        yield
    finally:
        detach(token)
