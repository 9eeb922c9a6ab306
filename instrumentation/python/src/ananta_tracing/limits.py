"""How much waits, how much leaves at once, and how much one span may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanLimits

    from ananta_tracing.variables import Reader


@dataclass(frozen=True)
class BatchLimits:
    """How spans wait and leave. Sizes are in spans."""

    schedule_delay_seconds: float = 5.0
    max_queue_size: int = 8192
    max_export_batch_size: int = 1024
    export_timeout_seconds: float = 30.0


@dataclass(frozen=True)
class Limits:
    """How much one span may hold; None is unlimited."""

    attribute_count: int | None = 128
    attribute_value_length: int | None = None
    event_count: int | None = 128
    link_count: int | None = 128
    event_attribute_count: int | None = 128
    link_attribute_count: int | None = 128
    event_attribute_value_length: int | None = None
    """Also that of links."""

    def to_sdk(self) -> SpanLimits:
        """The same for the SDK, which would read variables for whatever it is not given."""
        from opentelemetry.sdk.trace import SpanLimits

        def given(count: int | None) -> int:
            return SpanLimits.UNSET if count is None else count

        return SpanLimits(
            max_attributes=SpanLimits.UNSET,
            max_attribute_length=given(self.event_attribute_value_length),
            max_span_attributes=given(self.attribute_count),
            max_events=given(self.event_count),
            max_links=given(self.link_count),
            max_event_attributes=given(self.event_attribute_count),
            max_link_attributes=given(self.link_attribute_count),
            max_span_attribute_length=given(self.attribute_value_length),
        )


def read_batch_limits(reader: Reader) -> BatchLimits:
    """The batch limits that variables, preset or default name."""
    default = BatchLimits()
    queue = reader.read(
        "max_queue_size",
        ("OTEL_BSP_MAX_QUEUE_SIZE",),
        reader.positive_count,
        default.max_queue_size,
    )
    batch = reader.read(
        "max_export_batch_size",
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE",),
        reader.positive_count,
        min(default.max_export_batch_size, queue),
    )
    if batch > queue:
        reader.problem(
            reader.origins["max_export_batch_size"],
            f"a batch of {batch} does not fit a queue of {queue}; {queue} is used",
        )
        batch = queue
    return BatchLimits(
        reader.read(
            "schedule_delay_seconds",
            ("OTEL_BSP_SCHEDULE_DELAY",),
            reader.milliseconds,
            default.schedule_delay_seconds,
        ),
        queue,
        batch,
        reader.read(
            "export_timeout_seconds",
            ("OTEL_BSP_EXPORT_TIMEOUT",),
            reader.milliseconds,
            default.export_timeout_seconds,
        ),
    )


def read_limits(reader: Reader) -> Limits:
    """The limits that variables or default name; those of a span win over the general ones."""
    default = Limits()

    def count(setting: str, *variables: str) -> int | None:
        unset: int | None = getattr(default, setting)
        return reader.read(f"limits.{setting}", variables, reader.limit, unset)

    general = "OTEL_ATTRIBUTE_COUNT_LIMIT"
    return Limits(
        attribute_count=count("attribute_count", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", general),
        attribute_value_length=count(
            "attribute_value_length",
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ),
        event_attribute_value_length=count(
            "event_attribute_value_length", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
        ),
        event_count=count("event_count", "OTEL_SPAN_EVENT_COUNT_LIMIT"),
        link_count=count("link_count", "OTEL_SPAN_LINK_COUNT_LIMIT"),
        event_attribute_count=count(
            "event_attribute_count", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", general
        ),
        link_attribute_count=count(
            "link_attribute_count", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", general
        ),
    )
