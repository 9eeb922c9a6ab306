"""Processor `attributes`: inserts, changes, hashes and deletes span attributes.

Behaviour and configuration are the Collector's `attributesprocessor`; see `actions` and `match`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ananta.config.model import BrokenRule
from ananta.processors.actions import (
    ActionConfig,
    check_actions,
    compile_actions,
    warn_of_context,
)
from ananta.processors.match import MatchConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch


class AttributesConfig(MatchConfig):
    """Settings of the processor `attributes`."""

    actions: list[ActionConfig] = Field([], description="What to do, in this order.")

    def check(self) -> Iterator[BrokenRule]:
        """At least one action, each of them complete."""
        yield from super().check()
        if not self.actions:
            yield BrokenRule("actions", 'missing required field "actions"; add a list of actions')
        yield from check_actions(self.actions, "actions")


class AttributesProcessor:
    """Changes the attributes of spans."""

    def __init__(self, config: AttributesConfig, settings: Settings, next_sink: SpanSink) -> None:
        self._config = config
        self._settings = settings
        self._next = next_sink
        self._actions = compile_actions(config.actions)
        self._matcher = config.compile_matcher()

    async def start(self, host: Host) -> None:  # noqa: ARG002 -- the component contract
        """Warn of actions that can't act."""
        warn_of_context(self._config.actions, self._settings.log)

    async def shutdown(self) -> None:
        """Nothing is held."""

    async def consume(self, batch: SpanBatch) -> None:
        """Hand on the batch with the attributes of the selected spans changed."""
        await self._next.consume(self._actions.apply_to_spans(batch, self._matcher))
