"""What a search asks, as SQL on `spans` and as tokens of `postings`.

Every part of a query becomes a `Clause`: a condition one span must meet, and tokens of which one
is posted wherever such a span is. Tokens say where to look, the condition what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ananta._native import term
from ananta.store.connection import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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

BUCKET_SECONDS = 60
_BUCKET_NANOS = BUCKET_SECONDS * 1_000_000_000
_LAST_BUCKET = 0xFFFF_FFFF // BUCKET_SECONDS * BUCKET_SECONDS
_SLICES = 1 << 16

# More places than this are searched as one stretch of time.
_MAX_PLACES_LISTED = 1000
_ALL_TRACE_IDS = (0, 0xFFFF)

Place = tuple[int, int, int]
"""Bucket in seconds since 1970, first and last 16 bits of the trace ids."""


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


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a query.

    Attributes:
        condition: SQL over a row of `spans`.
        tokens: one of them is posted where the condition holds; none where no index helps.
    """

    condition: str
    tokens: tuple[int, ...] = ()


def clauses(query: TraceFilter, database: Database) -> list[Clause]:
    """The parts of a query; every span meets them all when there are none."""
    found = [*_names(query), *_times(query)]
    found.extend(_tag(key, value, query.service, database) for key, value in query.tags.items())
    return found


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
    yield Clause(f"start_time_unix_nano BETWEEN {max(first, 0)} AND {max(last, 0)}")
    shortest, longest = query.duration_min_nanos, query.duration_max_nanos
    if longest:
        yield Clause(f"duration_nano <= {longest}")
    if shortest:
        last_class = longest.bit_length() if longest else 63
        service = (query.service,) if query.service else ()
        classes = range(shortest.bit_length(), last_class + 1)
        tokens = tuple(_token("duration", bytes([number]), *service) for number in classes)
        yield Clause(f"duration_nano >= {shortest}", tokens)


def _tag(key: str, value: str, service: str, database: Database) -> Clause:
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
        return Clause(_in_origins(database, "scope", key, value), (_attribute(key, value),))
    if key.startswith(_RESOURCE_PREFIX):
        key = key.removeprefix(_RESOURCE_PREFIX)
        return Clause(_in_origins(database, "resource", key, value), (_attribute(key, value),))
    places = (
        _has_attribute(key, value),
        f"has(rest_terms, {_attribute_term(key, value)})",
        _in_origins(database, "resource", key, value),
        _in_origins(database, "scope", key, value),
    )
    return Clause(f"({' OR '.join(places)})", (_attribute(key, value),))


def _one_of(column: str, names: tuple[str, ...], value: str, within: tuple[str, ...]) -> Clause:
    name = value.lower()
    if name not in names:
        return Clause("0")
    number = names.index(name)
    is_error = column == "status_code" and number == ERROR_STATUS
    return Clause(f"{column} = {number}", (_token("error", *within),) if is_error else ())


def _attribute_term(key: str, value: str) -> int:
    return term("attribute", key.encode(), value.encode())


def _attribute(key: str, value: str) -> int:
    return _token("attribute", key, value)


def _has_attribute(key: str, value: str) -> str:
    keys, values = (
        f"arrayPopBack(splitByChar({quote(_END)}, {column}))"
        for column in ("attribute_keys", "attribute_values")
    )
    pair = f"arrayExists((k, v) -> k = {quote(key)} AND v = {quote(value)}, {keys}, {values})"
    # A look at the whole string spares most rows the splitting.
    return f"position(attribute_values, {quote(value + _END)}) > 0 AND {pair}"


def _in_origins(database: Database, level: str, key: str, value: str) -> str:
    return (
        f"{level} GLOBAL IN (SELECT header FROM {database.table('origins')}"
        f" WHERE level = '{level}' AND mapContains(attributes, {quote(key)})"
        f" AND attributes[{quote(key)}] = {quote(value)})"
    )


def bucket_of(time_unix_nano: int) -> int:
    """The bucket a time lies in, seconds since 1970; times before and after all are in the ends."""
    bucket = max(time_unix_nano, 0) // _BUCKET_NANOS * BUCKET_SECONDS
    return min(bucket, _LAST_BUCKET)


def first_place(bucket: int) -> int:
    """The least number a place in a bucket has."""
    return bucket // BUCKET_SECONDS * _SLICES


def last_place(bucket: int) -> int:
    """The greatest number a place in a bucket has."""
    return first_place(bucket) + _SLICES - 1


def bucket_of_place(place: int) -> int:
    """The bucket of a place's number."""
    return place // _SLICES * BUCKET_SECONDS


def in_places(places: list[Place]) -> str:
    """SQL: a row of `spans` lies in one of these places. May hold for some rows beside them."""
    if len(places) > _MAX_PLACES_LISTED:
        buckets = [bucket for bucket, _, _ in places]
        return f"bucket BETWEEN {min(buckets)} AND {max(buckets)}"
    whole = [bucket for bucket, *ids in places if tuple(ids) == _ALL_TRACE_IDS]
    alternatives = [f"bucket IN ({', '.join(map(str, whole))})"] if whole else []
    for bucket, first, last in places:
        if (first, last) != _ALL_TRACE_IDS:
            least = quote(first.to_bytes(2) + bytes(14))
            most = quote(last.to_bytes(2) + b"\xff" * 14)
            alternatives.append(f"bucket = {bucket} AND trace_id BETWEEN {least} AND {most}")
    return "(" + " OR ".join(alternatives) + ")"
