"""Processor `span_limit`: refuses batches that are too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ananta.config.model import Config
from ananta.errors import PermanentError

if TYPE_CHECKING:
    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch


class SpanLimitConfig(Config):
    """Settings of the processor `span_limit`."""

    max_spans: int = Field(1000, description="Most spans a batch may have.", gt=0)


class SpanLimitProcessor:
    """Passes on batches of at most `max_spans` spans."""

    def __init__(self, config: SpanLimitConfig, settings: Settings, next_sink: SpanSink) -> None:
        self._max_spans = config.max_spans
        self._log = settings.log
        self._next_sink = next_sink

    async def start(self, host: Host) -> None:
        """Nothing to open."""

    async def consume(self, batch: SpanBatch) -> None:
        """Pass the batch on, or refuse it for good."""
        if len(batch) > self._max_spans:
            message = f"a batch of {len(batch)} spans is over the limit of {self._max_spans}"
            raise PermanentError(message)
        await self._next_sink.consume(batch)

    async def shutdown(self) -> None:
        """Nothing to free."""
