"""The query language: one line of text to a `Filter`.

    service=cns-service duration>1s tenant.id=12345 error
    (kind=server OR kind=consumer) http.route=/v1/* -resource.service.version=2.0
    http.response.status_code>=500 exception.type

What stands side by side must all hold for one span; `OR` and parentheses group, `-`, `!` or `NOT`
negate. A name is a field (service, operation or name, kind, status, duration, peer), `event` for
the names of the span's events, or the key of an attribute: of the span, its resource, its scope,
its events or its links. A prefix `span.`, `resource.` or `scope.` says of which of these three.
A name alone asks whether there is such an attribute; `error` alone is `status=error`.
Values may be quoted; outside quotes `*` stands for anything.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NoReturn

from ananta.config.duration import parse_duration
from ananta.model.filter import FIELDS, KINDS, ORDERING, STATUSES, And, Comparison, Filter, Not, Or
from ananta.query.trace_query import InvalidQueryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ananta.model.filter import Level, Operator

_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"')
_NAME = re.compile(r'[^\s()"=!<>]+')
_VALUE = re.compile(r'[^\s()"]+')
_OPERATOR = re.compile(r"\s*(!=|<=|>=|=|<|>)\s*")
_ALIASES = {
    "name": "operation",
    "span.kind": "kind",
    "span.status": "status",
    "otel.status_code": "status",
}
_LEVELS: dict[str, Level] = {"span.": "span", "resource.": "resource", "scope.": "scope"}
_CHOICES = {"kind": KINDS, "status": STATUSES}
_MAX_DEPTH = 50


class _ComparisonError(ValueError):
    """What is compared does not go together; the parser knows where it stands."""


def parse_filter(text: str) -> Filter:
    """Read a line of the query language; an empty one holds for all spans.

    Raises:
        InvalidQueryError: it can't be read; the message says where, what and what to write.
    """
    return _Parser(text).whole()


def look_up(name: str) -> tuple[Level, str]:
    """Where a name is looked up, and without the prefix that says so: `span.http.route`."""
    lower = name.lower()
    field = _ALIASES.get(lower, lower)
    if field in FIELDS:
        return "field", field
    for prefix, level in _LEVELS.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return level, name.removeprefix(prefix)
    return "any", name


class _Parser:
    """Reads a text from left to right; `_at` is how far it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Filter:
        found = self._any()
        if self._at < len(self._text):
            self._fail("there is no '(' to this ')'; add one, or quote the value it belongs to")
        return found

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._word("OR"):
            if isinstance(parts[-1], And) and not parts[-1].inner:
                self._fail("OR has nothing before it; write a comparison on both sides")
            parts.append(self._all())
        if len(parts) == 1:
            return parts[0]
        if isinstance(parts[-1], And) and not parts[-1].inner:
            self._fail("OR has nothing behind it; write a comparison on both sides")
        return Or(tuple(parts))

    def _all(self) -> Filter:
        parts: list[Filter] = []
        while True:
            self._skip()
            if self._word("AND"):
                continue
            if self._at == len(self._text) or self._text[self._at] == ")" or self._sees("OR"):
                return parts[0] if len(parts) == 1 else And(tuple(parts))
            parts.append(self._one())

    def _one(self) -> Filter:
        self._skip()
        if self._at < len(self._text) and self._text[self._at] in "-!":
            self._at += 1
            return self._nested(lambda: Not(self._one()))
        if self._word("NOT"):
            return self._nested(lambda: Not(self._one()))
        if self._take("("):
            inner = self._nested(self._any)
            self._skip()
            if not self._take(")"):
                self._fail("there is no ')' to a '(' before; add one")
            return inner
        return self._comparison()

    def _nested(self, read: Callable[[], Filter]) -> Filter:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail(f"more than {_MAX_DEPTH} levels of parentheses and negations; use fewer")
        found = read()
        self._depth -= 1
        return found

    def _comparison(self) -> Filter:
        begin = self._at
        quoted = _QUOTED.match(self._text, self._at)
        name = _unquote(quoted[1]) if quoted else self._match(_NAME)
        if not name:
            self._fail("expected a name, such as service or tenant.id")
        if quoted:
            self._at = quoted.end()
        operator = _OPERATOR.match(self._text, self._at)
        try:
            if not operator:
                return _alone(name)
            self._at = operator.end()
            value, is_pattern = self._value(name, operator[1])
            return _compare(name, operator[1], value, is_pattern=is_pattern)
        except _ComparisonError as error:
            self._at = begin
            self._fail(str(error))

    def _value(self, name: str, operator: str) -> tuple[str, bool]:
        if quoted := _QUOTED.match(self._text, self._at):
            self._at = quoted.end()
            return _unquote(quoted[1]), False
        if value := self._match(_VALUE):
            return value, "*" in value
        self._fail(f'{name}{operator} has no value; write one, or "" for the empty one')
        return None

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[0]

    def _skip(self) -> None:
        self._match(_SPACE)

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _sees(self, word: str) -> re.Match[str] | None:
        """A word of the language, in any case, where it stands alone."""
        return re.compile(rf"\s*{word}(?=[\s()\"]|$)", re.IGNORECASE).match(self._text, self._at)

    def _word(self, word: str) -> bool:
        found = self._sees(word)
        if found:
            self._at = found.end()
        return found is not None

    def _fail(self, problem: str) -> NoReturn:
        message = f"query, character {self._at + 1}: {problem}"
        raise InvalidQueryError(message)


def _alone(name: str) -> Filter:
    if name.lower() in ("error", "errors"):
        return Comparison("field", "status", "=", "error")
    level, key = look_up(name)
    if level == "field":
        message = f"{name} has no comparison; write one, such as {name}={_example(key)}"
        raise _ComparisonError(message)
    return Comparison(level, key, "exists")


def _compare(name: str, operator: str, value: str, *, is_pattern: bool) -> Filter:
    level, key = look_up(name)
    if operator == "!=":
        return Not(_compare(name, "=", value, is_pattern=is_pattern))
    if level == "field" and key == "duration":
        return _compare_duration(operator, value)
    if operator in ORDERING:
        if level == "field":
            message = f"{name} has no order; compare it with = or !="
            raise _ComparisonError(message)
        return Comparison(level, key, _operator(operator), _number(value))
    if is_pattern:
        if value.strip("*") == "" and level != "field":
            return Comparison(level, key, "exists")
        return Comparison(level, key, "like", value)
    choices = _CHOICES.get(key) if level == "field" else None
    if choices:
        value = value.lower()
        if value not in choices:
            message = f"{name}={value}: there is no such {name}; write {', '.join(choices)}"
            raise _ComparisonError(message)
    return Comparison(level, key, "=", value)


def _compare_duration(operator: str, value: str) -> Filter:
    try:
        nanos = round(parse_duration(value) * 1e9)
    except ValueError:
        message = f"{value!r} is not a duration; write one such as 250ms, 1.5s or 2m"
        raise _ComparisonError(message) from None
    return Comparison("field", "duration", _operator(operator), nanos)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        message = f"{text!r} is not a number; only = and != compare texts"
        raise _ComparisonError(message)
    return number


def _operator(text: str) -> Operator:
    return next(one for one in ("=", *ORDERING) if one == text)


def _example(field: str) -> str:
    examples = {
        "service": "cart",
        "operation": '"GET /"',
        "kind": "server",
        "status": "error",
        "peer": "db.example.com",
    }
    return examples.get(field, "1s")


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
