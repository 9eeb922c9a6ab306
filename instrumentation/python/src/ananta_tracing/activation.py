"""Making a span current and taking it back, safely across tasks.

`opentelemetry.context.detach` logs an error with a stack trace when the context it was attached in
is not the one it runs in. That happens to every block that a generator holds open while it is
closed from another task. There is nothing to take back then: the other task never saw the span.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry import trace

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

attach = context_api.attach
# The public `detach` swallows the error by which a foreign context is told.
_runtime = context_api._RUNTIME_CONTEXT


def attach_span(span: Span, context: Context | None = None) -> Token[Context]:
    """Make a span the current one; the token takes it back."""
    return attach(trace.set_span_in_context(span, context))


def detach(token: Token[Context]) -> None:
    """Restore what was current before; does nothing in another task than the one of `attach`."""
    with contextlib.suppress(ValueError):
        _runtime.detach(token)
