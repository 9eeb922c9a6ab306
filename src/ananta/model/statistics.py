"""What is counted of many spans: how many, how many failed, how long they took.

Durations are counted in classes, 16 to each doubling, so that statistics stay small however many
spans they are of, can be added to each other, and still tell quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

CLASSES_PER_DOUBLING = 16
MAX_NANOS = 2**53 - 1
"""A longer duration counts as this one, 104 days; JavaScript reads it exactly."""


class DurationClass(NamedTuple):
    """Spans that took about as long as each other; durations in nanoseconds."""

    spans: int
    shortest: int
    longest: int


@dataclass(slots=True)
class SpanStatistics:
    """Numbers of spans, errors and durations.

    Attributes:
        spans: how many.
        errors: those whose status is error.
        total_nanos: sum of their durations.
    """

    spans: int = 0
    errors: int = 0
    total_nanos: int = 0
    _classes: dict[int, DurationClass] = field(default_factory=dict)

    def add(
        self, number: int, spans: int, errors: int, total: int, shortest: int, longest: int
    ) -> None:
        """Count spans of one class of duration.

        Args:
            number: of the class: the floor of 16 · log2(nanoseconds + 1).
            spans: how many.
            errors: how many of them failed.
            total: sum of their durations in nanoseconds.
            shortest: the shortest of these.
            longest: the longest of these.
        """
        self.errors += errors
        self.total_nanos += total
        self._add_class(number, DurationClass(spans, shortest, longest))

    def merge(self, other: SpanStatistics) -> None:
        """Count the spans of others, too."""
        self.errors += other.errors
        self.total_nanos += other.total_nanos
        for number, counted in other._classes.items():
            self._add_class(number, counted)

    def _add_class(self, number: int, added: DurationClass) -> None:
        self.spans += added.spans
        known = self._classes.get(number)
        self._classes[number] = (
            DurationClass(
                known.spans + added.spans,
                min(known.shortest, added.shortest),
                max(known.longest, added.longest),
            )
            if known
            else added
        )

    def quantile_nanos(self, hundredths: int) -> int | None:
        """The duration that so many of a hundred spans do not exceed; None without spans.

        It lies between the shortest and the longest duration of the class that the span of this
        rank is in, so it is less than 5 % off, and exact where a class has one span or two.
        """
        rank = max(-(-self.spans * hundredths // 100), 1)
        for _, (spans, shortest, longest) in sorted(self._classes.items()):
            if rank <= spans:
                return shortest + (longest - shortest) * (rank - 1) // max(spans - 1, 1)
            rank -= spans
        return None


@dataclass(slots=True)
class ServiceStatistics:
    """What a service did in a window.

    Attributes:
        spans: all of its spans.
        requests: those of the kinds server and consumer; without any, those without a parent.
        last_start_unix_nano: when its newest span began.
    """

    spans: int = 0
    requests: SpanStatistics = field(default_factory=SpanStatistics)
    last_start_unix_nano: int = 0


class SpanReference(NamedTuple):
    """One span, by the ids that find it: 16 and 8 bytes."""

    trace_id: bytes
    span_id: bytes

    @classmethod
    def of(cls, ids: bytes) -> SpanReference:
        """From both ids, one after the other."""
        return cls(ids[:16], ids[16:])


@dataclass(frozen=True, slots=True)
class OperationStatistics:
    """What spans of one name and kind did in a window.

    Attributes:
        name: of the spans.
        kind: as in `filter.KINDS`; empty for unspecified.
        calls: the spans.
        slowest: the longest of them.
        failed: the newest that failed; None where none did.
    """

    name: str
    kind: str
    calls: SpanStatistics
    slowest: SpanReference
    failed: SpanReference | None


@dataclass(frozen=True, slots=True)
class ExceptionStatistics:
    """Spans with an event that records an exception, of one type and alike messages.

    Attributes:
        type: `exception.type`; empty where not told.
        message: `exception.message` of the newest; empty where not told, cut where it is long.
        messages: how many different ones there are: they differ in numbers alone.
        spans: how many.
        last_start_unix_nano: when the newest of them began.
        newest: that one.
    """

    type: str
    message: str
    messages: int
    spans: int
    last_start_unix_nano: int
    newest: SpanReference


@dataclass(frozen=True, slots=True)
class CallStatistics:
    """Calls from one service to another.

    Attributes:
        caller: service of the calling span.
        callee: service of the called span.
        is_request: whether the called spans are of the kinds server and consumer.
        is_message: whether they only link to the spans that called them.
        calls: the called spans.
    """

    caller: str
    callee: str
    is_request: bool
    is_message: bool
    calls: SpanStatistics


@dataclass(frozen=True, slots=True)
class BackendStatistics:
    """Calls of a service to something that sends no spans.

    Attributes:
        caller: service of the calling spans.
        name: of what is called.
        is_database: whether it is a database; else a system of others.
        calls: the calling spans.
    """

    caller: str
    name: str
    is_database: bool
    calls: SpanStatistics


@dataclass(frozen=True, slots=True)
class SeenResource:
    """What told of itself that it runs a service, with the spans in a window.

    Attributes:
        service: name of the service.
        version: its `service.version`; empty when not told.
        sdk: language and version of the SDK; empty when not told.
        first_start_unix_nano: when the first of the spans began.
        last_start_unix_nano: when the last of them did.
    """

    service: str
    version: str
    sdk: str
    first_start_unix_nano: int
    last_start_unix_nano: int
