"""`Config`, the base of every component's settings, and the types its fields may have.

A component's configuration class is a pydantic model with these rules, which are the Collector's:

- unknown keys are errors, and so is a value of another type: `"23"` is no number;
- a plain string given for a list of strings is split on `,`;
- a key with no value (`null`) keeps its default;
- a section that may be absent (`SomeConfig | None`) also takes `enabled: false`;
- a value that came from `${env:X}` counts as the text it was when the field is a string, and as
  what YAML makes of that text otherwise (`Expanded`).

Field names are the keys of the file. Every field carries `Field(description=...)`: the reference
in docs/configuration.md is printed from it. Rules over several fields go into `check`.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from ananta.config.duration import Duration, format_duration, parse_duration

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = [
    "NULL_MEANS_DEFAULTS",
    "BrokenRule",
    "BrokenRules",
    "Config",
    "Duration",
    "Expanded",
    "RefersTo",
    "Secret",
    "format_duration",
    "mask_url_passwords",
    "parse_duration",
    "to_plain",
]

REDACTED = "[REDACTED]"
_URL_PASSWORD = re.compile(r"(://[^/?#@:\s]*:)[^/?#\s]+@")
# Outside the class: where pydantic's mypy plugin reads `strict=True` it types constructors by what
# a field holds (float), not by what it reads ("5s").
_STRICT = ConfigDict(strict=True)


class Secret(SecretStr):
    """Text that never shows: printed and logged as `[REDACTED]`, in JSON as asterisks.

    `get_secret_value()` is the text itself.
    """

    def _display(self) -> str:
        return REDACTED


def mask_url_passwords(text: str) -> str:
    """The text with `[REDACTED]` for the password of each URL in it."""
    return _URL_PASSWORD.sub(rf"\1{REDACTED}@", text)


@dataclass(frozen=True, slots=True)
class Expanded:
    """A scalar that was wholly a `${...}` reference.

    Attributes:
        value: what YAML makes of the text: a number, a list, null for an unset variable.
        text: the text as it came from the environment, the file or wherever.
    """

    value: Any
    text: str


@dataclass(frozen=True, slots=True)
class RefersTo:
    """Marks a string field (`Annotated[str, RefersTo("storage")]`) as another component's id.

    The loader checks that such a component is configured, will be started, and plays the role: a
    `trace store` is an exporter, all others are extensions.
    """

    role: Literal["storage", "authenticator", "middleware", "trace store"]


NULL_MEANS_DEFAULTS = object()
"""Marks an optional section that a bare key switches on: `grpc:` alone is `grpc: {}`."""


class BrokenRule(NamedTuple):
    """One rule a configuration breaks.

    Attributes:
        key: the key to change, or "" when it is about the section as a whole.
        message: what is wrong, the value seen, and what to write instead.
    """

    key: str
    message: str


class BrokenRules(ValueError):
    """Every rule one section breaks; pydantic carries it to whoever builds the section."""

    def __init__(self, rules: list[BrokenRule]) -> None:
        super().__init__("\n".join(rule.message for rule in rules))
        self.rules = rules


class Config(BaseModel):
    """Settings of one component, or of one section in them: immutable, strict, no unknown keys."""

    model_config = ConfigDict(**_STRICT, extra="forbid", frozen=True, protected_namespaces=())

    def check(self) -> Iterator[BrokenRule]:
        """Yield every rule over several fields, or beyond a type, that these values break.

        A subclass of a class with rules of its own starts with `yield from super().check()`.
        """
        yield from ()

    def check_not_negative(self, *keys: str) -> Iterator[BrokenRule]:
        """Yield the keys among these whose value is below zero."""
        for key in keys:
            if getattr(self, key) < 0:
                seen = self.model_dump(include={key})[key]
                yield BrokenRule(key, f"'{key}' must be non-negative, got {seen}")

    @model_validator(mode="before")
    @classmethod
    def _fit(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            return to_plain(data)
        fields = cls.fields_by_key()
        fitted = {}
        for key, value in data.items():
            field = fields.get(key)
            if field is None:
                fitted[key] = to_plain(value)
            elif (value := _fit_field(value, field)) is not _KEEP_DEFAULT:
                fitted[key] = value
        return fitted

    @model_validator(mode="after")
    def _check(self) -> Config:
        if rules := list(self.check()):
            raise BrokenRules(rules)
        return self

    @classmethod
    @functools.cache
    def fields_by_key(cls) -> dict[str, FieldInfo]:
        """The fields by the key a file uses for them."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


def to_plain(value: Any) -> Any:
    """Replace every `Expanded` in a YAML value by what YAML makes of it."""
    if isinstance(value, Expanded):
        return to_plain(value.value)
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return value


def alternatives(annotation: Any) -> list[Any]:
    """The types a value may have: the members of a union, each without `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [kind for member in get_args(annotation) for kind in alternatives(member)]
    return [annotation]


def section_of(annotation: Any) -> type[Config] | None:
    """The configuration class a field holds, if it holds one."""
    for kind in alternatives(annotation):
        if isinstance(kind, type) and issubclass(kind, Config):
            return kind
    return None


_KEEP_DEFAULT = object()


def _fit_field(value: Any, field: FieldInfo) -> Any:
    """Shape one key's value to its field; `_KEEP_DEFAULT` where the key is as good as absent."""
    kinds = alternatives(field.annotation)
    if isinstance(value, Expanded) and value.value is None and not _wants_text(kinds):
        value = None
    section = section_of(field.annotation)
    if section is not None and type(None) in kinds:
        return _fit_optional_section(value, section, field)
    if value is None:
        return None if type(None) in kinds or Any in kinds else _KEEP_DEFAULT
    return _fit_value(value, field.annotation)


def _fit_optional_section(value: Any, section: type[Config], field: FieldInfo) -> Any:
    value = value.value if isinstance(value, Expanded) else value
    if value is None:
        return {} if NULL_MEANS_DEFAULTS in field.metadata else _KEEP_DEFAULT
    if isinstance(value, dict) and "enabled" not in section.fields_by_key():
        enabled = to_plain(value.get("enabled"))
        if isinstance(enabled, bool):
            rest = {key: item for key, item in value.items() if key != "enabled"}
            return rest if enabled else None
    return value


def _fit_value(value: Any, annotation: Any) -> Any:
    kinds = alternatives(annotation)
    if isinstance(value, Expanded):
        if _wants_text(kinds):
            return value.text
        value = value.value
    if section_of(annotation) is not None:
        return value
    for kind in kinds:
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is list:
            if isinstance(value, str) and _wants_text(alternatives(arguments[0])):
                value = value.split(",") if value else []
            if isinstance(value, list):
                return [_fit_value(item, arguments[0]) for item in value]
        if origin is dict and isinstance(value, dict):
            return {key: _fit_value(item, arguments[1]) for key, item in value.items()}
    return to_plain(value)


def _wants_text(kinds: list[Any]) -> bool:
    """Whether text is the only scalar these types take."""
    kinds = [kind for kind in kinds if kind is not type(None)]
    return bool(kinds) and all(
        all(isinstance(choice, str) for choice in get_args(kind))
        if get_origin(kind) is Literal
        else isinstance(kind, type) and issubclass(kind, (str, SecretStr))
        for kind in kinds
    )
