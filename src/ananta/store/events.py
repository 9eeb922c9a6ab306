"""Names of events, and attributes of events and links, as SQL on `spans`.

They are in `rest`, an OTLP Span message, and their terms are in `rest_terms`. A text with its value
is looked up among the terms. For anything else texts are taken from where the message can have
them, by the bytes that stand before them, and count if their term is there.

Arrays, maps and bytes have no text here, and events without a time no name; a key within a map is
not told from one of an event or link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.model.filter import EVENT_NAME
from ananta.store.connection import quote

if TYPE_CHECKING:
    from ananta.store.connection import Database

LEVELS = ("event", "link")
"""Levels of `attribute_keys` that are in `rest`."""

# An event's tag and length, its time, and the tag of its name.
_BEFORE_NAME = r"(?s)Z\C{1,4}?\x09\C{8}\x12"


def may_have(database: Database, key: str) -> str:
    """SQL: whether a row of `spans` may have an event or link with a key; cheap where none has."""
    if key == EVENT_NAME:
        return "notEmpty(rest)"
    known = f"{database.table('attribute_keys')} WHERE level IN {LEVELS} AND key = {quote(key)}"
    # The engine asks this once; `rest` is not read unless there are such keys.
    return f"((SELECT count() FROM {known}) > 0 AND position(rest, {quote(before_value(key))}) > 0)"


def texts(key: str) -> str:
    """SQL: the texts that events and links of a row of `spans` have under a key."""
    attributes = f"arrayPopFront(splitByString({quote(before_value(key))}, rest))"
    found = f"arrayMap(v -> {_text_of('v')}, arrayMap(v -> {_delimited('v')}, {attributes}))"
    if key == EVENT_NAME:
        names = f"arrayPopFront(splitByRegexp({quote(_BEFORE_NAME)}, rest))"
        found = f"arrayConcat(arrayMap(n -> {_plain('n')}, {names}), {found})"
    term = f"xxHash64({quote(key)}) * 31 + xxHash64(t)"
    return f"arrayFilter(t -> has(rest_terms, {term}), {found})"


def before_value(key: str) -> bytes:
    """What stands before the value of an attribute in a message."""
    name = key.encode()
    return b"\x0a" + _varint(len(name)) + name + b"\x12"


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def _text_of(value: str) -> str:
    """SQL: the text of an AnyValue message."""
    inner = f"substring({value}, 2)"
    number = f"reinterpretAsInt64({_number(inner)})"
    tags = {
        b"\x0a": _plain(inner),
        b"\x10": f"if({number} = 0, 'false', 'true')",
        b"\x18": f"toString({number})",
        b"\x21": f"toString(reinterpretAsFloat64(substring({inner}, 1, 8)))",
    }
    cases = ", ".join(f"startsWith({value}, {quote(tag)}), {text}" for tag, text in tags.items())
    return f"multiIf({cases}, '')"


def _plain(text: str) -> str:
    """SQL: a string of a message as it is in terms, without NULs."""
    return f"replaceAll({_delimited(text)}, {quote(chr(0))}, {quote(chr(0xFFFD))})"


def _delimited(text: str) -> str:
    """SQL: what a text holds behind its length, which it begins with."""
    return f"substring({text}, {_width(text)} + 1, {_number(text)})"


def _number(text: str) -> str:
    """SQL: the varint a text begins with."""
    byte = f"bitAnd(reinterpretAsUInt8(substring({text}, i, 1)), 127)"
    return f"arraySum(i -> {byte} * intExp2(7 * (i - 1)), range(1, {_width(text)} + 1))"


def _width(text: str) -> str:
    """SQL: how many bytes the varint has that a text begins with."""
    return f"arrayFirstIndex(i -> reinterpretAsUInt8(substring({text}, i, 1)) < 128, range(1, 11))"
