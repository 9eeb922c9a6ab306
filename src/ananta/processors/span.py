"""Processor `span`: names from attributes, attributes from names, status, and attribute actions.

Behaviour and configuration are the Collector's `spanprocessor`, with one addition: `attributes`, a
list of actions on the same spans, run last. So what must not leave is gone, wherever it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ananta._native import SpanRules, pattern_groups
from ananta.config.model import BrokenRule, Config
from ananta.processors.actions import (
    ActionConfig,
    check_actions,
    one_line,
    plain_actions,
    warn_of_context,
)
from ananta.processors.match import MatchConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch

# The numbers of opentelemetry.proto.trace.v1.Status.StatusCode.
_STATUS_CODES = {"Unset": 0, "Ok": 1, "Error": 2}


class ToAttributesConfig(Config):
    """Attributes cut out of the span's name."""

    rules: list[str] = Field(
        [],
        description="Patterns with named groups: what a group captures becomes an attribute, and"
        " {group} takes its place in the name. Each rule sees the name the one before made.",
    )
    break_after_match: bool = Field(False, description="Stop after the first rule that matches.")
    keep_original_name: bool = Field(False, description="Make attributes but leave the name.")

    def check(self) -> Iterator[BrokenRule]:
        """Rules are patterns."""
        yield from super().check()
        for index, rule in enumerate(self.rules):
            try:
                pattern_groups(rule)
            except ValueError as error:
                message = f"invalid regexp pattern {rule}: {one_line(error)}"
                yield BrokenRule(f"rules::{index}", message)


class NameConfig(Config):
    """How spans are renamed."""

    from_attributes: list[str] = Field(
        [], description="Attributes whose values make the name; where one is missing it stays."
    )
    separator: str = Field("", description="What stands between the values.")
    to_attributes: ToAttributesConfig | None = Field(
        None, description="Attributes made of parts of the name."
    )


class StatusConfig(Config):
    """The status spans get."""

    code: str = Field("", description="Unset, Ok or Error.")
    description: str = Field("", description="The message; only with Error.")

    def check(self) -> Iterator[BrokenRule]:
        """A known code, a description only with Error."""
        yield from super().check()
        if self.code not in _STATUS_CODES:
            yield BrokenRule(
                "code",
                'error creating "span" processor: "status" must have specified "code" as "Ok" or'
                f' "Error" or "Unset", got "{self.code}"',
            )
        elif self.description and self.code != "Error":
            yield BrokenRule(
                "description",
                'error creating "span" processor: "description" can be specified only for'
                f' "code" "Error", got "{self.code}"',
            )


class SpanConfig(MatchConfig):
    """Settings of the processor `span`."""

    name: NameConfig = Field(NameConfig(), description="How spans are renamed.")
    status: StatusConfig | None = Field(None, description="The status spans get.")
    attributes: list[ActionConfig] = Field(
        [], description="Attribute actions, as the processor `attributes` has them."
    )

    def check(self) -> Iterator[BrokenRule]:
        """Something to do, each action complete."""
        yield from super().check()
        to_attributes = self.name.to_attributes
        renames = self.name.from_attributes or (to_attributes and to_attributes.rules)
        if not renames and self.status is None and not self.attributes:
            yield BrokenRule(
                "",
                'error creating "span" processor: either "from_attributes" or "to_attributes" must'
                ' be specified in "name:" or "setStatus" must be specified; or give "attributes:"'
                " a list of actions",
            )
        yield from check_actions(self.attributes, "attributes")

    def compile_rules(self) -> SpanRules:
        """The plan for these settings."""
        to_attributes = self.name.to_attributes or ToAttributesConfig()
        status = self.status and (_STATUS_CODES[self.status.code], self.status.description)
        settings: dict[str, Any] = {
            "from_attributes": self.name.from_attributes,
            "separator": self.name.separator,
            **to_attributes.model_dump(),
            "status": status,
            "actions": plain_actions(self.attributes),
        }
        return SpanRules(settings)


class SpanProcessor:
    """Changes names, status and attributes of spans."""

    def __init__(self, config: SpanConfig, settings: Settings, next_sink: SpanSink) -> None:
        self._config = config
        self._settings = settings
        self._next = next_sink
        self._rules = config.compile_rules()
        self._matcher = config.compile_matcher()

    async def start(self, host: Host) -> None:  # noqa: ARG002 -- the component contract
        """Warn of actions that can't act."""
        warn_of_context(self._config.attributes, self._settings.log)

    async def shutdown(self) -> None:
        """Nothing is held."""

    async def consume(self, batch: SpanBatch) -> None:
        """Hand on the batch with the selected spans changed."""
        await self._next.consume(self._rules.apply(batch, self._matcher))
