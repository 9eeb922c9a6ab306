"""Making a span current and taking it back, safely across tasks.

`opentelemetry.context.detach` logs an error with a stack trace when the context it was attached in
is not the one it runs in. That happens to every block that a generator holds open while it is
closed from another task. There is nothing to take back then: the other task never saw the span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry.context.context import Context
from opentelemetry.trace.propagation import _SPAN_KEY

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.trace import Span

attach = context_api.attach
# The public `detach` swallows the error by which a foreign context is told.
_detach = context_api._RUNTIME_CONTEXT.detach


def attach_span(span: Span, context: Context | None = None) -> Token[Context]:
    """Make a span the current one; the token takes it back."""
    if context is None:
        context = context_api.get_current()
    return attach(Context({**context, _SPAN_KEY: span}))


def detach(token: Token[Context]) -> None:
    """Restore what was current before; does nothing in another task than the one of `attach`."""
    try:  # noqa: SIM105 - every span passes here, and `suppress` costs more than all the rest
        _detach(token)
    except ValueError:
        pass


def silence() -> Token[Context]:
    """Have instrumentations keep still from here on; the token ends it."""
    return attach(context_api.set_value(context_api._SUPPRESS_INSTRUMENTATION_KEY, value=True))


class Steps:
    """The context of a generator from step to step: entered for a step, kept while it waits.

    Args:
        context: the one of the first step.
    """

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = attach(self._context)

    def __exit__(self, *_: object) -> None:
        # What the generator made current itself holds until its next step.
        self._context = context_api.get_current()
        detach(self._token)
