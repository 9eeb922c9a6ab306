"""Spans and tracers that record what the SDK's record, at about half of what those cost.

They are subclasses of the SDK's: everything seldom used is inherited. What every span pays for is
written anew: the parent is looked up once, the sampler decides without building a result, plain
attribute values are stored without being cleaned, and an ended span is handed on, not copied.
A test makes random spans with both and compares what comes out.
"""

from __future__ import annotations

import functools
import inspect
import logging
import random
import threading
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import attach, detach, get_current
from opentelemetry.context.context import Context
from opentelemetry.sdk.trace import (
    ReadableSpan,
    Span,
    SynchronousMultiSpanProcessor,
    Tracer,
)
from opentelemetry.sdk.trace._tracer_metrics import NoOpTracerMetrics
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.propagation import _SPAN_KEY

from ananta_tracing.sampling import AnantaSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Link
    from opentelemetry.trace import Span as ApiSpan
    from opentelemetry.util.types import AnyValue, Attributes

logger = logging.getLogger(__name__)

# Values of exactly these types are stored as they are; any other goes through the SDK's cleaning.
_PLAIN = frozenset({str, bool, int, float})
_TEXT = frozenset({str})
_UNSET = Status(StatusCode.UNSET)
_FLAGS = tuple(TraceFlags(flags) for flags in range(4))
_SAMPLED, _RANDOM = 1, 2


class SpanAttributes(BoundedAttributes):
    """The SDK's container with a short way in for plain values."""

    def __init__(
        self,
        maxlen: int | None,
        attributes: Mapping[str, AnyValue] | None,
        max_value_len: int | None,
    ) -> None:
        self._dict: dict[str, AnyValue] = {}
        self.maxlen = maxlen
        self.dropped = 0
        self.max_value_len = max_value_len
        self._lock = threading.Lock()
        self._immutable = False
        if attributes:
            self._set_items(attributes)

    def put(self, key: str, value: AnyValue) -> None:
        """Set one attribute; the caller holds the lock of the span."""
        if type(value) in _PLAIN and type(key) is str and key and self.max_value_len is None:
            known = self._dict
            if key in known:
                del known[key]  # a key that is set again comes last, as in the SDK
            elif self.maxlen is not None and len(known) >= self.maxlen:
                self[key] = value
                return
            known[key] = value
        else:
            self[key] = value

    def _set_items(self, attributes: Mapping[str, AnyValue]) -> None:
        items = attributes if type(attributes) is dict else dict(attributes.items())
        known = self._dict
        if self.max_value_len is None and (
            self.maxlen is None or len(known) + len(items) <= self.maxlen
        ):
            are_plain = _PLAIN.issuperset(map(type, items.values()))
            if are_plain and _TEXT.issuperset(map(type, items)) and "" not in items:
                for key in known.keys() & items.keys() if known else ():
                    del known[key]
                known.update(items)
                return
        super()._set_items(items)


class AnantaSpan(Span):
    """A span of this package; made by `AnantaTracer` alone."""

    # What most spans never change is here, so that it need not be set for each of them.
    _trace_config = None
    _instrumentation_info = None
    _record_end_metrics = None
    _end_time: int | None = None
    _status = _UNSET
    _events: Any = ()
    _links: Any = ()
    _attributes: SpanAttributes

    def __init__(
        self,
        tracer: AnantaTracer,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Mapping[str, AnyValue] | None,
        links: Sequence[Link],
        start_time: int | None,
        record_exception: bool,  # noqa: FBT001
        set_status_on_exception: bool,  # noqa: FBT001
    ) -> None:
        limits = tracer._span_limits
        self._name = name
        self._context = context
        self._parent = parent
        self._kind = kind
        self._resource = tracer.resource
        self._instrumentation_scope = tracer._instrumentation_scope
        self._sampler = tracer.sampler
        self._span_processor = tracer.span_processor
        self._limits = limits
        self._record_exception = record_exception
        self._set_status_on_exception = set_status_on_exception
        self._lock = threading.Lock()
        self._attributes = SpanAttributes(
            limits.max_span_attributes, attributes, limits.max_span_attribute_length
        )
        if links:
            self._links = self._new_links(links)
        self._start_time = time_ns() if start_time is None else start_time

    def set_attribute(self, key: str, value: AnyValue) -> None:
        """Set one attribute, unless the span has ended."""
        with self._lock:
            if self._end_time is None:
                self._attributes.put(key, value)
                return
        logger.warning("Setting attribute on ended span.")

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Add an event, unless the span has ended."""
        self._allow("_events", self._limits.max_events)
        super().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Add a link, unless the span has ended."""
        self._allow("_links", self._limits.max_links)
        super().add_link(context, attributes)

    def _allow(self, name: str, limit: int | None) -> None:
        with self._lock:
            if type(getattr(self, name)) is tuple:
                setattr(self, name, BoundedList(limit))

    def _readable_span(self) -> ReadableSpan:
        return self  # nothing can change it any more

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it to the processors; once."""
        with self._lock:
            if self._end_time is not None:
                logger.warning("Calling end() on an ended span.")
                return
            self._end_time = time_ns() if end_time is None else end_time
            self._attributes._immutable = True
        processor = self._span_processor
        processor._on_ending(self)
        processor.on_end(self)


class ProcessorChain(SynchronousMultiSpanProcessor):
    """The processors of a provider; those that do nothing at a stage are not asked there."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.starting: tuple[Any, ...] = ()
        self._ending: tuple[Any, ...] = ()

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a processor behind the others."""
        super().add_span_processor(span_processor)
        if not getattr(span_processor, "waits_for_end", False):
            self.starting += (span_processor.on_start,)
            self._ending += (span_processor._on_ending,)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell those that look at started spans."""
        for on_start in self.starting:
            on_start(span, parent_context=parent_context)

    def _on_ending(self, span: Span) -> None:
        for on_ending in self._ending:
            on_ending(span)


class AnantaTracer(Tracer):
    """A tracer of this package; made by `AnantaTracerProvider` alone."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._keeps = self.sampler.keeps if isinstance(self.sampler, AnantaSampler) else None
        self._counts_spans = not isinstance(self._tracer_metrics, NoOpTracerMetrics)
        self._makes_random_ids = type(self.id_generator) is RandomIdGenerator

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
    ) -> ApiSpan:
        """Start a span that is not current; see the API."""
        if self._counts_spans:  # the metrics of the SDK about itself, off unless asked for
            return super().start_span(
                name,
                context,
                kind,
                attributes,
                links,
                start_time,
                record_exception,
                set_status_on_exception,
            )
        span: Any = (get_current() if context is None else context).get(_SPAN_KEY)
        parent: SpanContext | None = (
            INVALID_SPAN_CONTEXT if span is None else span.get_span_context()
        )
        if not self._tracer_config.is_enabled:
            return NonRecordingSpan(parent or INVALID_SPAN_CONTEXT)
        if parent is not None and parent.is_valid:
            trace_id, random_flag = parent.trace_id, parent.trace_flags & _RANDOM
        else:
            parent = None
            trace_id, random_flag = self._new_trace_id()
        if self._keeps is not None:
            trace_state = parent.trace_state if parent is not None else None
            records = is_sampled = self._keeps(parent, trace_id, kind, attributes)
        else:
            result = self.sampler.should_sample(
                context, trace_id, name, kind, attributes, links or ()
            )
            trace_state, attributes = result.trace_state, result.attributes
            records = result.decision.is_recording()  # type: ignore[no-untyped-call]
            is_sampled = result.decision.is_sampled()  # type: ignore[no-untyped-call]
        span_context = SpanContext(
            trace_id,
            (random.getrandbits(64) or 1)
            if self._makes_random_ids
            else self.id_generator.generate_span_id(),
            False,  # noqa: FBT003
            _FLAGS[is_sampled | random_flag],
            trace_state,
        )
        if not records:
            return NonRecordingSpan(span_context)
        made = AnantaSpan(
            self,
            name,
            span_context,
            parent,
            kind,
            attributes,
            links or (),
            start_time,
            record_exception,
            set_status_on_exception,
        )
        if self.span_processor.starting:  # type: ignore[union-attr]
            self.span_processor.on_start(made, context)
        return made

    def _new_trace_id(self) -> tuple[int, int]:
        """A trace id, and the flag that tells whether it is random."""
        if self._makes_random_ids:
            return random.getrandbits(128) or 1, _RANDOM
        is_random = self.id_generator.is_trace_id_random()
        return self.id_generator.generate_trace_id(), _RANDOM if is_random else 0

    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
        end_on_exit: bool = True,  # noqa: FBT001, FBT002
    ) -> CurrentSpan:
        """A block, or a decorated function, during which a new span is current; see the API."""
        return CurrentSpan(
            self,
            (
                name,
                context,
                kind,
                attributes,
                links,
                start_time,
                record_exception,
                set_status_on_exception,
            ),
            record_exception,
            set_status_on_exception,
            end_on_exit,
        )


class CurrentSpan:
    """What `start_as_current_span` returns: a context manager and a decorator."""

    __slots__ = ("_arguments", "_options", "_span", "_token", "_tracer")

    def __init__(
        self,
        tracer: AnantaTracer,
        arguments: tuple[Any, ...],
        *options: bool,
    ) -> None:
        self._tracer = tracer
        self._arguments = arguments
        self._options = options

    def __enter__(self) -> ApiSpan:
        self._span = span = self._tracer.start_span(*self._arguments)
        self._token: Token[Context] = attach(Context({**get_current(), _SPAN_KEY: span}))
        return span

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        detach(self._token)
        records_exception, sets_status, ends = self._options
        span = self._span
        if isinstance(error, Exception) and span.is_recording():
            if records_exception:
                span.record_exception(error)
            if sets_status:
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        if ends:
            span.end()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function: every call is a span of its own."""
        tracer, arguments, options = self._tracer, self._arguments, self._options
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: Any, **kwargs: Any) -> Any:
                with CurrentSpan(tracer, arguments, *options):
                    return await function(*args, **kwargs)

            return call_async

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with CurrentSpan(tracer, arguments, *options):
                return function(*args, **kwargs)

        return call
