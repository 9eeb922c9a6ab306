"""A `Filter` as SQL on `spans` and as tokens of `postings`.

Every part of a filter becomes a `Clause`: a condition one span must meet, and tokens of which one
is posted wherever such a span is. Tokens say where to look, the condition what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from ananta._native import term
from ananta.model.filter import (
    EVENT_NAME,
    KINDS,
    ORDERING,
    PEER_KEYS,
    STATUSES,
    And,
    Comparison,
    Filter,
    Not,
    Or,
)
from ananta.store import events
from ananta.store.connection import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ananta.model.filter import Operator
    from ananta.store.connection import Database

# What ends a text in a list of them, and what stands for it within one.
END, INSTEAD = "\0", "\ufffd"
_LONGEST_CLASS = 63


class Origin(NamedTuple):
    """An attribute of resources or scopes: what spans of one origin have in common."""

    level: Literal["resource", "scope"]
    key: str
    value: str

    @property
    def token(self) -> int:
        """Posted wherever a span of such an origin is."""
        return _token(self.level, self.key, self.value)

    def condition(self, origins: str) -> str:
        """SQL over a row of `spans`; `origins` is the name of that table."""
        return _in_origins(origins, self.level, self.key, _test("=", self.value))


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a query.

    Attributes:
        condition: SQL over a row of `spans`.
        tokens: one of them is posted where the condition holds; none where no index helps.
        origins: a span with one of them meets the clause, too.
        hint: SQL that holds wherever `condition` does and is cheaper to test; "" when it is cheap.
        minutes: between these, exclusive, the condition always holds.
    """

    condition: str
    tokens: tuple[int, ...] = ()
    origins: tuple[Origin, ...] = ()
    hint: str = ""
    minutes: tuple[int, int] = (0, 0)


def any_token() -> int:
    """The token every place has."""
    return _token("any")


def field_text(field: str) -> str:
    """SQL: a field of a row of `spans` as text; those but the duration have one."""
    columns = {
        "service": "service",
        "operation": "name",
        "kind": _name_of("kind", KINDS),
        "status": _name_of("status_code", STATUSES),
        "peer": f"if(kind = {KINDS.index('client')}, {first_text(*PEER_KEYS)}, '')",
    }
    return columns[field]


def first_text(*keys: str) -> str:
    """SQL: the text of the first of these attributes that a row of `spans` has, or an empty one."""
    names, values = (
        f"splitByChar({quote(END)}, {column})" for column in ("attribute_keys", "attribute_values")
    )
    found = (f"nullIf({values}[indexOf({names}, {quote(key)})], '')" for key in keys)
    return f"coalesce({', '.join(found)}, '')"


def trace_token(trace_id: bytes) -> int:
    """The token of the places that hold spans of a trace."""
    return _token("trace", trace_id)


def service_token(service: bytes) -> int:
    """The token of the places that hold spans of a service."""
    return _token("service", service)


def link_clause(trace_id: bytes) -> Clause:
    """A span of another trace has a link to this one."""
    number = term("link", trace_id)
    return Clause(f"has(rest_terms, {number})", (number >> 32,))


def exception_clause() -> Clause:
    """A span has an event that records an exception."""
    number = term("attribute", b"event", b"exception")
    return Clause(f"has(rest_terms, {number})", (number >> 32,))


def filter_clauses(filter_: Filter, database: Database) -> list[Clause]:
    """The parts of a filter, all of which must hold."""
    parts = list(_flat(filter_))
    translation = _Translation(database, *_known(parts))
    return [translation.clause(part) for part in parts]


def _flat(filter_: Filter) -> Iterator[Filter]:
    if isinstance(filter_, And):
        for inner in filter_.inner:
            yield from _flat(inner)
    else:
        yield filter_


def _known(parts: list[Filter]) -> tuple[str, str, int]:
    """Service, operation and longest duration that all spans of a query have; empty, 0 if open."""
    service, operation, longest = "", "", 0
    for part in parts:
        match part:
            case Comparison("field", "service", "=", str(value)):
                service = value
            case Comparison("field", "operation", "=", str(value)):
                operation = value
            case Comparison("field", "duration", "<" | "<=" | "=", float() | int() as value):
                longest = min(longest or int(value), int(value))
    return service, operation, longest


@dataclass(frozen=True, slots=True)
class _Translation:
    """Turns filters into clauses, knowing what holds for every span of the query."""

    database: Database
    service: str
    operation: str
    longest_nanos: int

    @property
    def origins(self) -> str:
        """The name of that table."""
        return self.database.table("origins")

    def clause(self, filter_: Filter) -> Clause:
        match filter_:
            case Comparison():
                return self._comparison(filter_)
            case Not(inner):
                return Clause(f"NOT ({self._alone(inner)})")
            case And(inner):
                tokens = (self.clause(part).tokens for part in inner)
                condition = " AND ".join(f"({self._alone(part)})" for part in inner) or "1"
                return Clause(condition, next(filter(None, tokens), ()))
            case Or(inner):
                return self._one_of([self.clause(part) for part in inner])

    def _alone(self, filter_: Filter) -> str:
        """SQL that says all of a filter."""
        clause = self.clause(filter_)
        of_origins = (origin.condition(self.origins) for origin in clause.origins)
        return " OR ".join([f"({clause.condition})", *of_origins])

    def _one_of(self, clauses: list[Clause]) -> Clause:
        if not clauses:
            return Clause("0")
        indexed = all(clause.tokens for clause in clauses)
        hints = [f"({clause.hint or clause.condition})" for clause in clauses]
        return Clause(
            " OR ".join(f"({clause.condition})" for clause in clauses),
            tuple(token for clause in clauses for token in clause.tokens) if indexed else (),
            tuple(origin for clause in clauses for origin in clause.origins),
            " OR ".join(hints) if any(clause.hint for clause in clauses) else "",
        )

    def _comparison(self, one: Comparison) -> Clause:
        if one.level == "field":
            return self._field(one.name, one.operator, one.value)
        key = one.name.replace(END, INSTEAD)
        value = one.value.replace(END, INSTEAD) if isinstance(one.value, str) else one.value
        if one.operator == "=":
            return self._equal(one.level, key, str(value))
        test = _test(one.operator, value)
        conditions = []
        if one.level in ("any", "span"):
            conditions.append(_of_span(key, one.operator, test))
        conditions.extend(
            _in_origins(self.origins, level, key, test)
            for level in ("resource", "scope")
            if one.level in ("any", level)
        )
        if one.level == "any":
            conditions.append(_in_rest(self.database, key, one.operator, test))
        return Clause(" OR ".join(conditions))

    def _equal(self, level: str, key: str, value: str) -> Clause:
        if level == "resource" or level == "scope":
            origin = Origin(level, key, value)  # type: ignore[arg-type]
            return Clause("0", (origin.token,), (origin,))
        attribute = term("attribute", key.encode(), value.encode())
        # A look at the whole string spares most rows the splitting.
        condition = _of_span(key, "=", _test("=", value))
        hint = _has_value(value)
        if level == "span":
            return Clause(condition, (attribute >> 32,), (), hint)
        in_rest = f"has(rest_terms, {attribute})"
        return Clause(
            f"{in_rest} OR {condition}",
            (attribute >> 32,),
            (Origin("resource", key, value), Origin("scope", key, value)),
            f"{in_rest} OR {hint}",
        )

    def _field(self, name: str, operator: Operator, value: str | float) -> Clause:
        within = (self.service,) if self.service else ()
        match name, operator, value:
            case "duration", _, float() | int():
                return self._duration(operator, int(value))
            case "service", "=", str():
                # A posting of the operation within the service is one of the service, too.
                tokens = () if self.operation else (_token("service", value),)
                return Clause(f"service = {quote(value)}", tokens)
            case "operation", "=", str():
                return Clause(f"name = {quote(value)}", (_token("operation", value, *within),))
            case "kind", "=", str():
                return Clause(f"kind = {KINDS.index(value)}")
            case "status", "=", str():
                tokens = (_token("error", *within),) if value == "error" else ()
                return Clause(f"status_code = {STATUSES.index(value)}", tokens)
            case "peer", "=", str() if value:
                return self._peer(value.replace(END, INSTEAD))
            case _:
                return Clause(_test(operator, value)(field_text(name)))

    def _peer(self, value: str) -> Clause:
        tokens = (_token("attribute", key, value) for key in PEER_KEYS)
        return Clause(
            f"{field_text('peer')} = {quote(value)}", tuple(tokens), hint=_has_value(value)
        )

    def _duration(self, operator: Operator, nanos: int) -> Clause:
        condition = f"duration_nano {operator} {nanos}"
        if operator in ("<", "<=") or nanos <= 0:
            return Clause(condition)
        within = (self.service,) if self.service else ()
        last = self.longest_nanos.bit_length() if self.longest_nanos else _LONGEST_CLASS
        classes = range(nanos.bit_length(), max(last, nanos.bit_length()) + 1)
        tokens = tuple(_token("duration", bytes([number]), *within) for number in classes)
        return Clause(condition, tokens)


def _token(kind: str, *parts: str | bytes) -> int:
    data = [part.encode() if isinstance(part, str) else part for part in parts]
    return term(kind, *data) >> 32


def _test(operator: Operator, value: str | float) -> Callable[[str], str]:
    """SQL that compares a text, given as SQL."""
    if operator == "exists":
        return lambda _: "1"
    if operator in ORDERING:
        return lambda text: f"ifNull(toFloat64OrNull({text}) {operator} {float(value)!r}, 0)"
    if operator == "like":
        return lambda text: f"{text} LIKE {quote(_like(str(value)))}"
    return lambda text: f"{text} = {quote(str(value))}"


def _like(pattern: str) -> str:
    """A pattern in which `*` is anything, as one of SQL's LIKE."""
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _of_span(key: str, operator: Operator, test: Callable[[str], str]) -> str:
    if operator == "exists":
        return f"position(concat({quote(END)}, attribute_keys), {quote(END + key + END)}) > 0"
    keys, values = (
        f"arrayPopBack(splitByChar({quote(END)}, {column}))"
        for column in ("attribute_keys", "attribute_values")
    )
    exact = f"arrayExists((k, v) -> k = {quote(key)} AND {test('v')}, {keys}, {values})"
    if operator == "=":
        return exact
    return f"(position(attribute_keys, {quote(key + END)}) > 0 AND {exact})"


def _has_value(value: str) -> str:
    """SQL: holds where an attribute of a span has this value, and is cheap to test."""
    return f"position(attribute_values, {quote(value + END)}) > 0"


def _in_rest(database: Database, key: str, operator: Operator, test: Callable[[str], str]) -> str:
    """An event or a link; see `events`."""
    may_have = events.may_have(database, key)
    if operator == "exists" and key != EVENT_NAME:
        return may_have
    return f"({may_have} AND arrayExists(t -> {test('t')}, {events.texts(key)}))"


def _in_origins(origins: str, level: str, key: str, test: Callable[[str], str]) -> str:
    name = quote(key)
    condition = f"mapContains(attributes, {name}) AND {test(f'attributes[{name}]')}"
    return (
        f"{level} GLOBAL IN (SELECT header FROM {origins} WHERE level = '{level}' AND {condition})"
    )


def _name_of(column: str, names: tuple[str, ...]) -> str:
    listed = ", ".join(map(quote, names))
    return f"transform({column}, range({len(names)}), [{listed}], '')"
