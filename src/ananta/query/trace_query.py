"""`TraceQuery`: which traces are searched for, checked once for every face of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TRACES = 10_000
"""Most traces one search may ask for."""


class InvalidQueryError(ValueError):
    """The values of a query don't go together; the message says which and what to write."""


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Traces with at least one span that matches all of this, the newest first.

    Attributes:
        service: name of the span's service; "" is any.
        operation: name of the span; "" is any.
        tags: attributes of the span, its resource, scope, events or links, and the texts their
            values have; see `TraceFilter` for keys with a meaning of their own.
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
