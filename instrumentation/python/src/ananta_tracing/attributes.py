"""Attribute values: whatever a program hands over becomes something OTLP can carry.

OTLP knows text, truth values, 64-bit integers, floating point numbers and lists of one of these.
`coerce` turns every other value into one of them by the rules below and drops nothing silently:

| value                                       | becomes                                          |
|---------------------------------------------|--------------------------------------------------|
| text, bool, int of 64 bits, float           | itself                                           |
| None                                        | nothing: an attribute without a value is no value |
| int beyond 64 bits, Decimal, UUID           | its decimal or usual text                        |
| datetime, date, time                        | ISO 8601                                         |
| timedelta                                   | seconds                                          |
| Enum                                        | its value where that is text, else its name      |
| bytes                                       | text where it is UTF-8, else base64              |
| list, tuple, set, frozenset … of one kind   | a list of that kind (sets sorted)                |
| the same, mixed, nested or with None        | a list of texts, or JSON where it nests          |
| mapping, dataclass, pydantic model          | JSON of at most 4,096 characters, in which       |
|                                             | `password`, `token` … are `[REDACTED]`           |
| exception                                   | `Type: message`                                  |
| anything else                               | its `str`, at most 4,096 characters              |
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import enum
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from typing import Any, cast

from ananta_tracing.redaction import REDACTED, is_secret_key

AttributeValue = (
    str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]
)

MAX_JSON_CHARACTERS = 4096
MAX_JSON_DEPTH = 8
_LARGEST = 2**63 - 1
_SMALLEST = -(2**63)
_CUT = "…"
_NONE_KNOWN: Mapping[str, AttributeValue] = {}
# Types that OTLP carries as they are. Compared by exact type: a subclass (an IntEnum, a numpy
# float) goes through the rules.
_PLAIN = frozenset({str, bool, float})


def coerce(attributes: Mapping[str, Any] | None) -> dict[str, AttributeValue]:
    """The attributes with every value made carriable by the rules above; None values left out.

    Keys that are not text become text. Never raises: a value whose conversion fails becomes the
    text `<Type: could not be shown: Error>`.

    >>> import datetime, decimal
    >>> coerce({"bom.id": 7, "cost": decimal.Decimal("1.50"), "note": None})
    {'bom.id': 7, 'cost': '1.50'}
    >>> coerce({"due": datetime.date(2026, 1, 31), "tags": {"b", "a"}, "part": {"mpn": "R1"}})
    {'due': '2026-01-31', 'tags': ['a', 'b'], 'part': '{"mpn": "R1"}'}
    """
    coerced: dict[str, AttributeValue] = {}
    if not attributes:
        return coerced
    for key, value in attributes.items():
        kind = type(value)
        if kind in _PLAIN or (kind is int and _SMALLEST <= value <= _LARGEST):
            coerced[key if type(key) is str else str(key)] = value
        elif value is not None:
            coerced[str(key)] = coerce_value(value)
    return coerced


def coerce_value(value: Any) -> AttributeValue:
    r"""One value by the rules above; None becomes empty text here, for it must become something.

    >>> coerce_value(2**70), coerce_value(b"\xff"), coerce_value([1, "a"])
    ('1180591620717411303424', '/w==', ['1', 'a'])
    """
    try:
        return _coerce(value)
    except Exception as error:  # noqa: BLE001 - a broken __str__ must not break the application
        return f"<{type(value).__name__}: could not be shown: {type(error).__name__}>"


class LazyAttributes(Mapping[str, AttributeValue]):
    """Attributes that are gathered only when somebody reads them.

    A sampler that decides by trace id never reads them, so a request that is not sampled does not
    pay for what it would have recorded; a sampler with rules reads them and finds them all.

    Args:
        gather: makes all of them.
        known: those that cost nothing to say, for a sampler that asks for one by `get`.
    """

    __slots__ = ("_gather", "_gathered", "_known")
    is_exclusion_decided = False

    def __init__(
        self,
        gather: Callable[[], dict[str, AttributeValue]],
        known: Mapping[str, AttributeValue] = _NONE_KNOWN,
    ) -> None:
        self._gather = gather
        self._gathered: dict[str, AttributeValue] | None = None
        self._known = known

    def gathered(self) -> dict[str, AttributeValue]:
        """The attributes, gathered once."""
        found = self._gathered
        if found is None:
            found = self._gathered = self._gather()
        return found

    def get(self, key: str, default: Any = None) -> Any:
        """One of them, without gathering the rest where it is known."""
        known = self._known.get(key)
        return self.gathered().get(key, default) if known is None else known

    def __getitem__(self, key: str) -> AttributeValue:
        return self.gathered()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.gathered())

    def __len__(self) -> int:
        return len(self.gathered())

    def __bool__(self) -> bool:
        """True without gathering: whoever asks means to read."""
        return True

    def items(self) -> Any:
        """Key and value pairs, straight from the dictionary."""
        return self.gathered().items()


def lazily(attributes: Mapping[str, Any] | None) -> LazyAttributes | None:
    """The coerced attributes, coerced when read; None where there are none."""
    if not attributes:
        return None
    return LazyAttributes(lambda: coerce(attributes))


def _coerce(value: Any) -> AttributeValue:
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    if isinstance(value, Set):
        return _list(_sorted(value))
    if isinstance(value, Sequence):
        return _list(list(value))
    if value is None:
        return ""
    structure = _structure(value)
    if structure is not None:
        return _json(structure)
    if isinstance(value, Iterator):
        # Reading it would take the items from the program.
        return f"<{type(value).__name__}>"
    converted = _to_python(value)
    return _cut(str(value)) if converted is value else _coerce(converted)


def _scalar(value: Any) -> str | bool | int | float | None:
    """The value where the rules give one text or number for it; None where they do not."""
    kind = type(value)
    if kind in _PLAIN:
        return cast("str | bool | float", value)
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return int(value) if _SMALLEST <= value <= _LARGEST else str(int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(bytes(value))
    if isinstance(value, (Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, BaseException):
        return _cut(f"{type(value).__name__}: {value}")
    return None


def _list(values: list[Any]) -> AttributeValue:
    """A list of one kind where that is possible."""
    items: list[Any] = [_scalar(item) for item in values]
    if all(item is not None or value is None for item, value in zip(items, values, strict=True)):
        kinds = {type(item) for item in items}
        if len(kinds) <= 1 and type(None) not in kinds:
            return items
        if kinds == {int, float}:
            return [float(item) for item in items]
        return ["" if item is None else _text(item) for item in items]
    return _json(values)


def _sorted(values: Set[Any]) -> list[Any]:
    """In one order in every process; that of a set of texts is another in each."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=_text)


def _text(value: Any) -> str:
    scalar = _scalar(value)
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return _cut(str(value if scalar is None else scalar))


def _structure(value: Any) -> Any:
    """What JSON shows of a value with fields; None where it has none."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
            if field.repr
        }
    dump = getattr(type(value), "model_dump", None)
    return dump(value) if callable(dump) else None


def _json(value: Any) -> str:
    return _cut(json.dumps(_jsonable(value, 0), ensure_ascii=False, allow_nan=True))


def _jsonable(value: Any, depth: int) -> Any:
    if depth > MAX_JSON_DEPTH:
        return _CUT
    structure = _structure(value)
    if structure is not None:
        return {
            str(key): REDACTED if is_secret_key(str(key)) else _jsonable(item, depth + 1)
            for key, item in structure.items()
        }
    if value is None:
        return None
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    if isinstance(value, Set):
        value = _sorted(value)
    if isinstance(value, Sequence):
        return [_jsonable(item, depth + 1) for item in value]
    return _cut(str(value))


def _to_python(value: Any) -> Any:
    """What `item` or `tolist` of a numpy value gives; the value itself where it has neither."""
    for name in ("tolist", "item"):
        method = getattr(type(value), name, None)
        if callable(method):
            return method(value)
    return value


def _bytes(value: bytes) -> str:
    try:
        return _cut(value.decode())
    except UnicodeDecodeError:
        return _cut(base64.b64encode(value[:MAX_JSON_CHARACTERS]).decode())


def _cut(text: str) -> str:
    return text if len(text) <= MAX_JSON_CHARACTERS else text[: MAX_JSON_CHARACTERS - 1] + _CUT
