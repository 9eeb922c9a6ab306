"""Reading settings from arguments and environment variables, each value with its origin.

Nothing here raises: a value that cannot be used becomes a problem, one line that says where it
was found, what is wrong, what was used instead and what to write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = TypeVar("Value")

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)?", re.IGNORECASE)
_SHORTEST_TIMEOUT_MILLIS = 100


class Reader:
    """Looks a setting up in the argument, then in its variables, then in the preset and default.

    Attributes:
        origins: setting -> where its value came from.
        problems: what was wrong with values, one line each.
    """

    def __init__(self, arguments: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._environ = environ
        self._preset: Mapping[str, Any] = {}
        self._preset_name = ""
        self.origins: dict[str, str] = {}
        self.problems: list[str] = []

    def use_preset(self, name: str, preset: Mapping[str, Any]) -> None:
        """Take what is neither an argument nor a variable from these values."""
        self._preset_name = name
        self._preset = preset

    def argument(self, name: str) -> Any:
        """An argument as it was given; None when it was not."""
        return self._arguments.get(name)

    def raw(self, variable: str) -> str:
        """A variable exactly as it stands in the environment."""
        return self._environ.get(variable, "")

    def variable(self, *names: str) -> tuple[str, str]:
        """The first of these variables that is set and not empty, as (name, value without blanks).

        Both are empty where none is set: the specification treats an empty variable as unset.
        """
        for name in names:
            if value := self._environ.get(name, "").strip():
                return name, value
        return "", ""

    def read(
        self,
        setting: str,
        variables: tuple[str, ...],
        parse: Callable[[str, str], Value],
        default: Value,
        *,
        argument: str | None = None,
    ) -> Value:
        """The value of a setting, its origin noted.

        Args:
            setting: the name under which the origin is kept.
            variables: the environment variables, the one that wins first.
            parse: turns (origin, text) into the value; raises ValueError with the advice.
            default: what holds when nothing is set or what is set cannot be used.
            argument: the name of the argument, where the setting has one.
        """
        name, text = self.variable(*variables)
        given = self._arguments.get(argument) if argument else None
        if given is not None:
            self.origins[setting] = f"argument {argument}" + (f" (over {name})" if name else "")
            try:
                return parse(f"argument {argument}", given) if isinstance(given, str) else given
            except ValueError as error:
                return self._fall_back(setting, f"argument {argument}", error, default)
        if name:
            self.origins[setting] = name
            try:
                return parse(name, text)
            except ValueError as error:
                return self._fall_back(setting, name, error, default)
        return self.fallback(setting, default)

    def fallback(self, setting: str, default: Value) -> Value:
        """The value of the preset, or else the default."""
        if setting in self._preset:
            self.origins[setting] = f"preset {self._preset_name}"
            return self._preset[setting]  # type: ignore[no-any-return]
        self.origins[setting] = "default"
        return default

    def _fall_back(self, setting: str, origin: str, error: ValueError, default: Value) -> Value:
        value = self.fallback(setting, default)
        self.origins[setting] += f" ({origin} cannot be used)"
        given: Any = value
        shown = ", ".join(map(str, given)) if type(given) is tuple else str(given)
        self.problem(origin, f"{error}; {shown or 'none'} is used")
        return value

    def problem(self, origin: str, message: str) -> None:
        """Note what is wrong with the value found at this origin."""
        line = f"{origin}: {message}"
        if line not in self.problems:  # one variable may be read for several settings
            self.problems.append(line)

    def flag(self, _: str, text: str) -> bool:
        """Parse a truth value."""
        folded = text.lower()
        if folded in _TRUE:
            return True
        if folded in _FALSE:
            return False
        message = f"{text!r} is neither true nor false; write true or false"
        raise ValueError(message)

    def count(self, _: str, text: str) -> int:
        """Parse a whole number, zero or more."""
        try:
            number = int(text)
        except ValueError:
            number = -1
        if number < 0:
            message = f"{text!r} is not a whole number of zero or more"
            raise ValueError(message)
        return number

    def limit(self, origin: str, text: str) -> int | None:
        """Parse a count; `unset` lifts the limit."""
        return None if text.lower() == "unset" else self.count(origin, text)

    def positive_count(self, origin: str, text: str) -> int:
        """Parse a whole number, one or more."""
        number = self.count(origin, text)
        if number == 0:
            message = f"{text!r} must be at least 1"
            raise ValueError(message)
        return number

    def milliseconds(self, origin: str, text: str) -> float:
        """Parse milliseconds into seconds; a unit (`10s`) is understood and pointed out."""
        match = _DURATION.fullmatch(text)
        if match is None:
            message = f"{text!r} is not a number of milliseconds"
            raise ValueError(message)
        if match[2] is None:
            return float(match[1]) / 1000
        seconds = float(match[1]) * _SECONDS_PER_UNIT[match[2].lower()]
        self.problem(origin, f"{text!r} is read as {seconds:g} s; write {seconds * 1000:.0f}")
        return seconds

    def timeout(self, origin: str, text: str) -> float:
        """Parse a timeout in milliseconds; a number so small is seconds by the habit of Python."""
        seconds = self.milliseconds(origin, text)
        if text.replace(".", "").isdigit() and 0 < seconds * 1000 < _SHORTEST_TIMEOUT_MILLIS:
            millis = seconds * 1000
            self.problem(
                origin,
                f"{text} is milliseconds by the specification, too short for an export, so it is"
                f" read as {millis:g} s; write {millis * 1000:.0f}",
            )
            return millis
        if seconds <= 0:
            message = f"{text!r} leaves no time to export"
            raise ValueError(message)
        return seconds

    def names(self, _: str, text: str) -> tuple[str, ...]:
        """Parse a comma-separated list; empty items are left out."""
        return tuple(item for part in text.split(",") if (item := part.strip()))

    def pairs(self, origin: str, text: str) -> dict[str, str]:
        """Parse `key=value,key=value` with percent escapes; a malformed pair is left out alone."""
        from urllib.parse import unquote

        found: dict[str, str] = {}
        items = self.names(origin, text)
        for item in items:
            key, separator, value = item.partition("=")
            if not separator or not key.strip():
                # The item may be part of a secret: its place in the list says enough.
                self.problem(
                    origin,
                    f"item {items.index(item) + 1} is not of the form key=value"
                    " and is left out; write a comma inside a value as %2C",
                )
                continue
            found[unquote(key.strip())] = unquote(value.strip())
        return found
