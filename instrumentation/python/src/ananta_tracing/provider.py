"""The tracer provider of this package: the SDK's, with what a fork changes done our way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NoOpTracer, StatusCode, Tracer

from ananta_tracing.encoding import SpanEncoder
from ananta_tracing.limits import Limits
from ananta_tracing.recording import AnantaTracer, ProcessorChain
from ananta_tracing.resource import process_attributes
from ananta_tracing.sampling import AnantaSampler, ConstantRoot

if TYPE_CHECKING:
    from opentelemetry.util.types import Attributes


class AnantaTracerProvider(TracerProvider):
    """A `TracerProvider` with tracers of this package, that knows when its process was forked."""

    def __init__(self, **parts: Any) -> None:
        # The life cycle of this package ends it, with a deadline of its own.
        super().__init__(shutdown_on_exit=False, active_span_processor=ProcessorChain(), **parts)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """The tracer of an instrumentation scope, always the same for the same scope."""
        if self._disabled:
            return NoOpTracer()
        scope = InstrumentationScope(
            instrumenting_module_name or "",
            instrumenting_library_version or "",
            schema_url,
            attributes,
        )
        with self._tracers_lock:
            tracer = self._tracers.get(scope)
            if tracer is None:
                tracer = self._tracers[scope] = AnantaTracer(
                    self.sampler,
                    self.resource,
                    self._active_span_processor,
                    self.id_generator,
                    None,
                    self._span_limits,
                    scope,
                    meter_provider=self._meter_provider,
                    _tracer_config=self._apply_tracer_configurator(scope),
                )
            return tracer

    def _handle_fork(self) -> None:
        """Called by the SDK in a forked child."""
        self._tracers_lock = threading.Lock()
        self._update_resource(Resource(process_attributes()))


def check_sdk() -> None:
    """Make a span, with all that is unusual about those of this package.

    Raises:
        Exception: the SDK is one whose inner parts are others than this package builds on.
    """
    provider = AnantaTracerProvider(
        resource=Resource({}),
        sampler=AnantaSampler(ConstantRoot(keeps=True), follows_parent=True),
        span_limits=Limits().to_sdk(),
        id_generator=RandomIdGenerator(),
    )
    with provider.get_tracer("check").start_as_current_span("check", attributes={"a": 1}) as span:
        span.set_attribute("b", "text")
        span.add_event("event", {"c": True})
        span.set_status(StatusCode.ERROR, "no")
    if not isinstance(span, ReadableSpan) or dict(span.attributes or {}) != {"a": 1, "b": "text"}:
        message = "attributes are lost"
        raise RuntimeError(message)
    SpanEncoder().encode_span(span)
