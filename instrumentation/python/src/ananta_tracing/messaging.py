"""Consumers of messages: spans that continue the producer's trace, or start their own with a link.

SQS, Kafka, RabbitMQ, Celery: each official instrumentation has a way of its own, and few can be
told otherwise. So their tracers, and that of the helpers, pass through here: a span of kind
CONSUMER is started with the parent and links that were asked for. Every other span is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    SpanKind,
    Tracer,
    TracerProvider,
    get_current_span,
    get_tracer,
    set_span_in_context,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    Origin = tuple[Context | None, Sequence[Link] | None]
    """What a span is started with: the context its parent is in, and its links."""

Relation = Literal["parent", "link"]
"""What the producer of a message is to the span of its consumer."""


def read_relation(_: str, text: str) -> Relation:
    """Parse the setting.

    Raises:
        ValueError: it is neither of the two.
    """
    folded = text.strip().lower()
    if folded == "parent":
        return "parent"
    if folded == "link":
        return "link"
    message = f"unknown relation {text!r}; write parent or link"
    raise ValueError(message)


def _with_parent(context: Context | None, links: Sequence[Link] | None) -> Origin:
    """The producer as parent where it was a link; several producers cannot be, and stay links."""
    producers = [link for link in links or () if link.context.is_remote]
    if len(producers) != 1:
        return context, links
    parent = NonRecordingSpan(producers[0].context)
    others = [link for link in links or () if link is not producers[0]]
    return set_span_in_context(parent, context), others


def _with_link(context: Context | None, links: Sequence[Link] | None) -> Origin:
    """The producer as link where it was the parent; the rest of the context, baggage, stays."""
    parent = get_current_span(context).get_span_context()
    if not parent.is_remote:
        return context, links
    return set_span_in_context(INVALID_SPAN, context), [*(links or ()), Link(parent)]


class ConsumerTracer(Tracer):
    """A tracer whose consumer spans stand to their producer as asked for."""

    def __init__(self, tracer: Tracer, relation: Relation) -> None:
        self._tracer = tracer
        self._relate: Callable[..., Origin] = _with_parent if relation == "parent" else _with_link

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = (),
        *options: Any,
        **named_options: Any,
    ) -> Span:
        """Start a span that is not current; see the API."""
        if kind is SpanKind.CONSUMER:
            context, links = self._relate(context, links)
        return self._tracer.start_span(
            name, context, kind, attributes, links, *options, **named_options
        )

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = (),
        *options: Any,
        **named_options: Any,
    ) -> Any:
        """A block, or a decorated function, during which a new span is current; see the API."""
        if kind is SpanKind.CONSUMER:
            context, links = self._relate(context, links)
        return self._tracer.start_as_current_span(
            name, context, kind, attributes, links, *options, **named_options
        )


class ConsumerTracerProvider(TracerProvider):
    """Gives instrumentations tracers of the global provider whose consumer spans are as set."""

    def __init__(self, relation: Relation) -> None:
        self._relation = relation

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """The tracer of an instrumentation scope."""
        tracer = get_tracer(
            instrumenting_module_name,
            instrumenting_library_version,
            schema_url=schema_url,
            attributes=attributes,
        )
        return ConsumerTracer(tracer, self._relation)
