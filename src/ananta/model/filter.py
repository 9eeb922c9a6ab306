"""What a span must be like: the one form that every query language is read into.

A filter holds for one span. The store turns it into SQL (`store/conditions.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["field", "any", "span", "resource", "scope"]
"""Where a name is looked up: a field every span has, or attributes of any or of one level."""

FIELDS = ("service", "operation", "kind", "status", "duration", "peer")
"""Fields every span has; a duration is compared in nanoseconds.

The peer is whom a client's span says that it calls, and empty for spans of other kinds.
"""

DATABASE_KEYS = ("db.system.name", "db.system")
"""Attributes of spans that tell of a database, and what kind of one it is."""

PEER_KEYS = ("peer.service", "server.address", "net.peer.name", *DATABASE_KEYS)
"""Attributes of clients' spans that tell the peer: the first that is there and not empty."""

EVENT_NAME = "event"
"""The key under which names of a span's events are found, beside attributes that have it."""

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""What a span's kind is compared with, by OTLP's numbers."""

STATUSES = ("unset", "ok", "error")
"""What a span's status is compared with, by OTLP's numbers."""

Operator = Literal["=", "like", "<", "<=", ">", ">=", "exists"]
"""`like` knows `*` as anything; `exists` has no value."""

ORDERING: tuple[Operator, ...] = ("<", "<=", ">", ">=")
"""Operators that compare numbers."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One value of a span, compared.

    Attributes:
        level: where `name` is looked up.
        name: one of `FIELDS`, or the key of an attribute.
        operator: how it is compared.
        value: with what: a text, or a number for `ORDERING` operators.
    """

    level: Level
    name: str
    operator: Operator
    value: str | float = ""


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where its filter does not: also where a span lacks what is compared."""

    inner: Filter


@dataclass(frozen=True, slots=True)
class And:
    """Holds where all of its filters do; all spans, when there are none."""

    inner: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Holds where one of its filters does."""

    inner: tuple[Filter, ...]


Filter = Comparison | Not | And | Or

ALL: Filter = And(())
"""Holds for every span."""
