"""YAML as the Collector reads it, with the line every value came from.

The rules are those of Go's yaml.v3, which differ from PyYAML's: only `true` and `false` are
booleans (`yes` and `on` are text), `0123` and `0o123` are octal, `1e3` is a number, dates stay
text, a key given twice is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from ananta.errors import ConfigError, Problem

Path = tuple[str | int, ...]

_PLAIN = "!plain"  # tag of scalars without quotes and without a tag of their own
_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"([-+]?)0([0-7]+)")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document.

    Attributes:
        value: maps, lists and scalars.
        locations: for each key and list item, the `file:line` it stands at.
    """

    value: Any
    locations: dict[Path, str] = field(default_factory=dict)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - the name PyYAML looks for


_Loader.add_implicit_resolver(_PLAIN, re.compile(""), None)


def parse_document(text: str, origin: str) -> Document:
    """Read one YAML document.

    Args:
        text: the document; empty text is the value None.
        origin: what to call it in error messages, such as the file's path.

    Raises:
        ConfigError: it is no YAML, or a key stands twice in one map.
    """
    builder = _Builder(origin)
    try:
        node = yaml.compose(text, Loader=_Loader)
        value = None if node is None else builder.build(node, ())
    except yaml.YAMLError as error:
        raise ConfigError([_yaml_problem(error, origin)]) from error
    return Document(value, builder.locations)


def parse_value(text: str) -> Any:
    """What YAML makes of a text; raises `ConfigError` when it is no YAML."""
    return parse_document(text, "").value


class _Builder:
    """Turns YAML nodes into values, noting where each stands."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.locations: dict[Path, str] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Any:
        if self.origin:
            self.locations[path] = f"{self.origin}:{node.start_mark.line + 1}"
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) in self._open:
            message = "an anchor contains itself"
            raise yaml.MarkedYAMLError(problem=message, problem_mark=node.start_mark)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a scalar", problem_mark=key_node.start_mark
                )
            key = key_node.value
            if key == "<<" and key_node.tag == _PLAIN:
                merged = {**self._merged(value_node, path), **merged}
                continue
            if key in own:
                raise yaml.MarkedYAMLError(
                    problem=f'mapping key "{key}" already defined', problem_mark=key_node.start_mark
                )
            own[key] = self.build(value_node, (*path, key))
            if self.origin:
                self.locations[(*path, key)] = f"{self.origin}:{key_node.start_mark.line + 1}"
        return {**merged, **own}

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        """The keys a `<<:` brings, from one map or a list of maps of which the first wins."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for item in reversed(nodes):
            value = self.build(item, path)
            if not isinstance(value, dict):
                raise yaml.MarkedYAMLError(
                    problem="map merge requires map or sequence of maps as the value",
                    problem_mark=item.start_mark,
                )
            merged.update(value)
        return merged


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    tag = node.tag.removeprefix("tag:yaml.org,2002:")
    if tag == _PLAIN:
        return _plain_scalar(text)
    if tag in ("int", "float", "bool", "null"):
        value = _plain_scalar(text)
        kinds = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        if isinstance(value, kinds[tag]):  # type: ignore[arg-type]
            return value
        raise yaml.MarkedYAMLError(
            problem=f"cannot read {text!r} as !!{tag}", problem_mark=node.start_mark
        )
    return text


def _plain_scalar(text: str) -> Any:
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "0123456789+-.":
        return text
    digits = text.replace("_", "")
    if octal := _OCTAL.fullmatch(digits):
        return int(octal[1] + octal[2], 8)
    try:
        return int(digits, 0)
    except ValueError:
        pass
    if _FLOAT.fullmatch(digits):
        return float(digits)
    if _SPECIAL_FLOAT.fullmatch(digits):
        return float(digits.replace(".", ""))
    return text


def _yaml_problem(error: yaml.YAMLError, origin: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark):
        place = f"{origin}:{mark.line + 1}:{mark.column + 1}" if origin else ""
        context = f" {error.context}" if error.context else ""
        return Problem("", f"not valid YAML: {error.problem}{context}", place)
    return Problem("", f"not valid YAML: {error}".replace("\n", " "), origin)
