"""The tracer provider of this package: the SDK's, with what a fork changes done our way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NoOpTracer, Tracer

from ananta_tracing.recording import AnantaTracer, ProcessorChain
from ananta_tracing.resource import process_attributes

if TYPE_CHECKING:
    from opentelemetry.util.types import Attributes

    from ananta_tracing.limits import Limits


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


def create_span_limits(limits: Limits) -> SpanLimits:
    """The SDK's form of the limits."""

    def given(count: int | None) -> int | None:
        return SpanLimits.UNSET if count is None else count

    return SpanLimits(
        max_attributes=SpanLimits.UNSET,
        max_attribute_length=given(limits.event_attribute_value_length),
        max_span_attributes=given(limits.attribute_count),
        max_events=given(limits.event_count),
        max_links=given(limits.link_count),
        max_event_attributes=given(limits.event_attribute_count),
        max_link_attributes=given(limits.link_attribute_count),
        max_span_attribute_length=given(limits.attribute_value_length),
    )
