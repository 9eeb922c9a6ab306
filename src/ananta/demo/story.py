"""One trace as it happens: plain Python that opens spans and lets time pass in them.

A story has a clock of its own, so an hour of the past is told in a moment. A span is open for as
long as its `with` block; what happens in there happens one after the other, or `at_once`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import (
    Link,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.trace import Span, SpanContext, Tracer
    from opentelemetry.util.types import AttributeValue

    from ananta.demo.services import Platform

    Attributes = Mapping[str, AttributeValue]

_MILLI = 1_000_000


class DependencyError(Exception):
    """Something the platform leans on did not do its part."""

    recorded = False
    """Whether a span has it as an event: the one it was raised in."""


class Story:
    """What happens because of one request.

    Args:
        platform: the services it happens in.
        chance: decides what is left to chance.
        start_unix_nano: when it begins.
        database_slowness: how many times longer statements take than usual.
    """

    def __init__(
        self,
        platform: Platform,
        chance: random.Random,
        start_unix_nano: int,
        database_slowness: float = 1.0,
    ) -> None:
        self.chance = chance
        self.database_slowness = database_slowness
        self._platform = platform
        self._now = start_unix_nano
        # Each with how far the clock of its host is ahead.
        self._open: list[tuple[Span, int]] = []
        self._tracers: dict[str, Tracer] = {}

    @contextmanager
    def span(
        self,
        service: str,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[SpanContext] = (),
    ) -> Iterator[Span]:
        """A span of a service; an exception that leaves it is recorded, and goes on."""
        skew = self._platform.service(service).kind.clock_skew_nanos
        parent = set_span_in_context(self._open[-1][0]) if self._open else None
        span = self._tracer(service).start_span(
            name,
            context=parent,
            kind=kind,
            attributes=attributes,
            links=[Link(context, {"messaging.system": "kafka"}) for context in links],
            start_time=self._now + skew,
        )
        self._open.append((span, skew))
        try:
            yield span
        except DependencyError as error:
            if not error.recorded:
                span.record_exception(error, timestamp=self._now + skew)
                error.recorded = True
            span.set_status(Status(StatusCode.ERROR, str(error)))
            raise
        finally:
            self._open.pop()
            span.end(self._now + skew)

    def spend(self, at_least_ms: float, at_most_ms: float) -> None:
        """Let time pass: most often little, at times much."""
        share = self.chance.betavariate(1.3, 4)
        self._now += int((at_least_ms + share * (at_most_ms - at_least_ms)) * _MILLI)

    def wait(self, milliseconds: float) -> None:
        """Let exactly so much time pass."""
        self._now += int(milliseconds * _MILLI)

    def at_once(self, branches: Sequence[Callable[[], object]]) -> None:
        """Tell branches that begin together; it ends with the last of them."""
        begun = latest = self._now
        for branch in branches:
            self._now = begun
            branch()
            latest = max(latest, self._now)
        self._now = latest

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        """Something that happens in the open span now."""
        span, skew = self._open[-1]
        span.add_event(name, attributes, timestamp=self._now + skew)

    def later(self, after_ms: float) -> Story:
        """What follows from this story after a while, as a trace of its own."""
        begin = self._now + int(after_ms * _MILLI)
        return Story(self._platform, self.chance, begin, self.database_slowness)

    def likely(self, probability: float) -> bool:
        """Whether something happens that does with a probability."""
        return self.chance.random() < probability

    def _tracer(self, service: str) -> Tracer:
        """One instance of a service serves the whole story."""
        if service not in self._tracers:
            self._tracers[service] = self.chance.choice(self._platform.service(service).tracers)
        return self._tracers[service]
