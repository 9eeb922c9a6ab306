"""The exceptions that spans of a service record, counted by type and message.

An exception is an event of a span, and events are kept in `rest`, an OTLP Span message that
`native/src/clickhouse/rest.rs` writes. The engine takes the two attributes out of its bytes by
itself: with the stack traces beside them, whole events would be very much to hand out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.model.filter import And, Comparison
from ananta.model.statistics import ExceptionStatistics, SpanReference
from ananta.store.connection import quote, text_of
from ananta.store.events import before_value
from ananta.store.search import SPAN_IDS, SpansOf, minute_of_place, start_of_minute

if TYPE_CHECKING:
    from ananta.store.connection import Database
    from ananta.store.reader import Reader
    from ananta.store.service_metrics import Window

# Of more spans with exceptions, those of the newest minutes are counted.
_MAX_SPANS = 100_000
_MAX_TEXT_BYTES = 1000
# Messages are alike when they differ in these alone: numbers, also hexadecimal ones, and UUIDs.
_NUMBER = "[0-9A-Fa-f-]*[0-9][0-9A-Fa-f-]*"

# What begins an exception in protobuf: an Event's tag for its name, and the name with its length.
_NAME = b"\x12\x09exception"
# An AnyValue's tag for a string.
_STRING = 0x0A
# The length before a string takes as many bytes, and a byte from this one on is not its last.
_MAX_LENGTH_BYTES = 5
_MORE = 0x80


async def count_exceptions(
    reader: Reader,
    database: Database,
    window: Window,
    service: str,
    operation: str,
    kind: str,
    limit: int,
) -> tuple[list[ExceptionStatistics], int]:
    """Exceptions in spans of a service, those in the most spans first, and since when.

    Exceptions without type and message are left out.

    Args:
        reader: knows where spans are.
        database: where they are.
        window: when they start; the answer says from when on they are counted.
        service: its exact name.
        operation: exact name of the spans; "" for all.
        kind: one of `KINDS`; "" for all.
        limit: most exceptions to tell of.
    """
    fields = (("service", service), ("operation", operation), ("kind", kind))
    spans = And(tuple(Comparison("field", name, "=", value) for name, value in fields if value))
    start = window.start
    where = await reader.where_spans_match(SpansOf(spans, *window), has_exception=True)
    if where and (begin := await _counted_from(database, where)) > start:
        start, query = begin, SpansOf(spans, begin, window.end)
        where = await reader.where_spans_match(query, has_exception=True)
    if where is None:
        return [], start
    rows = await database.rows(
        "SELECT type, argMax(message, (start, ids)), uniqExact(message), uniqExact(ids) AS spans,"
        f" max(start) AS last, argMax(ids, (start, ids)) FROM ({_exceptions(database, where)})"
        f" WHERE type != '' OR message != ''"
        f" GROUP BY type, replaceRegexpAll(message, '{_NUMBER}', '0') AS alike"
        f" ORDER BY spans DESC, last DESC, type, alike LIMIT {limit}"
    )
    found = [
        ExceptionStatistics(
            text_of(type_), text_of(message), messages, count, last, SpanReference.of(newest)
        )
        for type_, message, messages, count, last, newest in rows
    ]
    return found, start


async def _counted_from(database: Database, where: str) -> int:
    """When the minute begins from which on spans are counted; 0 where all are."""
    ((count, oldest),) = await database.rows(
        f"SELECT count(), min(place) FROM (SELECT place FROM {database.table('spans')} {where}"
        f" ORDER BY place DESC LIMIT {_MAX_SPANS})"
    )
    return start_of_minute(minute_of_place(oldest)) if count == _MAX_SPANS else 0


def _exceptions(database: Database, where: str) -> str:
    """SQL: a row for each exception: start and ids of its span, its type and its message."""
    events = (
        f"SELECT start_time_unix_nano AS start, {SPAN_IDS} AS ids,"
        f" arrayJoin(arrayPopFront(splitByString({quote(_NAME)}, rest))) AS attributes"
        f" FROM {database.table('spans')} {where}"
    )
    values = ", ".join(f"{_value_of(f'exception.{key}')} AS {key}" for key in ("type", "message"))
    texts = ", ".join(f"{_text_of_value(key)} AS {key}" for key in ("type", "message"))
    return f"SELECT start, ids, {texts} FROM (SELECT start, ids, {values} FROM ({events}))"


def _value_of(key: str) -> str:
    """SQL: the bytes behind the tag of an attribute's value; empty where there is none."""
    before = before_value(key)
    place = f"position(attributes, {quote(before)})"
    most = _MAX_TEXT_BYTES + 2 * _MAX_LENGTH_BYTES + 1
    return f"if({place} = 0, '', substring(attributes, {place} + {len(before)}, {most}))"


def _text_of_value(value: str) -> str:
    """SQL: the string in an AnyValue with its length before it; empty where it is another type."""
    tag = f"(1 + {_length_bytes(value, '1')})"
    length = f"({tag} + 1)"
    first, second = _byte(value, length), _byte(value, f"{length} + 1")
    size = (
        f"multiIf({first} < {_MORE}, {first},"
        f" {second} < {_MORE}, {first} - {_MORE} + {second} * {_MORE}, {_MAX_TEXT_BYTES})"
    )
    text = f"{length} + {_length_bytes(value, length)}, least({size}, {_MAX_TEXT_BYTES})"
    return f"if({_byte(value, tag)} = {_STRING}, substring({value}, {text}), '')"


def _length_bytes(text: str, at: str) -> str:
    """SQL: how many bytes the varint at this place takes."""
    cases = (f"{_byte(text, f'{at} + {n}')} < {_MORE}, {n + 1}" for n in range(_MAX_LENGTH_BYTES))
    return f"multiIf({', '.join(cases)}, 0)"


def _byte(text: str, at: str) -> str:
    return f"reinterpretAsUInt8(substring({text}, {at}, 1))"
