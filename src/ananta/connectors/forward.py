"""Connector `forward`: what pipelines export to it, other pipelines receive from it, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.config.model import Config

if TYPE_CHECKING:
    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch


class ForwardConfig(Config):
    """`forward` has no settings."""


class ForwardConnector:
    """Hands every batch on."""

    def __init__(self, config: ForwardConfig, settings: Settings, next_sink: SpanSink) -> None:  # noqa: ARG002
        self._next_sink = next_sink

    async def start(self, host: Host) -> None:
        """Nothing to open."""

    async def consume(self, batch: SpanBatch) -> None:
        """Hand the batch on."""
        await self._next_sink.consume(batch)

    async def shutdown(self) -> None:
        """Nothing is held."""
