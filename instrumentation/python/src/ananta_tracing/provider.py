"""The tracer provider of this package: the SDK's, with what a fork changes done our way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from ananta_tracing.resource import process_attributes

if TYPE_CHECKING:
    from ananta_tracing.settings import Limits


class AnantaTracerProvider(TracerProvider):
    """A `TracerProvider` whose spans know, after a fork, in which process they were made."""

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
