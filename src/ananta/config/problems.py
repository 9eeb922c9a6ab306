"""From what pydantic found wrong to lines a user can act on.

A line says where (`section::id::key`), what is wrong, the value seen, and what to write instead.
Values of secret fields are not shown.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin

from pydantic import ValidationError

from ananta.config.merge import DELIMITER
from ananta.config.model import (
    REDACTED,
    BrokenRules,
    Expanded,
    Secret,
    alternatives,
    mask_url_passwords,
    section_of,
    to_plain,
)
from ananta.config.renamed import advise_on_key
from ananta.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

    from ananta.config.model import Config
    from ananta.config.yaml_source import Path

_SHOWN_LENGTH = 60
_EXPECTED = {
    "bool_type": ("true or false", "write it without quotes"),
    "int_type": ("a whole number", "write it without quotes and without a point"),
    "int_from_float": ("a whole number", "write it without a point"),
    "float_type": ("a number", "write it without quotes"),
    "string_type": ("text", "put it in quotes"),
    "list_type": ("a list", "write [a, b], or one item on each line after a dash"),
    "dict_type": ("a map", "write keys below it, indented"),
    "model_type": ("a map", "write keys below it, indented"),
}


class Reporter:
    """Collects problems, each with the place in a file its value came from."""

    def __init__(self, locations: dict[Path, str]) -> None:
        self._locations = locations
        self._silenced: set[Path] = set()
        self.problems: list[Problem] = []

    def add(self, path: Path, message: str, *, at: Path | None = None) -> None:
        """Report a problem, unless its path has been silenced.

        Args:
            path: what the problem is about.
            message: what is wrong, the value seen, and what to write instead.
            at: the path whose file and line to name, where it is another.
        """
        at = path if at is None else at
        if any(at[: len(known)] == known for known in self._silenced):
            return
        problem = Problem(join_path(path), message, self._place(at))
        if problem not in self.problems:
            self.problems.append(problem)

    def silence(self, path: Path) -> None:
        """Drop whatever is reported from here on about this path: its value is not known."""
        self._silenced.add(path)

    def add_invalid(
        self, path: Path, error: ValidationError, config_class: type[Config], raw: Any
    ) -> None:
        """Report everything pydantic found wrong with the section at this path."""
        by_key: dict[Path, list[_Finding]] = {}
        for details in _all_errors(error, config_class, raw):
            finding = _Finding(details, *_follow(details["loc"], config_class, raw))
            by_key.setdefault(finding.key, []).append(finding)
        for findings in by_key.values():
            if len(findings) > 1 and all(each.details["type"] in _EXPECTED for each in findings):
                self.add((*path, *findings[0].key), _describe_union(findings))
                continue
            for finding in findings:
                if finding.details["type"] == "extra_forbidden":
                    parent = (*path, *finding.key[:-1])
                    message = _describe_unknown_key(finding, parent)
                    self.add(parent, message, at=(*path, *finding.key))
                    continue
                for key, message in _describe(finding):
                    self.add((*path, *key), message)

    def _place(self, path: Path) -> str:
        for length in range(len(path), 0, -1):
            if place := self._locations.get(path[:length]):
                return place
        return ""


def join_path(path: Path) -> str:
    """A path as the Collector writes it, `exporters::otlp::endpoint`."""
    return DELIMITER.join(map(str, path))


def suggest(name: str, known: Iterable[str]) -> str:
    """`; did you mean "…"?` where a known name is near, else nothing."""
    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f'; did you mean "{nearest[0]}"?' if nearest else ""


def show(value: Any) -> str:
    """A value as it can stand in a message: short, and on one line."""
    value = to_plain(value)
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 1]}…"


def redact(value: Any, annotation: Any) -> Any:
    """The plain value of a setting with every secret in it masked."""
    if Secret in alternatives(annotation):
        return REDACTED
    if isinstance(value, Expanded):
        return redact(value.value, annotation)
    if isinstance(value, list):
        return [redact(item, _member(annotation, 0)) for item in value]
    if isinstance(value, dict):
        return {key: redact(item, _member(annotation, key)) for key, item in value.items()}
    if isinstance(value, str):
        return mask_url_passwords(value)
    return value


def _all_errors(error: ValidationError, config_class: type[Config], raw: Any) -> list[ErrorDetails]:
    """The errors of a section, with the rules that pydantic did not try for an unknown key."""
    errors = error.errors(include_url=False)
    unknown = [details for details in errors if details["type"] == "extra_forbidden"]
    if not unknown:
        return errors
    unknown_keys = {_follow(details["loc"], config_class, raw)[0] for details in unknown}
    try:
        config_class.model_validate(_without(raw, unknown_keys))
    except ValidationError as second:
        return unknown + second.errors(include_url=False)
    return unknown


def _without(value: Any, keys: set[Path], at: Path = ()) -> Any:
    """The value without the keys at these paths."""
    if isinstance(value, Expanded):
        return Expanded(_without(value.value, keys, at), value.text)
    if isinstance(value, list):
        return [_without(item, keys, (*at, index)) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            key: _without(item, keys, (*at, key))
            for key, item in value.items()
            if (*at, key) not in keys
        }
    return value


class _Finding(NamedTuple):
    """One pydantic error, the path in the file it is about, and the type wanted there."""

    details: ErrorDetails
    key: Path
    annotation: Any

    @property
    def seen(self) -> str:
        secret = Secret in alternatives(self.annotation)
        return REDACTED if secret else show(self.details["input"])


def _describe(finding: _Finding) -> Iterator[tuple[Path, str]]:
    """Yield key and message of what one pydantic error is about."""
    details, key, annotation = finding
    kind, value = details["type"], details["input"]
    cause = details.get("ctx", {}).get("error")
    if kind == "missing":
        missing = str(details["loc"][-1])
        yield key if key[-1:] == (missing,) else (*key, missing), f"is required; add {missing}: …"
    elif isinstance(cause, BrokenRules):
        for rule in cause.rules:
            yield (*key, rule.key) if rule.key else key, rule.message
    elif isinstance(cause, Exception):
        yield key, str(cause)
    elif kind in _EXPECTED:
        expected, advice = _EXPECTED[kind]
        yield key, f"expected {expected}, got {finding.seen}; {advice}"
    elif kind == "literal_error":
        choices = [choice for kind in alternatives(annotation) for choice in get_args(kind)]
        nearest = suggest(value, map(str, choices)) if isinstance(value, str) else ""
        yield key, f"expected {details['ctx']['expected']}, got {finding.seen}{nearest}"
    else:
        yield key, f"{details['msg'].replace('Input should be', 'must be')}, got {finding.seen}"


def _describe_union(findings: list[_Finding]) -> str:
    expected = [_EXPECTED[each.details["type"]][0] for each in findings]
    return f"expected {' or '.join(dict.fromkeys(expected))}, got {findings[0].seen}"


def _describe_unknown_key(finding: _Finding, parent: Path) -> str:
    unknown = str(finding.key[-1])
    section = section_of(finding.annotation)
    known = list(section.fields_by_key()) if section else []
    message = f"'{parent[-1]}' has invalid keys: {unknown}"
    if parent[0] != "service":
        message = f'error reading configuration for "{parent[1]}": {message}'
    if advice := advise_on_key(unknown):
        return f"{message}; {advice}"
    nearest = suggest(unknown, known)
    return message + (nearest or f"; {_list_keys(known)}")


def _list_keys(known: list[str]) -> str:
    return f"known keys are {', '.join(known)}" if known else "there are no keys"


def _follow(loc: tuple[int | str, ...], config_class: type[Config], raw: Any) -> tuple[Path, Any]:
    """The part of an error's location that is a path in the file, and the type found there.

    Where a type is a union, pydantic's locations also have the names of its members.
    """
    key: list[str | int] = []
    annotation: Any = config_class
    for step in loc:
        raw = raw.value if isinstance(raw, Expanded) else raw
        if isinstance(raw, dict):
            known = step in raw
        else:
            known = isinstance(raw, list) and isinstance(step, int) and step < len(raw)
        if not known:
            continue
        raw = raw[step]
        key.append(step)
        section = section_of(annotation)
        if section is None or step in section.fields_by_key():
            annotation = _member(annotation, step)
    return tuple(key), annotation


def _member(annotation: Any, step: str | int) -> Any:
    """The type of what is at a key or index of a value of this type."""
    if (section := section_of(annotation)) is not None:
        field = section.fields_by_key().get(str(step))
        return field.annotation if field else Any
    for kind in alternatives(annotation):
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is list:
            return arguments[0]
        if origin is dict:
            return arguments[1]
    return Any
