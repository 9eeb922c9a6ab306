"""The reference model of the store's reader: every question answered over plain rows.

Slow and obvious on purpose. It says what a search means; the store's reader is held against it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from ananta.model import SpanBatch
from ananta.model.statistics import (
    BackendStatistics,
    CallStatistics,
    ExceptionStatistics,
    OperationStatistics,
    SeenResource,
    ServiceStatistics,
    SpanReference,
    SpanStatistics,
)
from ananta.store.histogram import DURATION_BOUNDS, Cell, SpanCounts
from ananta.store.summaries import RootCount, Summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from ananta._native import TraceChoice
    from ananta.model.filter import Level
    from ananta.query import TraceQuery
    from ananta.store.summaries import Order

Row = dict[str, Any]

KIND_ORDER = ("", "internal", "server", "client", "producer", "consumer")


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

    async def count_stored_spans(self) -> int:
        return len(self.rows())

    async def find_trace_ids(self, query: TraceQuery, limit: int) -> list[bytes]:
        return self._found(query)[:limit]

    def _found(self, query: TraceQuery, *, oldest: bool = False) -> list[bytes]:
        starts: defaultdict[str, list[int]] = defaultdict(list)
        for row in self.rows():
            if matches(row, query):
                starts[row["trace_id"]].append(row["start_time_unix_nano"])
        firsts = {one: min(found) if oldest else -max(found) for one, found in starts.items()}
        ids = sorted(firsts, key=lambda trace_id: (firsts[trace_id], trace_id))
        return [bytes.fromhex(trace_id) for trace_id in ids]

    async def find_traces(self, query: TraceQuery, order: Order, limit: int) -> list[bytes]:
        if order == "oldest":
            return self._found(query, oldest=True)[:limit]
        found = await self.find_trace_ids(query, len(self.rows()))
        if order == "newest":
            return found[:limit]
        newest = {one: max(row["start_time_unix_nano"] for row in self._of(one)) for one in found}
        ranks = {
            "longest": {one.trace_id: one.duration_nano for one in map(self._summary, found)},
            "spans": {one: len(self._of(one)) for one in found},
            "errors": {one: len(_failed(self._of(one))) for one in found},
        }
        found.sort(key=lambda one: (-ranks[order][one], -newest[one], one))
        return found[:limit]

    async def summarize_traces(self, trace_ids: Sequence[bytes]) -> list[Summary]:
        return [self._summary(trace_id) for trace_id in trace_ids if self._of(trace_id)]

    def _of(self, trace_id: bytes) -> list[Row]:
        """Spans of a trace, each once, in the order of start and id."""
        rows = [row for row in self.rows() if row["trace_id"] == trace_id.hex()]
        once = {(row["start_time_unix_nano"], row["span_id"], row["kind"]): row for row in rows}
        return [once[key] for key in sorted(once)]

    def _summary(self, trace_id: bytes) -> Summary:
        rows = self._of(trace_id)
        start = rows[0]["start_time_unix_nano"]
        end = max(row["start_time_unix_nano"] + duration(row) for row in rows)
        spans = Counter(service(row) for row in rows)
        errors = Counter(service(row) for row in _failed(rows))
        shares = [(name, count, errors[name]) for name, count in spans.items()]
        shares.sort(key=lambda share: (-share[1], share[0]))
        roots = [(service(row), span_name(row)) for row in rows if not row["parent_span_id"]]
        return Summary(trace_id, roots[0] if roots else None, start, end - start, shares)

    async def count_roots(self, query: TraceQuery) -> list[RootCount]:
        groups: dict[tuple[str, str], list[Summary]] = {}
        for trace_id in await self.find_trace_ids(query, len(self.rows())):
            one = self._summary(trace_id)
            groups.setdefault(one.root or ("", ""), []).append(one)
        counts = []
        for names, group in groups.items():
            group.sort(key=lambda one: (one.duration_nano, one.trace_id))
            lasted = [one.duration_nano for one in group]
            failed = sum(any(errors for *_, errors in one.services) for one in group)
            p50, p95 = (
                lasted[min(int(part * len(lasted)), len(lasted) - 1)] for part in (0.5, 0.95)
            )
            slowest = group[-1].trace_id
            counts.append(RootCount(*names, len(group), failed, p50, p95, lasted[-1], slowest))
        return sorted(counts, key=lambda one: (-one.traces, one.service, one.operation))

    async def count_cells(self, query: TraceQuery, begin: int, step: int) -> SpanCounts:
        rows = [row for row in self.rows() if matches(row, query)]
        cells: dict[tuple[int, int], list[Row]] = {}
        for row in rows:
            bound = max(bound for bound in DURATION_BOUNDS if bound <= duration(row))
            cells.setdefault(((row["start_time_unix_nano"] - begin) // step, bound), []).append(row)
        return SpanCounts(
            [Cell(*cell, len(spans), len(_failed(spans))) for cell, spans in cells.items()],
            len({row["trace_id"] for row in rows}),
        )

    async def attribute_keys(self, text: str, name: str, limit: int) -> list[tuple[str, str]]:
        found = {
            (level, key)
            for row in self.rows()
            if name in ("", service(row))
            for level, attributes in levels(row)
            if not name or level in ("span", "resource")
            for key in attributes
            if text.lower() in key.lower()
        }
        begins = text.lower()
        return sorted(
            found, key=lambda one: (not one[1].lower().startswith(begins), one[1], one[0])
        )[:limit]

    async def attribute_values(
        self, level: Level, name: str, query: TraceQuery, begins: str, limit: int
    ) -> list[tuple[str, int]]:
        values = Counter(
            value
            for row in self.rows()
            if matches(row, query)
            for value in _values(row, level, name)
            if begins.lower() in value.lower()
        )
        return sorted(
            values.items(),
            key=lambda one: (not one[0].lower().startswith(begins.lower()), -one[1], one[0]),
        )[:limit]

    async def read_traces(self, trace_ids: Sequence[bytes]) -> SpanBatch:
        wanted = {trace_id.hex() for trace_id in trace_ids}
        self.rows()
        return SpanBatch.concat(
            [
                batch.filter([row["trace_id"] in wanted for row in rows])
                for batch, rows in zip(self.batches, self._rows, strict=True)
            ]
        )

    async def read_trace(
        self, trace_id: bytes, limit: int, root: bytes | None = None
    ) -> tuple[SpanBatch, TraceChoice | None]:
        """Always whole: what is chosen of a large trace is the store's own affair."""
        return await self.read_traces([trace_id]), None

    async def read_trace_parts(self, trace_id: bytes) -> AsyncIterator[SpanBatch]:
        batch = await self.read_traces([trace_id])
        if len(batch):
            yield batch

    async def root_of(self, trace_id: bytes) -> tuple[str, str, int, int] | None:
        of_trace = [row for row in self.rows() if row["trace_id"] == trace_id.hex()]
        roots = [row for row in of_trace if not row["parent_span_id"].strip("0")]
        if not roots:
            return None
        root = min(roots, key=start_of)
        return service(root), span_name(root), start_of(root), duration(root)

    async def find_roots(self, query: TraceQuery, limit: int) -> list[tuple[bytes, int]]:
        found: dict[str, Row] = {}
        for row in self.rows():
            if not row["parent_span_id"].strip("0") and matches(row, query):
                found[row["trace_id"]] = min(row, found.get(row["trace_id"], row), key=start_of)
        roots = sorted(found.values(), key=start_of, reverse=True)[:limit]
        return [(bytes.fromhex(root["trace_id"]), duration(root)) for root in roots]

    async def find_links_to(
        self, trace_id: bytes, limit: int
    ) -> list[tuple[bytes, bytes, bytes, str, str, int]]:
        linking = [
            (row, link)
            for row in self.rows()
            for link in row["links"]
            if link["trace_id"] == trace_id.hex() != row["trace_id"]
        ]
        linking.sort(key=lambda one: start_of(one[0]), reverse=True)
        return [
            (
                bytes.fromhex(row["trace_id"]),
                bytes.fromhex(row["span_id"]),
                bytes.fromhex(link["span_id"]),
                service(row),
                span_name(row),
                start_of(row),
            )
            for row, link in linking[:limit]
        ]

    async def dependencies(self, start: int, end: int) -> list[tuple[str, str, int]]:
        rows = self.rows()
        by_id = {(row["trace_id"], row["span_id"]): row for row in rows}
        calls: Counter[tuple[str, str]] = Counter()
        for row in rows:
            parent = by_id.get((row["trace_id"], row["parent_span_id"]))
            if parent and start <= row["start_time_unix_nano"] <= end:
                calls[service(parent), service(row)] += 1
        return [(parent, child, count) for (parent, child), count in calls.items()]

    async def call_statistics(self, start: int, end: int) -> list[CallStatistics]:
        by_id = {(row["trace_id"], row["span_id"]): row for row in self.rows()}
        calls: defaultdict[tuple[str, str, bool, bool], list[Row]] = defaultdict(list)
        for row in self.window(start, end):
            is_request = row["kind"] in ("server", "consumer")
            callers = [(False, row["trace_id"], row["parent_span_id"])]
            if row["kind"] == "consumer":
                callers += [(True, link["trace_id"], link["span_id"]) for link in row["links"]]
            for is_message, *ids in callers:
                caller = by_id.get(tuple(ids))
                if caller and not (is_message and ids[0] == row["trace_id"]):
                    calls[service(caller), service(row), is_request, is_message].append(row)
        return [CallStatistics(*call, statistics(rows)) for call, rows in calls.items()]

    async def backend_statistics(self, start: int, end: int) -> list[BackendStatistics]:
        answering = {
            (row["trace_id"], row["parent_span_id"])
            for row in self.rows()
            if row["kind"] in ("server", "consumer")
        }
        answered = set()
        calls: defaultdict[tuple[str, str, bool], list[Row]] = defaultdict(list)
        for row in self.window(start, end):
            name = peer(row)
            system = first_text(row, "db.system.name", "db.system")
            if name:
                calls[service(row), name, bool(system)].append(row)
                if (row["trace_id"], row["span_id"]) in answering:
                    answered.add(name)
        return [
            BackendStatistics(*call, statistics(rows))
            for call, rows in calls.items()
            if call[1] not in answered
        ]

    async def service_statistics(self, start: int, end: int) -> dict[str, ServiceStatistics]:
        return {
            name: ServiceStatistics(
                len(rows),
                statistics(requests_of(rows)),
                max(row["start_time_unix_nano"] for row in rows),
            )
            for name, rows in self.by_service(start, end).items()
        }

    async def request_counts(self, start: int, end: int, parts: int) -> dict[str, list[int]]:
        width = max(math.ceil((end - start) / parts), 1)
        counts = {}
        for name, rows in self.by_service(start, end).items():
            if requests := requests_of(rows):
                counts[name] = [len(part) for part in steps(requests, start, width, parts)]
        return counts

    async def operation_statistics(
        self, name: str, kind: str, start: int, end: int, limit: int
    ) -> list[OperationStatistics]:
        operations: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self.by_service(start, end)[name]:
            if kind in ("", row["kind"]):
                operations[span_name(row), kind_of(row)].append(row)
        found = []
        for operation, rows in operations.items():
            failed = [row for row in rows if row["status_code"] == "error"]
            newest = max(failed, key=lambda row: row["start_time_unix_nano"], default=None)
            slowest = reference(max(rows, key=duration))
            newest_failed = reference(newest) if newest else None
            found.append(OperationStatistics(*operation, statistics(rows), slowest, newest_failed))
        found.sort(key=lambda one: (-one.calls.total_nanos, one.name, KIND_ORDER.index(one.kind)))
        return found[:limit]

    async def exception_statistics(
        self, name: str, operation: str, kind: str, start: int, end: int, limit: int
    ) -> tuple[list[ExceptionStatistics], int]:
        alike: defaultdict[tuple[str, str], set[tuple[int, bytes, str]]] = defaultdict(set)
        for row in self.by_service(start, end)[name]:
            if operation in ("", span_name(row)) and kind in ("", row["kind"]):
                for type_, message in exceptions_of(row):
                    told = (start_of(row), b"".join(reference(row)), message)
                    alike[type_, without_numbers(message)].add(told)
        found = []
        for (type_, _), spans in alike.items():
            last, newest, message = max(spans)
            messages = len({message for _, _, message in spans})
            count = len({ids for _, ids, _ in spans})
            newest_span = SpanReference.of(newest)
            found.append(ExceptionStatistics(type_, message, messages, count, last, newest_span))
        found.sort(key=lambda one: (-one.spans, -one.last_start_unix_nano, one.type))
        return found[:limit], start

    async def step_statistics(
        self, name: str, operation: str, kind: str, start: int, end: int, step_nanos: int
    ) -> list[SpanStatistics]:
        rows = self.by_service(start, end)[name]
        if operation or kind:
            rows = [row for row in rows if operation in ("", span_name(row))]
            rows = [row for row in rows if kind in ("", row["kind"])]
        else:
            rows = requests_of(rows)
        count = max(math.ceil((end - start) / step_nanos), 1)
        return [statistics(step) for step in steps(rows, start, step_nanos, count)]

    async def operation_step_statistics(
        self,
        name: str,
        kinds: Sequence[str],
        start: int,
        end: int,
        step_nanos: int,
        *,
        by_operation: bool,
    ) -> dict[str, list[SpanStatistics]]:
        operations: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.by_service(start, end)[name]:
            if row["kind"] in kinds:
                operations[span_name(row) if by_operation else ""].append(row)
        count = max(math.ceil((end - start) / step_nanos), 1)
        return {
            operation: [statistics(step) for step in steps(rows, start, step_nanos, count)]
            for operation, rows in operations.items()
        }

    async def seen_resources(self, start: int, end: int, name: str = "") -> list[SeenResource]:
        seen: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for row in self.window(start, end):
            if name in ("", service(row)):
                version, language, sdk = (
                    text(row["resource"].get(key, ""))
                    for key in (
                        "service.version",
                        "telemetry.sdk.language",
                        "telemetry.sdk.version",
                    )
                )
                told = (service(row), version, f"{language} {sdk}".strip())
                seen[told].append(row["start_time_unix_nano"])
        return [SeenResource(*told, min(starts), max(starts)) for told, starts in seen.items()]

    async def last_starts(self, services: Sequence[str], before: int) -> dict[str, int]:
        found = self.by_service(0, before)
        return {
            name: max(row["start_time_unix_nano"] for row in found[name])
            for name in services
            if name in found
        }

    def window(self, start: int, end: int) -> list[Row]:
        return [row for row in self.rows() if start <= row["start_time_unix_nano"] <= end]

    def by_service(self, start: int, end: int) -> defaultdict[str, list[Row]]:
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.window(start, end):
            found[service(row)].append(row)
        return found


def exceptions_of(row: Row) -> Iterator[tuple[str, str]]:
    """Type and message of each exception a span records, if it has any of both."""
    for event in row["events"]:
        if event["name"] == "exception":
            told = [event["attributes"].get(f"exception.{key}", "") for key in ("type", "message")]
            type_, message = (one if isinstance(one, str) else "" for one in told)
            if type_ or message:
                yield type_, message


def without_numbers(message: str) -> str:
    return re.sub("[0-9A-Fa-f-]*[0-9][0-9A-Fa-f-]*", "0", message)


def reference(row: Row) -> SpanReference:
    return SpanReference(bytes.fromhex(row["trace_id"]), bytes.fromhex(row["span_id"]))


def requests_of(rows: list[Row]) -> list[Row]:
    requests = [row for row in rows if row["kind"] in ("server", "consumer")]
    return requests or [row for row in rows if not row["parent_span_id"].strip("0")]


def steps(rows: list[Row], start: int, step_nanos: int, count: int) -> list[list[Row]]:
    found: list[list[Row]] = [[] for _ in range(count)]
    for row in rows:
        found[min((row["start_time_unix_nano"] - start) // step_nanos, count - 1)].append(row)
    return found


def statistics(rows: list[Row]) -> SpanStatistics:
    """With a class for each duration, so that quantiles are exact."""
    found = SpanStatistics()
    for row in rows:
        nanos = duration(row)
        found.add(nanos, 1, row["status_code"] == "error", nanos, nanos, nanos)
    return found


def _failed(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["status_code"] == "error"]


def _values(row: Row, level: Level, name: str) -> list[str]:
    if level == "field":
        fields = {
            "service": [service(row)],
            "operation": [span_name(row)],
            "kind": [row["kind"]],
            "status": [row["status_code"]],
            "peer": [peer(row)],
        }
        return fields.get(name, [])
    searched = ("span", "resource") if level == "any" else (level,)
    return [
        value
        for found, attributes in levels(row)
        if found in searched
        for value in texts(attributes, name)
    ]


def levels(row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """The attributes of a span, each with its level; but a scope's, which rows do not have."""
    yield "span", row["attributes"]
    yield "resource", row["resource"]
    yield from (("event", event["attributes"]) for event in row["events"])
    yield from (("link", link["attributes"]) for link in row["links"])


def service(row: Row) -> str:
    match row["resource"].get("service.name", None):
        case None if "service.name" not in row["resource"]:
            return "missing-service-name"
        case "":
            return "empty-service-name"
        case str(name):
            return name
    return "service-name-wrong-type"


def peer(row: Row) -> str:
    if row["kind"] != "client":
        return ""
    system = ("db.system.name", "db.system")
    return first_text(row, "peer.service", "server.address", "net.peer.name", *system)


def first_text(row: Row, *keys: str) -> str:
    told = {key: text(value) for key, value in row["attributes"].items()}
    return next((told[key] for key in keys if told.get(key)), "")


def span_name(row: Row) -> str:
    return row["name"] or "empty-span-name"


def kind_of(row: Row) -> str:
    return "" if row["kind"] == "unspecified" else row["kind"]


def start_of(row: Row) -> int:
    return int(row["start_time_unix_nano"])


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
