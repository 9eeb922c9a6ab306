"""Attribute actions in a configuration, as `attributes`, `resource` and `span` take them.

The rules and their texts are the Collector's; indexes in them count from 0. What the actions do is
written in the native extension, which is handed the checked list once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ananta._native import AttributeActions, pattern_groups
from ananta.config.model import BrokenRule, Config

if TYPE_CHECKING:
    import logging
    from collections.abc import Generator, Iterator, Sequence

_SETTING = ("insert", "update", "upsert")
_SELECTING = ("delete", "hash")
_ALL = (*_SETTING, *_SELECTING, "extract", "convert")


class ActionConfig(Config):
    """One thing to do to an attribute."""

    key: str = Field(
        "", description="The attribute. `delete` and `hash` may use `pattern` instead."
    )
    action: str = Field("", description=f"One of {', '.join(_ALL)}; in any case.")
    value: Any = Field(
        None,
        description="For insert, update, upsert: the value, of the type YAML gives it."
        " For delete: delete only where the attribute has this value.",
    )
    default_value: Any = Field(
        None,
        description="For insert, update, upsert: the value where the source has none.",
    )
    pattern: str = Field(
        "",
        description="For delete and hash: a regular expression, found anywhere in the keys they"
        " apply to. For extract: one searched for in the value, whose named groups become"
        " attributes.",
    )
    from_attribute: str = Field(
        "", description="For insert, update, upsert: the attribute to copy the value of."
    )
    from_context: str = Field(
        "",
        description="For insert, update, upsert: client metadata to take the value from. It is"
        " only there when the receiver has `include_metadata`; without it `default_value` is taken"
        " or the action skipped.",
    )
    converted_type: str = Field("", description="For convert: int, double or string.")

    def sources(self) -> list[str]:
        """The fields that say where a value comes from, of those that are set."""
        fields = {
            "value": self.value is not None,
            "from_attribute": bool(self.from_attribute),
            "from_context": bool(self.from_context),
        }
        return [field for field, is_set in fields.items() if is_set]


def check_actions(actions: Sequence[ActionConfig], field: str) -> Iterator[BrokenRule]:
    """Yield what is wrong with a list of actions that stands in this field."""
    for index, action in enumerate(actions):
        for message in _check_action(action, index):
            yield BrokenRule(f"{field}::{index}", message)


def _check_action(action: ActionConfig, index: int) -> Iterator[str]:
    name = action.action.lower()
    at = f"at the {index}-th actions"
    if name not in _ALL:
        yield (
            f'error creating AttrProc due to unsupported action "{action.action}" {at};'
            f" write {', '.join(_ALL[:-1])} or {_ALL[-1]}"
        )
        return
    if name in _SELECTING:
        if not action.key and not action.pattern:
            yield (
                "error creating AttrProc due to missing required field"
                f' (at least one of "key" and "pattern" have to be used) {at}'
            )
    elif not action.key:
        yield (
            f'error creating AttrProc due to missing required field "key" {at};'
            " add key: and the attribute's name"
        )
    if name in _SETTING:
        yield from _check_sources(action, index)
    yield from _check_unused(action, name, index)
    if name == "extract":
        yield from _check_extract(action, index)
    elif name in _SELECTING and action.pattern:
        yield from _check_pattern(action, index)
    elif name == "convert":
        yield from _check_convert(action, index)


def _check_sources(action: ActionConfig, index: int) -> Iterator[str]:
    sources = action.sources()
    if not sources and action.default_value is None:
        yield (
            'error creating AttrProc. Either field "value", "from_attribute" or "from_context"'
            f" setting must be specified for {index}-th action"
        )
    elif len(sources) > 1:
        yield (
            "error creating AttrProc due to multiple value sources being set"
            f" at the {index}-th actions; keep one of {', '.join(sources)}"
        )


def _check_unused(action: ActionConfig, name: str, index: int) -> Iterator[str]:
    """Yield a message for each field that is set and that the action does not use."""
    used = {
        "value": name in _SETTING or name == "delete",
        "default_value": name in _SETTING,
        "from_attribute": name in _SETTING,
        "from_context": name in _SETTING,
        "pattern": name in _SELECTING or name == "extract",
        "converted_type": name == "convert",
    }
    for field, is_used in used.items():
        is_set = getattr(action, field) not in ("", None)
        if is_set and not is_used:
            yield (
                f'error creating AttrProc. Action "{name}" does not use the "{field}" field.'
                f" This must not be specified for {index}-th action; remove it"
            )


def _check_extract(action: ActionConfig, index: int) -> Iterator[str]:
    if not action.pattern:
        yield (
            'error creating AttrProc due to missing required field "pattern" for action "extract"'
            f" at the {index}-th action; write a regular expression with named groups (?P<name>…)"
        )
        return
    groups = yield from _check_pattern(action, index)
    if groups is None:
        return
    if not groups:
        yield (
            'error creating AttrProc. Field "pattern" contains no named matcher groups'
            f" at the {index}-th actions; name what to extract, (?P<name>…)"
        )
    elif None in groups:
        yield (
            'error creating AttrProc. Field "pattern" contains at least one unnamed matcher group'
            f" at the {index}-th actions; write (?P<name>…), or (?:…) for what is not extracted"
        )


def _check_pattern(
    action: ActionConfig, index: int
) -> Generator[str, None, list[str | None] | None]:
    """Yield what is wrong with the pattern; return its groups' names, None if it is no pattern."""
    try:
        return pattern_groups(action.pattern)
    except ValueError as error:
        yield (
            f'error creating AttrProc. Field "pattern" has invalid pattern: "{action.pattern}"'
            f" to be set at the {index}-th actions; {one_line(error)}"
        )
        return None


def _check_convert(action: ActionConfig, index: int) -> Iterator[str]:
    if not action.converted_type:
        yield (
            'error creating AttrProc due to missing required field "converted_type" for action'
            f' "convert" at the {index}-th action; write int, double or string'
        )
    elif action.converted_type not in ("int", "double", "string"):
        yield (
            f'error creating AttrProc due to invalid value "{action.converted_type}" in field'
            f' "converted_type" for action "convert" at the {index}-th action;'
            " write int, double or string"
        )


def one_line(error: ValueError) -> str:
    """The reason in a regular expression's error, without the picture of the pattern above it."""
    return str(error).splitlines()[-1].removeprefix("error: ")


def plain_actions(actions: Sequence[ActionConfig]) -> list[dict[str, Any]]:
    """The actions as the native extension takes them."""
    return [action.model_dump() | {"action": action.action.lower()} for action in actions]


def compile_actions(actions: Sequence[ActionConfig]) -> AttributeActions:
    """The plan for a list that `check_actions` has nothing against."""
    return AttributeActions(plain_actions(actions))


def warn_of_context(actions: Sequence[ActionConfig], log: logging.Logger) -> None:
    """Say which actions wait for client metadata, which batches do not carry."""
    for index, action in enumerate(actions):
        if action.from_context:
            outcome = "is skipped" if action.default_value is None else "takes its default_value"
            log.warning(
                "action %d on %s %s: from_context %s needs client metadata, which no"
                " receiver hands on without include_metadata",
                index,
                action.key,
                outcome,
                action.from_context,
            )
