"""Replacing `${...}` references in configuration values.

- `${env:NAME}`, `${NAME}`: an environment variable; `${env:NAME:-default}` when it is unset
- `${file:/path}`, `${yaml:text}`, `${https://…}`: other providers
- `$$`: a literal `$`; `$NAME` without braces is plain text

A value that is one reference becomes what YAML makes of the text (`Expanded` keeps the text for
string fields); a reference inside text is replaced by the text itself. References may be nested,
and what they bring may have references again.
"""

from __future__ import annotations

from typing import Any

from ananta.config.model import Expanded
from ananta.config.providers import ProviderError, Providers, is_uri
from ananta.config.yaml_source import Path, parse_value
from ananta.errors import ConfigError

_MAX_ROUNDS = 1000
_MAX_DEPTH = 100
_MAX_TEXT_LENGTH = 10_000_000
_TOO_MANY = "too many recursive expansions; a reference leads back to itself"


class Expander:
    """Expands one tree of values, collecting what goes wrong.

    Attributes:
        problems: path and message of each reference that can't be expanded; its value is None.
        warnings: one line for each variable that is not set.
    """

    def __init__(self, providers: Providers) -> None:
        self._providers = providers
        self.problems: list[tuple[Path, str]] = []
        self.warnings: list[str] = []

    def expand(self, value: Any, path: Path = ()) -> Any:
        """The value with every reference in it replaced."""
        if isinstance(value, dict):
            return {key: self.expand(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.expand(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            return self._expand_text(value, 0)
        except ProviderError as error:
            self.problems.append((path, str(error)))
            return None
        finally:
            self._note_unset_variables(path)

    def _expand_text(self, text: str, depth: int) -> Any:
        for _ in range(_MAX_ROUNDS):
            span = find_reference(text)
            if span is None:
                return _unescape(text)
            start, end = span
            content = self._read(text[start + 2 : end - 1])
            value = _as_yaml(content)
            if span == (0, len(text)) and not isinstance(value, str):
                return Expanded(self._expand_inner(value, depth + 1), _unescape(content))
            if isinstance(value, (dict, list)):
                kind = "map" if isinstance(value, dict) else "list"
                message = f"{text[start:end]} is a {kind}; only a scalar can stand inside text"
                raise ProviderError(message)
            text = text[:start] + content + text[end:]
            if len(text) > _MAX_TEXT_LENGTH:
                break
        raise ProviderError(_TOO_MANY)

    def _expand_inner(self, value: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ProviderError(_TOO_MANY)
        if isinstance(value, dict):
            return {key: self._expand_inner(item, depth) for key, item in value.items()}
        if isinstance(value, list):
            return [self._expand_inner(item, depth) for item in value]
        return self._expand_text(value, depth) if isinstance(value, str) else value

    def _read(self, uri: str) -> str:
        name, has_default, _ = uri.partition(":-")
        if not is_uri(uri) or (has_default and ":" not in name):
            uri = f"env:{uri}"
        if "$" in uri:
            message = f"the uri \"{uri}\" contains unsupported characters ('$')"
            raise ProviderError(message)
        return self._providers.read(uri)

    def _note_unset_variables(self, path: Path) -> None:
        for name in self._providers.unset_variables:
            where = "::".join(map(str, path))
            self.warnings.append(
                f"{where}: environment variable {name} is not set, so the value is empty;"
                f" set it, or write ${{env:{name}:-default}}"
            )
        self._providers.unset_variables.clear()


def find_reference(text: str) -> tuple[int, int] | None:
    """Where the first innermost `${...}` stands; one behind an odd number of `$` is escaped."""
    position = 0
    while (end := text.find("}", position)) >= 0:
        start = text.rfind("${", position, end)
        if start >= 0:
            before = text[position:start]
            dollars = len(before) - len(before.rstrip("$"))
            if dollars % 2 == 0:
                return start, end + 1
        position = end + 1
    return None


def _as_yaml(text: str) -> Any:
    """What YAML makes of a text; the text itself where that is a string, or no YAML."""
    try:
        value = parse_value(text)
    except ConfigError:
        return text
    return text if isinstance(value, str) else value


def _unescape(text: str) -> str:
    return text.replace("$$", "$")
