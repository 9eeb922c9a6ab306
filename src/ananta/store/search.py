"""What a search asks, as SQL on `spans` and as tokens of `postings`.

Every part of a query becomes a `Clause`: a condition one span must meet, and tokens of which one
is posted wherever such a span is. Tokens say where to look, the condition what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from ananta._native import term
from ananta.store.connection import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ananta.store.connection import Database

KINDS = ("", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
ERROR_STATUS = 2

# Keys under which Jaeger shows what is no attribute.
_STATUS_KEYS = {"span.status", "otel.status_code"}
_SCOPE_KEYS = {
    "scope.name": "otel.scope.name",
    "scope.version": "otel.scope.version",
    "otel.scope.name": "otel.scope.name",
    "otel.scope.version": "otel.scope.version",
}
_RESOURCE_PREFIX = "resource."

# What ends a text in a list of them, and what stands for it within one.
_END, _INSTEAD = "\0", "\ufffd"

_MINUTE_NANOS = 60_000_000_000
PLACES_IN_MINUTE = 1 << 16

# More places than this are searched as one stretch of time.
_MAX_PLACES_LISTED = 1000

Place = tuple[int, int]
"""First and last number of `place` in `spans`: a minute, or what begins alike of its trace ids."""


class TraceFilter(Protocol):
    """What spans are searched for; all of it must hold for one span.

    Tags with a meaning of their own: `error` (`true`; anything else is false), `span.status` or
    `otel.status_code` (unset, ok, error), `span.kind`, `scope.name`, `scope.version`, and
    `resource.` before a key that must be the resource's.
    """

    @property
    def service(self) -> str:
        """Name of the span's service; empty is any."""

    @property
    def operation(self) -> str:
        """Name of the span; empty is any."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Texts by key, each of the span, its resource, its scope, an event or a link."""

    @property
    def start_time_min_unix_nano(self) -> int:
        """First start, inclusive."""

    @property
    def start_time_max_unix_nano(self) -> int:
        """Last start, inclusive."""

    @property
    def duration_min_nanos(self) -> int:
        """Shortest duration, inclusive; 0 is any."""

    @property
    def duration_max_nanos(self) -> int:
        """Longest duration, inclusive; 0 is any."""


class Origin(NamedTuple):
    """An attribute of resources or scopes: what spans of one origin have in common."""

    level: Literal["resource", "scope"]
    key: str
    value: str

    @property
    def token(self) -> int:
        """Posted wherever a span of such an origin is."""
        return _token(self.level, self.key, self.value)

    @property
    def condition(self) -> str:
        """SQL over a row of `origins`."""
        key = quote(self.key)
        return (
            f"level = '{self.level}' AND mapContains(attributes, {key})"
            f" AND attributes[{key}] = {quote(self.value)}"
        )


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

    def holds_in(self, places: Sequence[Place]) -> bool:
        """Whether all spans in these places meet the condition."""
        first, last = self.minutes
        return all(first < minute_of_place(place) < last for place, _ in places)


def clauses(query: TraceFilter) -> list[Clause]:
    """The parts of a query; every span meets them all when there are none."""
    found = [*_names(query), *_times(query)]
    found.extend(_tag(key, value, query.service) for key, value in query.tags.items())
    return found


def filter_spans(
    places: Sequence[Place],
    clauses: Sequence[Clause],
    origins: Collection[Origin],
    database: Database,
) -> str:
    """The end of a statement on `spans`: those in `places` that meet all clauses.

    `origins` are those of the clauses that may exist; spans are only tested for these.
    """
    early, late = [_in_places(places)], []
    for clause in clauses:
        if clause.holds_in(places):
            continue
        found = [
            f"{origin.level} GLOBAL IN"
            f" (SELECT header FROM {database.table('origins')} WHERE {origin.condition})"
            for origin in clause.origins
            if origin in origins
        ]
        condition = " OR ".join([clause.condition, *found])
        if clause.hint and not found:
            early.append(f"({clause.hint})")
            late.append(f"({condition})")
        else:
            early.append(f"({condition})")
    return f"PREWHERE {' AND '.join(early)}" + (f" WHERE {' AND '.join(late)}" if late else "")


def _token(kind: str, *parts: str | bytes) -> int:
    data = [part.encode() if isinstance(part, str) else part for part in parts]
    return term(kind, *data) >> 32


def any_token() -> int:
    """The token every place has."""
    return _token("any")


def trace_token(trace_id: bytes) -> int:
    """The token of the places that hold spans of a trace."""
    return _token("trace", trace_id)


def _names(query: TraceFilter) -> Iterator[Clause]:
    service, operation = query.service, query.operation
    if service:
        # A posting of the operation within the service is one of the service, too.
        tokens = () if operation else (_token("service", service),)
        yield Clause(f"service = {quote(service)}", tokens)
    if operation:
        within = (operation, service) if service else (operation,)
        yield Clause(f"name = {quote(operation)}", (_token("operation", *within),))


def _times(query: TraceFilter) -> Iterator[Clause]:
    first, last = query.start_time_min_unix_nano, query.start_time_max_unix_nano
    yield Clause(
        f"start_time_unix_nano BETWEEN {max(first, 0)} AND {max(last, 0)}",
        minutes=(minute_of(first), minute_of(last)),
    )
    shortest, longest = query.duration_min_nanos, query.duration_max_nanos
    if longest:
        yield Clause(f"duration_nano <= {longest}")
    if shortest:
        last_class = longest.bit_length() if longest else 63
        service = (query.service,) if query.service else ()
        classes = range(shortest.bit_length(), last_class + 1)
        tokens = tuple(_token("duration", bytes([number]), *service) for number in classes)
        yield Clause(f"duration_nano >= {shortest}", tokens)


def _tag(key: str, value: str, service: str) -> Clause:
    within = (service,) if service else ()
    key, value = key.replace(_END, _INSTEAD), value.replace(_END, _INSTEAD)
    if key == "error":
        if value == "true":
            return Clause(f"status_code = {ERROR_STATUS}", (_token("error", *within),))
        return Clause(f"status_code != {ERROR_STATUS}")
    if key in _STATUS_KEYS:
        return _one_of("status_code", STATUSES, value, within)
    if key == "span.kind":
        return _one_of("kind", KINDS, value, ())
    if key in _SCOPE_KEYS:
        key = _SCOPE_KEYS[key]
        return _of_origin(Origin("scope", key, value))
    if key.startswith(_RESOURCE_PREFIX):
        return _of_origin(Origin("resource", key.removeprefix(_RESOURCE_PREFIX), value))
    attribute = term("attribute", key.encode(), value.encode())
    in_rest = f"has(rest_terms, {attribute})"
    return Clause(
        f"{in_rest} OR {_has_attribute(key, value)}",
        (attribute >> 32,),
        (Origin("resource", key, value), Origin("scope", key, value)),
        # A look at the whole string spares most rows the splitting.
        f"{in_rest} OR position(attribute_values, {quote(value + _END)}) > 0",
    )


def _one_of(column: str, names: tuple[str, ...], value: str, within: tuple[str, ...]) -> Clause:
    name = value.lower()
    if name not in names:
        return Clause("0")
    number = names.index(name)
    is_error = column == "status_code" and number == ERROR_STATUS
    return Clause(f"{column} = {number}", (_token("error", *within),) if is_error else ())


def _of_origin(origin: Origin) -> Clause:
    return Clause("0", (origin.token,), (origin,))


def _has_attribute(key: str, value: str) -> str:
    keys, values = (
        f"arrayPopBack(splitByChar({quote(_END)}, {column}))"
        for column in ("attribute_keys", "attribute_values")
    )
    return f"arrayExists((k, v) -> k = {quote(key)} AND v = {quote(value)}, {keys}, {values})"


def minute_of(time_unix_nano: int) -> int:
    """The minute a time lies in, since 1970; times before are in the first."""
    return max(time_unix_nano, 0) // _MINUTE_NANOS


def minute_of_place(place: int) -> int:
    """The minute of a number of `place`, or of a place in `postings`."""
    return place // PLACES_IN_MINUTE


def place_of(minute: int, trace_id: bytes) -> int:
    """Where the spans of a trace that start in a minute are."""
    return minute * PLACES_IN_MINUTE + int.from_bytes(trace_id[:2], "big")


def in_minutes(first: int, last: int) -> str:
    """SQL: a row of `spans` starts in these minutes, both inclusive."""
    return f"place BETWEEN {first * PLACES_IN_MINUTE} AND {(last + 1) * PLACES_IN_MINUTE - 1}"


def _in_places(places: Sequence[Place]) -> str:
    """SQL: a row of `spans` lies in one of these places, which the index finds.

    Of very many places it is the stretch of time they lie in.
    """
    if len(places) > _MAX_PLACES_LISTED:
        minutes = [minute_of_place(first) for first, _ in places]
        return in_minutes(min(minutes), max(minutes))
    of_width: dict[int, list[str]] = {}
    for first, last in places:
        width = last - first + 1
        of_width.setdefault(width, []).append(str(first // width))
    conditions = (
        f"intDiv(place, {width}) IN ({', '.join(numbers)})" for width, numbers in of_width.items()
    )
    return f"({' OR '.join(conditions)})"
