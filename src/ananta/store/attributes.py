"""What spans can be searched by: keys of attributes, and the values these and fields have.

Keys of all services are in a table of their own. Everything else is read from the newest spans, of
which a bounded number is looked at: it is to help a person write a search, not to count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.model.filter import EVENT_NAME, Comparison
from ananta.store import events
from ananta.store.conditions import END, INSTEAD, field_text
from ananta.store.connection import quote, text_of
from ananta.store.search import SpansOf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.model.filter import Level
    from ananta.store.connection import Database
    from ananta.store.reader import Reader
    from ananta.store.search import TraceFilter

_MAX_SPANS = 100_000
# Attributes of links are with those of events.
_LEVELS = ("span", "resource", "scope", "event")


async def find_keys(
    reader: Reader, database: Database, text: str, service: str, limit: int
) -> list[tuple[str, str]]:
    """Level and key of attributes whose key has a text in it, those that begin with it first.

    With a service, the keys its newest spans have, their resources and scopes; those of events and
    links are not among them.
    """
    listed = (
        f"SELECT level, key FROM {database.table('attribute_keys')}"
        f" UNION ALL {_keys_of_origins(database, 'scope')}"
    )
    if service:
        query = SpansOf(Comparison("field", "service", "=", service))
        where = await reader.where_spans_match(query)
        if where is None:
            return []
        listed = " UNION ALL ".join(_keys_of_spans(database, where))
    rows = await database.rows(
        f"SELECT level, key FROM ({listed}) WHERE {_has('key', text)}"
        f" GROUP BY level, key ORDER BY {_begins('key', text)} DESC, key, level LIMIT {limit}"
    )
    return [(text_of(level), text_of(key)) for level, key in rows]


def _keys_of_spans(database: Database, where: str) -> Iterator[str]:
    """SQL that gives levels and keys of the newest spans."""
    keys = f"arrayJoin(arrayPopBack(splitByChar({quote(END)}, keys)))"
    newest = _newest(database, "attribute_keys AS keys", where)
    yield f"SELECT 'span' AS level, {keys} AS key FROM (SELECT DISTINCT keys FROM {newest})"
    for level in ("resource", "scope"):
        headers = f"SELECT DISTINCT header FROM {_newest(database, f'{level} AS header', where)}"
        yield f"{_keys_of_origins(database, level)} AND header GLOBAL IN ({headers})"


def _keys_of_origins(database: Database, level: str) -> str:
    """SQL that gives the level and the keys of resources or scopes, with a scope's name."""
    return (
        f"SELECT level, toString(arrayJoin(mapKeys(attributes))) AS key"
        f" FROM {database.table('origins')} WHERE level = '{level}'"
    )


async def find_values(
    reader: Reader,
    database: Database,
    level: Level,
    name: str,
    query: TraceFilter,
    text: str,
    limit: int,
) -> list[tuple[str, int]]:
    """Values that have a text in them, and how many of the newest spans that match have them.

    Args:
        reader: knows where spans are.
        database: where they are.
        level: where `name` is looked up.
        name: a field, or the key of an attribute; durations are not listed.
        query: whose values.
        text: in any case; values that begin with it come first, then the most frequent.
        limit: most values to return.
    """
    where = await reader.where_spans_match(query)
    if where is None:
        return []
    if level == "field":
        parts = [_values_of_field(database, name, where)] if name != "duration" else []
    else:
        levels = await _levels_with(database, level, name)
        parts = [_values_at(database, found, name, where) for found in levels]
    if not parts:
        return []
    rows = await database.rows(
        f"SELECT value, sum(spans) AS total FROM ({' UNION ALL '.join(parts)})"
        f" WHERE {_has('value', text)} GROUP BY value"
        f" ORDER BY {_begins('value', text)} DESC, total DESC, value LIMIT {limit}"
    )
    return [(text_of(value), spans) for value, spans in rows]


async def _levels_with(database: Database, level: Level, key: str) -> list[str]:
    """Where there are attributes with this key, of those that are looked up."""
    rows = await database.rows(
        f"SELECT level FROM {database.table('attribute_keys')} WHERE key = {quote(key)}"
        f" UNION DISTINCT SELECT level FROM {database.table('origins')}"
        f" WHERE mapContains(attributes, {quote(key)})"
    )
    known = {text_of(found) for (found,) in rows}
    if key == EVENT_NAME or not known.isdisjoint(events.LEVELS):
        known.add("event")
    return [one for one in _LEVELS if one in known and level in ("any", one)]


def _values_of_field(database: Database, field: str, where: str) -> str:
    column = f"toString({field_text(field)}) AS value"
    return f"SELECT value, count() AS spans FROM {_newest(database, column, where)} GROUP BY value"


def _values_at(database: Database, level: str, key: str, where: str) -> str:
    """SQL that gives the values an attribute has at a level, and the number of spans."""
    if level == "span":
        return _values_of_spans(database, key.replace(END, INSTEAD), where)
    if level == "event":
        return _values_in_rest(database, key.replace(END, INSTEAD), where)
    headers = _newest(database, f"toString({level}) AS header", where)
    name = quote(key)
    return (
        "SELECT value, sum(used) AS spans"
        f" FROM (SELECT header, count() AS used FROM {headers} GROUP BY header) AS seen"
        f" INNER JOIN (SELECT header, any(attributes[{name}]) AS value"
        f" FROM {database.table('origins')}"
        f" WHERE level = '{level}' AND mapContains(attributes, {name}) GROUP BY header) AS known"
        " ON seen.header = known.header GROUP BY value"
    )


def _values_of_spans(database: Database, key: str, where: str) -> str:
    end = quote(END)
    keys, values = f"splitByChar({end}, keys)", f"splitByChar({end}, texts)"
    newest = _newest(database, "attribute_keys AS keys, attribute_values AS texts", where)
    return (
        f"SELECT {values}[indexOf({keys}, {quote(key)})] AS value, count() AS spans FROM {newest}"
        f" WHERE position(concat({end}, keys), {quote(END + key + END)}) > 0 GROUP BY value"
    )


def _values_in_rest(database: Database, key: str, where: str) -> str:
    """SQL that gives the values events and links have, and the number of spans."""
    newest = _newest(database, "rest, rest_terms", where)
    return (
        f"SELECT arrayJoin(arrayDistinct({events.texts(key)})) AS value, count() AS spans"
        f" FROM {newest} WHERE {events.may_have(database, key)} GROUP BY value"
    )


def _newest(database: Database, columns: str, where: str) -> str:
    """SQL: a table of columns of the newest spans, as far as they are looked at.

    Sorted are their places alone, for what is sorted is held in memory.
    """
    spans = database.table("spans")
    places = f"SELECT place FROM {spans} {where} ORDER BY place DESC LIMIT {_MAX_SPANS}"
    return (
        f"(SELECT {columns} FROM (SELECT * FROM {spans} {where})"
        f" WHERE place >= (SELECT min(place) FROM ({places})))"
    )


def _has(column: str, text: str) -> str:
    return f"positionCaseInsensitiveUTF8({column}, {quote(text)}) > 0"


def _begins(column: str, text: str) -> str:
    return f"positionCaseInsensitiveUTF8({column}, {quote(text)}) = 1"
