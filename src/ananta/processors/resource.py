"""Processor `resource`: inserts, changes, hashes and deletes resource attributes.

Behaviour and configuration are the Collector's `resourceprocessor`; see `actions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ananta.config.model import BrokenRule, Config
from ananta.processors.actions import (
    ActionConfig,
    check_actions,
    compile_actions,
    warn_of_context,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch


class ResourceConfig(Config):
    """Settings of the processor `resource`."""

    attributes: list[ActionConfig] = Field([], description="What to do, in this order.")

    def check(self) -> Iterator[BrokenRule]:
        """At least one action, each of them complete."""
        yield from super().check()
        if not self.attributes:
            yield BrokenRule(
                "attributes", 'missing required field "attributes"; add a list of actions'
            )
        yield from check_actions(self.attributes, "attributes")


class ResourceProcessor:
    """Changes the attributes of resources."""

    def __init__(self, config: ResourceConfig, settings: Settings, next_sink: SpanSink) -> None:
        self._config = config
        self._settings = settings
        self._next = next_sink
        self._actions = compile_actions(config.attributes)

    async def start(self, host: Host) -> None:  # noqa: ARG002 -- the component contract
        """Warn of actions that can't act."""
        warn_of_context(self._config.attributes, self._settings.log)

    async def shutdown(self) -> None:
        """Nothing is held."""

    async def consume(self, batch: SpanBatch) -> None:
        """Hand on the batch with the attributes of its resources changed."""
        await self._next.consume(self._actions.apply_to_resources(batch))
