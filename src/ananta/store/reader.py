"""Finding traces and reading them.

A search asks `postings` for the places that may hold matching spans, newest first, then tests the
spans there, a few places first and more while too few traces are found. Spans of a trace are found
the same way: a trace id is a term like any other.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from ananta._native import common_places, read_spans
from ananta.model import SpanBatch
from ananta.model.filter import KINDS
from ananta.model.statistics import BackendStatistics, CallStatistics
from ananta.store import service_metrics, traces
from ananta.store.attributes import find_keys, find_values
from ananta.store.backends import count_backends
from ananta.store.conditions import any_token, exception_clause, link_clause, trace_token
from ananta.store.connection import quote, text_of
from ananta.store.dependencies import count_calls
from ananta.store.exceptions import count_exceptions
from ananta.store.histogram import count_cells
from ananta.store.search import clauses, filter_spans, minute_of, minute_of_place, place_of
from ananta.store.service_metrics import Window
from ananta.store.summaries import count_roots, rank, summarize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from ananta._native import TraceChoice
    from ananta.model.filter import Level
    from ananta.model.statistics import (
        ExceptionStatistics,
        OperationStatistics,
        SeenResource,
        ServiceStatistics,
        SpanStatistics,
    )
    from ananta.store.conditions import Clause, Origin
    from ananta.store.connection import Database
    from ananta.store.histogram import SpanCounts
    from ananta.store.search import Place, TraceFilter
    from ananta.store.summaries import Order, RootCount, Summary

# Places tested first for each trace that is wanted; how many times more if these had too few.
_FIRST_PLACES = 1.1
_MORE_PLACES = 4
_LAST_MINUTE = 2**32 - 1

T = TypeVar("T")

_SPAN_COLUMNS = """trace_id, span_id, parent_span_id, presence, start_time_unix_nano, duration_nano,
 name, kind, status_code, flags, attribute_keys, attribute_types, attribute_values, resource, scope,
 rest"""


class Reader:
    """Answers questions about the spans in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def services(self) -> list[str]:
        """Names of all services."""
        rows = await self._database.rows(
            f"SELECT DISTINCT service FROM {self._table('operations')}"
        )
        return [text_of(service) for (service,) in rows]

    async def operations(self, service: str, kind: str | None = None) -> list[tuple[str, str]]:
        """Span names of a service with their kinds, of one kind or all.

        Kinds are named in lower case; "" is unspecified, and any number OTLP does not name.
        """
        rows = await self._database.rows(
            f"SELECT DISTINCT name, kind FROM {self._table('operations')}"
            f" WHERE service = {quote(service)}"
        )
        found = {
            (text_of(name), KINDS[number] if 0 < number < len(KINDS) else "")
            for name, number in rows
        }
        return [operation for operation in found if kind is None or operation[1] == kind]

    async def count_stored_spans(self) -> int:
        """How many spans are stored; the engine knows without reading them."""
        ((spans,),) = await self._database.rows(f"SELECT count() FROM {self._table('spans')}")
        return int(spans)

    async def find_trace_ids(
        self, query: TraceFilter, limit: int, *, oldest: bool = False
    ) -> list[bytes]:
        """Ids of the `limit` traces whose matching spans are newest, or oldest; these first."""
        parts = clauses(query, self._database)
        places, origins = await self._places(parts, query)
        if oldest:
            places.reverse()
        first, direction = ("min", "ASC") if oldest else ("max", "DESC")
        found: dict[bytes, int] = {}
        # The more terms are searched for, the more places have all of them, but not in one span.
        terms = sum(1 for part in parts if part.tokens) or 1
        for chunk in _chunks(places, math.ceil(limit * terms * _FIRST_PLACES)):
            sql = (
                f"SELECT trace_id, {first}(start_time_unix_nano) AS start"
                f" FROM {self._table('spans')}"
                f" {filter_spans(chunk, parts, origins, self._database)}"
                f" GROUP BY trace_id ORDER BY start {direction}, trace_id"
                f" LIMIT {limit + len(found)}"
            )
            for trace_id, start in await self._database.rows(sql):
                found.setdefault(trace_id, start)
            if len(found) >= limit:
                break
        sign = 1 if oldest else -1
        return sorted(found, key=lambda trace_id: (sign * found[trace_id], trace_id))[:limit]

    async def find_traces(self, query: TraceFilter, order: Order, limit: int) -> list[bytes]:
        """Ids of the `limit` traces that match and come first in this order."""
        if order == "newest" or order == "oldest":
            return await self.find_trace_ids(query, limit, oldest=order == "oldest")
        return await rank(self, self._database, query, order, limit)

    async def summarize_traces(self, trace_ids: Sequence[bytes]) -> list[Summary]:
        """Whole traces in a line each, in this order; unknown traces are left out."""
        return await summarize(self, self._database, trace_ids)

    async def count_roots(self, query: TraceFilter) -> list[RootCount]:
        """Traces that match, by the operation they begin with: those with the most traces."""
        return await count_roots(self, self._database, query)

    async def count_cells(self, query: TraceFilter, begin: int, step: int) -> SpanCounts:
        """Spans that match, by time and duration; nanoseconds, as `histogram.count_cells`."""
        return await count_cells(self, self._database, query, begin, step)

    async def attribute_keys(self, text: str, service: str, limit: int) -> list[tuple[str, str]]:
        """Level and key of attributes whose key has this text, of a service or all ("")."""
        return await find_keys(self, self._database, text, service, limit)

    async def attribute_values(
        self, level: Level, name: str, query: TraceFilter, text: str, limit: int
    ) -> list[tuple[str, int]]:
        """The most frequent values that have this text, and how many new spans have them."""
        return await find_values(self, self._database, level, name, query, text, limit)

    async def where_spans_match(
        self, query: TraceFilter, *, has_exception: bool = False
    ) -> str | None:
        """The end of a statement on `spans`: those that match; None where none can be.

        With `has_exception` those of them that record an exception.
        """
        parts = clauses(query, self._database)
        if has_exception:
            parts.append(exception_clause())
        places, origins = await self._places(parts, query)
        return filter_spans(places, parts, origins, self._database) if places else None

    async def where_spans_link_to(self, trace_id: bytes) -> str | None:
        """The end of a statement on `spans`: those of other traces with a link to this one."""
        parts = [link_clause(trace_id)]
        places, _ = await self._places(parts)
        return filter_spans(places, parts, (), self._database) if places else None

    async def _places(
        self, parts: Sequence[Clause], query: TraceFilter | None = None
    ) -> tuple[list[Place], set[Origin]]:
        """Where all parts may hold, newest first, and which of their origins spans may have.

        Only the time of `query` counts; without one it is all time.
        """
        choices = [part.tokens for part in parts if part.tokens] or [(any_token(),)]
        origins = {origin.token: origin for part in parts for origin in part.origins}
        listed = ", ".join(map(str, {*origins, *(token for choice in choices for token in choice)}))
        sql = f"SELECT token, places FROM {self._table('postings')} WHERE token IN ({listed})"
        first = minute_of(query.start_time_min_unix_nano) if query else 0
        last = minute_of(query.start_time_max_unix_nano) if query else _LAST_MINUTE
        places, present = common_places(await self._database.query(sql), choices, first, last)
        return places, {origins[token] for token in present if token in origins}

    async def read_traces(self, trace_ids: Sequence[bytes]) -> SpanBatch:
        """All spans of these traces; unknown traces have none."""
        where = await self.where_traces_are(trace_ids)
        if where is None:
            return SpanBatch.concat([])
        return await self.read_spans(f"PREWHERE {where}")

    async def read_spans(self, *conditions: str) -> SpanBatch:
        """The spans that each of these ends of a statement selects, one after the other."""
        answers = [
            await self._database.query(
                f"SELECT {_SPAN_COLUMNS} FROM {self._table('spans')} {condition}"
            )
            for condition in conditions
        ]
        return await asyncio.to_thread(read_spans, answers)

    async def read_trace(
        self, trace_id: bytes, limit: int, root: bytes | None = None
    ) -> tuple[SpanBatch, TraceChoice | None]:
        """A trace whole or, with more spans than `limit`, the chosen spans and the choice."""
        return await traces.read_trace(self, self._database, trace_id, limit, root)

    def read_trace_parts(self, trace_id: bytes) -> AsyncIterator[SpanBatch]:
        """All spans of a trace, in batches of bounded size; of an unknown trace none."""
        return traces.read_parts(self, self._database, trace_id)

    async def root_of(self, trace_id: bytes) -> tuple[str, str, int, int] | None:
        """Service, operation, start and duration (ns) of a trace's first root, if it has one."""
        return await traces.root_of(self, self._database, trace_id)

    async def find_roots(self, query: TraceFilter, limit: int) -> list[tuple[bytes, int]]:
        """Trace id and duration (ns) of the newest roots that match, one a trace."""
        return await traces.find_roots(self, self._database, query, limit)

    async def find_links_to(self, trace_id: bytes, limit: int) -> list[traces.Link]:
        """The newest spans of other traces with a link to this one, newest first."""
        return await traces.find_links_to(self, trace_id, limit)

    async def services_of_spans(
        self, trace_ids: Iterable[bytes]
    ) -> dict[tuple[bytes, bytes], bytes]:
        """The service of each span of these traces, by trace id and span id."""
        where = await self.where_traces_are(trace_ids)
        if where is None:
            return {}
        rows = await self._database.rows(
            f"SELECT trace_id, span_id, service FROM {self._table('spans')} PREWHERE {where}"
        )
        return {(trace_id, span_id): service for trace_id, span_id, service in rows}

    async def where_traces_are(self, trace_ids: Iterable[bytes]) -> str | None:
        """SQL: a row of `spans` belongs to one of these traces; None where none is known."""
        tokens: dict[int, list[bytes]] = {}
        for trace_id in trace_ids:
            tokens.setdefault(trace_token(trace_id), []).append(trace_id)
        if not tokens:
            return None
        rows = await self._database.rows(
            f"SELECT token, places FROM {self._table('postings')}"
            f" WHERE token IN ({', '.join(map(str, tokens))})"
        )
        keys = {
            f"({place_of(minute_of_place(place), trace_id)}, {quote(trace_id)})"
            for token, places in rows
            for place in places
            for trace_id in tokens[token]
        }
        return f"(place, trace_id) IN ({', '.join(keys)})" if keys else None

    async def dependencies(self, start: int, end: int) -> list[tuple[str, str, int]]:
        """Calling service, called service and number of calls in a window of Unix nanoseconds."""
        found = await count_calls(self, self._database, Window(start, end), messages=False)
        calls: Counter[tuple[str, str]] = Counter()
        for call, statistics in found.items():
            calls[text_of(call.caller), text_of(call.callee)] += statistics.spans
        return [(caller, callee, count) for (caller, callee), count in calls.items()]

    async def call_statistics(self, start: int, end: int) -> list[CallStatistics]:
        """Calls and messages between services in a window of Unix nanoseconds."""
        found = await count_calls(self, self._database, Window(start, end), messages=True)
        return [
            CallStatistics(text_of(caller), text_of(callee), is_request, is_message, statistics)
            for (caller, callee, is_request, is_message), statistics in found.items()
        ]

    async def backend_statistics(self, start: int, end: int) -> list[BackendStatistics]:
        """Calls in a window of Unix nanoseconds to what sends no spans."""
        found = await count_backends(self._database, Window(start, end))
        return [
            BackendStatistics(text_of(caller), text_of(name), is_database, statistics)
            for (caller, (name, is_database)), statistics in found.items()
        ]

    async def service_statistics(self, start: int, end: int) -> dict[str, ServiceStatistics]:
        """What each service with spans in a window of Unix nanoseconds did."""
        found = await service_metrics.count_services(self._database, Window(start, end))
        return _by_text(found)

    async def request_counts(self, start: int, end: int, parts: int) -> dict[str, list[int]]:
        """Requests of each service in each of so many equal parts of a window, oldest first."""
        window = Window(start, end)
        return _by_text(await service_metrics.count_requests(self._database, window, parts))

    async def operation_statistics(
        self, service: str, kind: str, start: int, end: int, limit: int
    ) -> list[OperationStatistics]:
        """What operations of a service did in a window, those that took most time first."""
        window = Window(start, end)
        return await service_metrics.count_operations(self._database, window, service, kind, limit)

    async def exception_statistics(
        self, service: str, operation: str, kind: str, start: int, end: int, limit: int
    ) -> tuple[list[ExceptionStatistics], int]:
        """Exceptions in spans of a service, most spans first, and the first start counted."""
        window = Window(start, end)
        return await count_exceptions(self, self._database, window, service, operation, kind, limit)

    async def step_statistics(
        self, service: str, operation: str, kind: str, start: int, end: int, step_nanos: int
    ) -> list[SpanStatistics]:
        """What a service, its spans of a name or kind, did in each step of a window."""
        return await service_metrics.count_steps(
            self._database, Window(start, end), service, operation, kind, step_nanos
        )

    async def operation_step_statistics(
        self,
        service: str,
        kinds: Sequence[str],
        start: int,
        end: int,
        step_nanos: int,
        *,
        by_operation: bool,
    ) -> dict[str, list[SpanStatistics]]:
        """What a service did in each step of a window, by operation or all under an empty name."""
        found = await service_metrics.count_operation_steps(
            self._database,
            Window(start, end),
            service,
            kinds,
            step_nanos,
            by_operation=by_operation,
        )
        return _by_text(found)

    async def seen_resources(self, start: int, end: int, service: str = "") -> list[SeenResource]:
        """Versions and SDKs that spans in a window came from, of one service or all."""
        window = Window(start, end)
        return await service_metrics.seen_resources(self._database, window, service)

    async def last_starts(self, services: Sequence[str], before: int) -> dict[str, int]:
        """When the newest span of each service began, until `before`; unknown ones left out."""
        names = [service.encode() for service in services]
        return _by_text(await service_metrics.last_starts(self._database, names, before))

    def _table(self, name: str) -> str:
        return self._database.table(name)


def _chunks(places: list[Place], size: int) -> Iterator[list[Place]]:
    """Places in growing chunks of whole minutes, so that what is found in one comes first."""
    start = 0
    while start < len(places):
        end = min(start + size, len(places))
        minute = _minute(places[end - 1])
        while end < len(places) and _minute(places[end]) == minute:
            end += 1
        yield places[start:end]
        start, size = end, size * _MORE_PLACES


def _minute(place: Place) -> int:
    return minute_of_place(place[0])


def _by_text(values: Mapping[bytes, T]) -> dict[str, T]:
    return {text_of(name): value for name, value in values.items()}
