"""Exporter `nop`: takes spans and throws them away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.config.model import Config

if TYPE_CHECKING:
    from ananta.component import Host, Settings
    from ananta.model import SpanBatch


class NopConfig(Config):
    """`nop` has no settings."""


class NopExporter:
    """Throws spans away."""

    def __init__(self, config: NopConfig, settings: Settings) -> None:
        """Nothing to keep."""

    async def start(self, host: Host) -> None:
        """Nothing to open."""

    async def consume(self, batch: SpanBatch) -> None:
        """Take the batch and forget it."""

    async def shutdown(self) -> None:
        """Nothing is held."""
