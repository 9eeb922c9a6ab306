"""`TraceQuery`: which traces are searched for, checked once for every face of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ananta.model.filter import ALL, KINDS, STATUSES, And, Comparison, Filter, Not, Or

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_TRACES = 10_000
"""Most traces one search may ask for."""


# Keys under which Jaeger shows what is no attribute.
_STATUS_KEYS = {"span.status", "otel.status_code"}
_SCOPE_KEYS = {
    "scope.name": "otel.scope.name",
    "scope.version": "otel.scope.version",
    "otel.scope.name": "otel.scope.name",
    "otel.scope.version": "otel.scope.version",
}
_RESOURCE_PREFIX = "resource."
_NEVER = Or(())


class InvalidQueryError(ValueError):
    """The values of a query don't go together; the message says which and what to write."""


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Traces with at least one span that matches all of this, the newest first.

    Attributes:
        service: name of the span's service; "" is any.
        operation: name of the span; "" is any.
        tags: attributes of the span, its resource, scope, events or links, and the texts their
            values have. Keys with a meaning of their own: `error` (`true`; anything else is
            false), `span.status` or `otel.status_code` (unset, ok, error), `span.kind`,
            `scope.name`, `scope.version`, and `resource.` before a key of the resource.
        where: what else must hold for the same span; see `parse_filter`.
        start_time_min_unix_nano: first start of the span, inclusive.
        start_time_max_unix_nano: last start of the span, inclusive.
        duration_min_nanos: shortest duration, inclusive; 0 is any.
        duration_max_nanos: longest duration, inclusive; 0 is any.
        limit: most traces to find, 1 to `MAX_TRACES`.

    Raises:
        InvalidQueryError: the limit is out of range, or a maximum lies below its minimum.
    """

    start_time_min_unix_nano: int
    start_time_max_unix_nano: int
    service: str = ""
    operation: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    duration_min_nanos: int = 0
    duration_max_nanos: int = 0
    limit: int = 100
    where: Filter = ALL

    def __post_init__(self) -> None:
        if self.limit <= 0:
            message = f"invalid parameter: limit must be greater than 0, got {self.limit}"
            raise InvalidQueryError(message)
        if self.limit > MAX_TRACES:
            message = f"invalid parameter: limit must be at most {MAX_TRACES}, got {self.limit}"
            raise InvalidQueryError(message)
        if self.start_time_min_unix_nano > self.start_time_max_unix_nano:
            message = "invalid parameter: start time must be before end time"
            raise InvalidQueryError(message)
        if self.duration_max_nanos and self.duration_max_nanos < self.duration_min_nanos:
            message = "'maxDuration' should be greater than 'minDuration'"
            raise InvalidQueryError(message)

    @property
    def filter(self) -> Filter:
        """All that must hold for one span, but the times it may start at."""
        return And((*self._fields(), *self._tags(), self.where))

    def _fields(self) -> Iterator[Filter]:
        if self.service:
            yield Comparison("field", "service", "=", self.service)
        if self.operation:
            yield Comparison("field", "operation", "=", self.operation)
        if self.duration_max_nanos:
            yield Comparison("field", "duration", "<=", self.duration_max_nanos)
        if self.duration_min_nanos:
            yield Comparison("field", "duration", ">=", self.duration_min_nanos)

    def _tags(self) -> Iterator[Filter]:
        for key, value in self.tags.items():
            yield _of_tag(key, value)


def _of_tag(key: str, value: str) -> Filter:
    """A tag of Jaeger's search as a filter."""
    if key == "error":
        is_error = Comparison("field", "status", "=", "error")
        return is_error if value == "true" else Not(is_error)
    if key in _STATUS_KEYS:
        status = value.lower()
        return Comparison("field", "status", "=", status) if status in STATUSES else _NEVER
    if key == "span.kind":
        kind = value.lower() or KINDS[0]
        return Comparison("field", "kind", "=", kind) if kind in KINDS else _NEVER
    if key in _SCOPE_KEYS:
        return Comparison("scope", _SCOPE_KEYS[key], "=", value)
    if key.startswith(_RESOURCE_PREFIX):
        return Comparison("resource", key.removeprefix(_RESOURCE_PREFIX), "=", value)
    return Comparison("any", key, "=", value)
