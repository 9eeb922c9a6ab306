"""The reference model of the store's reader: every question answered over plain rows.

Slow and obvious on purpose. It says what a search means; the store's reader is held against it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from ananta.model import SpanBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ananta.query import TraceQuery

Row = dict[str, Any]


class MemoryReader:
    """Answers over the batches it was given."""

    def __init__(self) -> None:
        self.batches: list[SpanBatch] = []
        self.error: Exception | None = None
        self._rows: list[list[Row]] = []

    def add(self, batch: SpanBatch) -> None:
        self.batches.append(batch)
        self._rows.append(batch.rows())

    def rows(self) -> list[Row]:
        if self.error:
            raise self.error
        return [row for rows in self._rows for row in rows]

    async def services(self) -> list[str]:
        return list({service(row) for row in self.rows()})

    async def operations(self, name: str, kind: str | None = None) -> list[tuple[str, str]]:
        found = {(span_name(row), kind_of(row)) for row in self.rows() if service(row) == name}
        return [operation for operation in found if kind is None or operation[1] == kind]

    async def count_spans(self) -> int:
        return len(self.rows())

    async def find_trace_ids(self, query: TraceQuery, limit: int) -> list[bytes]:
        newest: dict[str, int] = {}
        for row in self.rows():
            if matches(row, query):
                start = max(newest.get(row["trace_id"], 0), row["start_time_unix_nano"])
                newest[row["trace_id"]] = start
        ids = sorted(newest, key=lambda trace_id: newest[trace_id], reverse=True)
        return [bytes.fromhex(trace_id) for trace_id in ids[:limit]]

    async def read_traces(self, trace_ids: Sequence[bytes]) -> SpanBatch:
        wanted = {trace_id.hex() for trace_id in trace_ids}
        self.rows()
        return SpanBatch.concat(
            [
                batch.filter([row["trace_id"] in wanted for row in rows])
                for batch, rows in zip(self.batches, self._rows, strict=True)
            ]
        )

    async def dependencies(self, start: int, end: int) -> list[tuple[str, str, int]]:
        rows = self.rows()
        by_id = {(row["trace_id"], row["span_id"]): row for row in rows}
        calls: Counter[tuple[str, str]] = Counter()
        for row in rows:
            parent = by_id.get((row["trace_id"], row["parent_span_id"]))
            if parent and start <= row["start_time_unix_nano"] <= end:
                calls[service(parent), service(row)] += 1
        return [(parent, child, count) for (parent, child), count in calls.items()]


def service(row: Row) -> str:
    match row["resource"].get("service.name", None):
        case None if "service.name" not in row["resource"]:
            return "missing-service-name"
        case "":
            return "empty-service-name"
        case str(name):
            return name
    return "service-name-wrong-type"


def span_name(row: Row) -> str:
    return row["name"] or "empty-span-name"


def kind_of(row: Row) -> str:
    return "" if row["kind"] == "unspecified" else row["kind"]


def duration(row: Row) -> int:
    return max(int(row["end_time_unix_nano"]) - int(row["start_time_unix_nano"]), 0)


def matches(row: Row, query: TraceQuery) -> bool:
    start = row["start_time_unix_nano"]
    return (
        query.service in ("", service(row))
        and query.operation in ("", span_name(row))
        and query.start_time_min_unix_nano <= start <= query.start_time_max_unix_nano
        and duration(row) >= query.duration_min_nanos
        and not 0 < query.duration_max_nanos < duration(row)
        and all(has_tag(row, key, value) for key, value in query.tags.items())
    )


def has_tag(row: Row, key: str, value: str) -> bool:
    if key == "error":
        return (row["status_code"] == "error") is (value == "true")
    special = {
        "span.status": row["status_code"],
        "otel.status_code": row["status_code"],
        "span.kind": kind_of(row),
    }
    if key in special:
        return str(special[key]) == value.lower()
    if key in ("scope.name", "otel.scope.name"):
        return str(row["scope_name"]) == value
    if key in ("scope.version", "otel.scope.version"):
        return str(row["scope_version"]) == value
    if key.startswith("resource."):
        return value in texts(row["resource"], key.removeprefix("resource."))
    if key == "otel.status_description" and row["status_message"] == value != "":
        return True
    if key == "event" and value in [event["name"] for event in row["events"]]:
        return True
    return any(value in texts(attributes, key) for attributes in places(row))


def places(row: Row) -> Iterator[dict[str, Any]]:
    yield row["attributes"]
    yield row["resource"]
    for part in (*row["events"], *row["links"]):
        yield part["attributes"]


def texts(attributes: dict[str, Any], key: str) -> list[str]:
    return [text(attributes[key])] if key in attributes else []


def text(value: Any) -> str:
    """A value as the text it is compared as."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case float():
            return float_text(value)
        case list() | dict():
            return json.dumps(
                plain(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False
            )
    return str(value)


def plain(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case list():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
    return value


def float_text(value: float) -> str:
    """The fewest digits that read back, with an exponent below 1e-6 and from 1e21."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return re.sub(r"e([+-])0(\d)$", r"e\1\2", repr(value))
