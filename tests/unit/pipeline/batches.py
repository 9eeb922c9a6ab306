"""Batches whose spans are told apart by name, and exporters that remember what they were given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from ananta.model import SpanBatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ananta.errors import DeliveryError


def batch_of(*names: str) -> SpanBatch:
    """One span for each name."""
    data = trace.TracesData()
    scope = data.resource_spans.add().scope_spans.add()
    for number, name in enumerate(names, 1):
        scope.spans.add(name=name, trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"))
    return SpanBatch.from_otlp(data.SerializeToString())


def names_in(batch: SpanBatch) -> list[str]:
    """The names of a batch's spans, in order."""
    data = trace.TracesData.FromString(batch.to_otlp())
    return [
        span.name
        for resource in data.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until the condition holds; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
            await asyncio.sleep(0)


class Recorder:
    """An exporter that remembers every batch, and fails, or waits, as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.tokens: list[str] = []
        self.failures: list[DeliveryError] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.attempts = 0

    @property
    def names(self) -> list[str]:
        """All span names delivered, in order."""
        return [name for batch in self.batches for name in batch]

    async def consume(self, batch: SpanBatch) -> None:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        await self.gate.wait()
        self.batches.append(names_in(batch))


class IdempotentRecorder(Recorder):
    """As `Recorder`, but stores a token once."""

    async def consume_once(self, batch: SpanBatch, token: str) -> None:
        seen = token in self.tokens
        self.tokens.append(token)
        if not seen:
            await self.consume(batch)
