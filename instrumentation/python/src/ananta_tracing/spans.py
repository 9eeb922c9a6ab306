"""Spans by hand: `create_span` around a block, and what may be said about the span one is in.

Every helper works before `init_tracing`, after it and without it; where nothing is recorded they
cost next to nothing and do nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.propagators.textmap import DefaultGetter
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode

from ananta_tracing import setup
from ananta_tracing.activation import attach_span, detach
from ananta_tracing.attributes import coerce, coerce_value, lazily
from ananta_tracing.tolerant import import_tolerantly

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context

propagate = import_tolerantly("opentelemetry.propagate")

Kind = SpanKind | str | None
"""A kind of span: `SpanKind.CLIENT` or the word `"client"`; None is internal."""

Linkable = Link | Span | SpanContext
Headers = Mapping[str, Any] | Iterable[tuple[Any, Any]]


def create_span(
    name: str,
    attributes: Mapping[str, Any] | None = None,
    *,
    kind: Kind = None,
    links: Iterable[Linkable] = (),
    parent: Context | None = None,
) -> SpanBlock:
    """Trace a block as one span, in a `with` or an `async with` statement.

    The span is current inside the block, so spans made there are its children. An exception that
    leaves the block is recorded, the span gets the status ERROR, and the same exception goes on;
    cancellation, `GeneratorExit`, `KeyboardInterrupt` and `SystemExit` are no errors.

    Args:
        name: what is done, of low cardinality: `load_bom`, not `load_bom 42`.
        attributes: any values; `ananta_tracing.attributes` tells how they are carried.
        kind: `"server"`, `"client"`, `"producer"`, `"consumer"` or a `SpanKind`; internal if None.
            A consumer of a message becomes a child of its producer, or is linked to it, as
            `init_tracing(messaging_consumers=...)` says.
        links: spans, span contexts or links this work also belongs to.
        parent: the context to continue instead of the current one, as `extract` returns it.

    Raises:
        ValueError: the kind is none of those.

    >>> with create_span("load_bom", {"bom.id": 42}) as span:
    ...     span.set_attribute("bom.line_count", 3)
    """
    return SpanBlock(
        name,
        attributes,
        SpanKind.INTERNAL if kind is None else read_kind(kind),
        tuple(map(_link, links)) if links else (),
        parent,
    )


class SpanBlock:
    """What `create_span` returns; enter it once."""

    __slots__ = ("_attributes", "_kind", "_links", "_name", "_parent", "_span", "_token")

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, Any] | None,
        kind: SpanKind,
        links: tuple[Link, ...],
        parent: Context | None,
    ) -> None:
        self._name = name
        self._attributes = attributes
        self._kind = kind
        self._links = links
        self._parent = parent
        self._span: Span = trace.INVALID_SPAN
        self._token: Token[Context] | None = None

    def __enter__(self) -> Span:
        self._span = setup.tracer().start_span(
            self._name, self._parent, self._kind, lazily(self._attributes), self._links
        )
        self._token = attach_span(self._span, self._parent)
        return self._span

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            detach(self._token)
            self._token = None
        if error is not None:
            record_error(self._span, error)
        self._span.end()

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(error_type, error, traceback)


def add_span_attributes(attributes: Mapping[str, Any]) -> None:
    """Add attributes to the current span; without one nothing happens.

    >>> add_span_attributes({"component.mpn": "RC0402", "component.found": True})
    """
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes(coerce(attributes))


def add_span_event(
    name: str,
    attributes: Mapping[str, Any] | None = None,
    *,
    timestamp_unix_nano: int | None = None,
) -> None:
    """Note a milestone on the current span, now or at the given time.

    >>> add_span_event("tenant_created", {"tenant.id": "123"})
    """
    span = trace.get_current_span()
    if span.is_recording():
        span.add_event(name, coerce(attributes), timestamp_unix_nano)


def record_exception(
    error: BaseException | None = None, attributes: Mapping[str, Any] | None = None
) -> None:
    """Record an exception on the current span and give the span the status ERROR.

    For an exception that is handled here and still means that the work failed; one that leaves a
    `create_span` block or a `trace_function` is recorded there.

    Args:
        error: the exception; the one being handled if None.
        attributes: more attributes of the event.

    >>> try:
    ...     int("seven")
    ... except ValueError:
    ...     record_exception()
    """
    error = error or sys.exc_info()[1]
    if error is not None:
        _record(trace.get_current_span(), error, coerce(attributes))


def current_trace_id() -> str | None:
    """The trace id of the current span as 32 hexadecimal digits, None outside of a trace.

    >>> current_trace_id() is None
    True
    """
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def inject(
    carrier: MutableMapping[str, str] | MutableSequence[tuple[str, bytes]] | None = None,
) -> Any:
    """Write the current trace context into the headers of a message, and return them.

    Args:
        carrier: a mapping, or a list of (name, bytes) pairs as Kafka clients take them; a new
            dictionary if None.

    >>> headers = inject({"content-type": "application/json"})
    """
    if carrier is None:
        carrier = {}
    if isinstance(carrier, MutableMapping):
        propagate.inject(carrier)
        return carrier
    headers: dict[str, str] = {}
    propagate.inject(headers)
    carrier.extend((name, value.encode()) for name, value in headers.items())
    return carrier


def extract(carrier: Headers | None) -> Context:
    """The trace context found in the headers of a message, for `create_span(parent=...)`.

    Args:
        carrier: a mapping or (name, value) pairs; names in any case, values text, bytes, lists
            of them, or message attributes as SQS has them. Without a trace context in it, the
            current context is returned.

    >>> message = {"TraceParent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    >>> with create_span("handle", kind="consumer", parent=extract(message)):
    ...     current_trace_id()
    '0af7651916cd43dd8448eb211c80319c'
    """
    headers: dict[str, list[str]] = {}
    if carrier is not None:
        pairs = carrier.items() if isinstance(carrier, Mapping) else carrier
        for name, value in pairs:
            values = value if isinstance(value, (list, tuple)) else (value,)
            headers.setdefault(_header_text(name).lower(), []).extend(
                _header_text(each) for each in values if each is not None
            )
    context: Context = extract_from_folded(headers, context_api.get_current())
    return context


class _FoldingGetter(DefaultGetter):
    """Finds a header by any spelling of its name: the one of X-Ray asks with capitals."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        return super().get(carrier, key.lower())


_folding_getter = _FoldingGetter()


def extract_from_folded(headers: Mapping[str, str | list[str]], context: Context) -> Context:
    """The trace context in headers whose names are in lower case, else `context`."""
    extracted: Context = propagate.extract(headers, context, _folding_getter)
    return extracted


def read_kind(kind: Kind) -> SpanKind:
    """The kind a caller means.

    >>> read_kind("client").name, read_kind(None).name
    ('CLIENT', 'INTERNAL')
    """
    if kind is None:
        return SpanKind.INTERNAL
    if isinstance(kind, SpanKind):
        return kind
    try:
        return SpanKind[kind.upper()]
    except (KeyError, AttributeError):
        known = ", ".join(each.name.lower() for each in SpanKind)
        message = f"kind: {kind!r} is no kind of span; write one of {known}"
        raise ValueError(message) from None


def record_error(span: Span, error: BaseException) -> None:
    """Record what left a block; what only stops a program or a task is no error."""
    if isinstance(error, Exception):
        _record(span, error, None)


def _record(span: Span, error: BaseException, attributes: dict[str, Any] | None) -> None:
    if span.is_recording():
        span.record_exception(error, attributes)
        span.set_status(Status(StatusCode.ERROR, str(coerce_value(error))))


def _link(target: Linkable) -> Link:
    if isinstance(target, Link):
        return target
    return Link(target.get_span_context() if isinstance(target, Span) else target)


def _header_text(value: Any) -> str:
    if isinstance(value, Mapping):  # a message attribute of SQS, or of an event of Lambda
        value = value.get("StringValue", value.get("stringValue"))
    return value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else str(value)
