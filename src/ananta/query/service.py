"""`QueryService`: what the faces of the API ask, and the promise that the answer is up to date.

Before every read the store's writer is asked to deliver what is pending, so that an answer covers
each span acknowledged before the question. A search finds matching spans first and then reads
their traces whole.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ananta.errors import RetryableError
from ananta.model.filter import EVENT_NAME, FIELDS
from ananta.query import listing, rates, related, services
from ananta.query.answers import AttributeValue
from ananta.query.language import look_up
from ananta.query.service_map import service_map
from ananta.query.time_steps import time_steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from ananta._native import TraceChoice
    from ananta.model import SpanBatch
    from ananta.model.filter import Level
    from ananta.model.statistics import (
        BackendStatistics,
        CallStatistics,
        ExceptionStatistics,
        OperationStatistics,
        SeenResource,
        ServiceStatistics,
        SpanStatistics,
    )
    from ananta.query.answers import (
        AttributeKey,
        Histogram,
        LinkingSpan,
        OperationOverview,
        RootOperation,
        ServiceExceptions,
        ServiceMap,
        ServiceMetrics,
        ServiceOverview,
        TraceList,
        TraceSummary,
        TypicalTrace,
    )
    from ananta.query.rates import RateQuery, ServiceRate
    from ananta.query.trace_query import TraceQuery
    from ananta.store.histogram import SpanCounts
    from ananta.store.summaries import Order, RootCount, Summary

FLUSH_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class FoundTraces:
    """The answer to a search.

    Attributes:
        trace_ids: 16 bytes each, the newest trace first.
        truncated: whether more traces match than were asked for.
    """

    trace_ids: list[bytes]
    truncated: bool


class TraceReader(Protocol):
    """What is read from the store; `ananta.store.reader` answers it."""

    async def services(self) -> list[str]:
        """Names of all services."""

    async def operations(self, service: str, kind: str | None = None) -> list[tuple[str, str]]:
        """Span names of a service with their kinds, of one kind or all."""

    async def count_stored_spans(self) -> int:
        """How many spans are stored."""

    async def find_trace_ids(self, query: TraceQuery, limit: int) -> list[bytes]:
        """Ids of the newest traces with a span that matches."""

    async def find_traces(self, query: TraceQuery, order: Order, limit: int) -> list[bytes]:
        """Ids of the traces with a span that matches that come first in this order."""

    async def summarize_traces(self, trace_ids: Sequence[bytes]) -> list[Summary]:
        """Whole traces in a line each, in this order; unknown traces are left out."""

    async def count_roots(self, query: TraceQuery) -> list[RootCount]:
        """Traces that match, by the operation they begin with, most traces first."""

    async def count_cells(self, query: TraceQuery, begin: int, step: int) -> SpanCounts:
        """Spans that match, by time and duration; when time begins and its step, nanoseconds."""

    async def attribute_keys(self, text: str, service: str, limit: int) -> list[tuple[str, str]]:
        """Level and key of attributes whose key has this text, of a service or all ("")."""

    async def attribute_values(
        self, level: Level, name: str, query: TraceQuery, text: str, limit: int
    ) -> list[tuple[str, int]]:
        """The most frequent values that have this text, and how many new spans have them."""

    async def read_traces(self, trace_ids: Sequence[bytes]) -> SpanBatch:
        """All spans of these traces."""

    async def read_trace(
        self, trace_id: bytes, limit: int, root: bytes | None = None
    ) -> tuple[SpanBatch, TraceChoice | None]:
        """A trace whole or, with more spans than `limit`, the chosen spans and the choice."""

    def read_trace_parts(self, trace_id: bytes) -> AsyncIterator[SpanBatch]:
        """All spans of a trace, in batches of bounded size."""

    async def root_of(self, trace_id: bytes) -> tuple[str, str, int, int] | None:
        """Service, operation, start and duration (ns) of a trace's first root, if it has one."""

    async def find_roots(self, query: TraceQuery, limit: int) -> list[tuple[bytes, int]]:
        """Trace id and duration (ns) of the newest roots that match."""

    async def find_links_to(
        self, trace_id: bytes, limit: int
    ) -> list[tuple[bytes, bytes, bytes, str, str, int]]:
        """Trace id, span id, linked span, service, operation and start of spans with a link."""

    async def dependencies(self, start: int, end: int) -> list[tuple[str, str, int]]:
        """Calling service, called service and number of calls in a window of Unix nanoseconds."""

    async def call_statistics(self, start: int, end: int) -> list[CallStatistics]:
        """Calls and messages between services in a window of Unix nanoseconds."""

    async def backend_statistics(self, start: int, end: int) -> list[BackendStatistics]:
        """Calls in a window of Unix nanoseconds to what sends no spans."""

    async def service_statistics(self, start: int, end: int) -> dict[str, ServiceStatistics]:
        """What each service with spans in a window of Unix nanoseconds did."""

    async def request_counts(self, start: int, end: int, parts: int) -> dict[str, list[int]]:
        """Requests of each service in each of so many equal parts of a window, oldest first."""

    async def operation_statistics(
        self, service: str, kind: str, start: int, end: int, limit: int
    ) -> list[OperationStatistics]:
        """What operations of a service did in a window, those that took most time first."""

    async def exception_statistics(
        self, service: str, operation: str, kind: str, start: int, end: int, limit: int
    ) -> tuple[list[ExceptionStatistics], int]:
        """Exceptions in spans of a service, most spans first, and the first start counted."""

    async def step_statistics(
        self, service: str, operation: str, kind: str, start: int, end: int, step_nanos: int
    ) -> list[SpanStatistics]:
        """What a service, its spans of a name or kind, did in each step of a window."""

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

    async def seen_resources(self, start: int, end: int, service: str = "") -> list[SeenResource]:
        """Versions and SDKs that spans in a window came from, of one service or all."""

    async def last_starts(self, services: Sequence[str], before: int) -> dict[str, int]:
        """When the newest span of each service began, until `before`; unknown ones left out."""


class QueryService:
    """Questions to one store.

    Args:
        reader: gives the store's reader; raises `RetryableError` until the store has started.
        flush: delivers to the store what was accepted before the call.
    """

    def __init__(
        self, reader: Callable[[], TraceReader], flush: Callable[[], Awaitable[None]]
    ) -> None:
        self._reader = reader
        self._flush = flush

    async def services(self) -> list[str]:
        """Names of all services, sorted."""
        reader = await self._up_to_date()
        return sorted(await reader.services())

    async def operations(self, service: str, kind: str = "") -> list[tuple[str, str]]:
        """Span names of a service with their kinds, sorted; with `kind`, only of that one."""
        reader = await self._up_to_date()
        return sorted(await reader.operations(service, kind or None))

    async def count_stored_spans(self) -> int:
        """How many spans are stored now; what is pending is not waited for."""
        return await self._reader().count_stored_spans()

    async def search(self, query: TraceQuery) -> FoundTraces:
        """The newest traces that match; `read` reads them whole."""
        reader = await self._up_to_date()
        found = await reader.find_trace_ids(query, query.limit + 1)
        return FoundTraces(found[: query.limit], truncated=len(found) > query.limit)

    async def list_traces(self, query: TraceQuery, order: Order, offset: int) -> TraceList:
        """A page of `query.limit` traces that match, in an order, after the first `offset`."""
        reader = await self._up_to_date()
        found = await reader.find_traces(query, order, offset + query.limit + 1)
        page = found[offset : offset + query.limit]
        summaries = await reader.summarize_traces(page)
        if order == "newest" or order == "oldest":
            # Found by their matching spans; within a page in the order of what it shows.
            summaries = listing.newest_first(summaries)
            summaries = summaries if order == "newest" else summaries[::-1]
        return listing.trace_list(summaries, more=len(found) > offset + query.limit)

    async def summaries(self, trace_ids: Sequence[bytes]) -> list[TraceSummary]:
        """These traces, each in a line, the newest first; those not stored are left out."""
        reader = await self._up_to_date()
        found = await reader.summarize_traces(trace_ids)
        return [listing.trace_summary(one) for one in listing.newest_first(found)]

    async def histogram(self, query: TraceQuery, buckets: int) -> Histogram:
        """Spans that match by duration and in about `buckets` parts of the query's window."""
        reader = await self._up_to_date()
        start, end = query.start_time_min_unix_nano, query.start_time_max_unix_nano
        steps = time_steps(start, end, buckets)
        counts = await reader.count_cells(query, steps.begin, steps.step)
        return listing.histogram(counts, steps)

    async def root_operations(self, query: TraceQuery) -> list[RootOperation]:
        """Traces that match by the operation they begin with, most traces first."""
        reader = await self._up_to_date()
        return [listing.root_operation(count) for count in await reader.count_roots(query)]

    async def attribute_keys(self, text: str, service: str, limit: int) -> list[AttributeKey]:
        """Fields, `event` and attributes with a text in their name, those that begin with it first.

        With a service, the attributes that its newest spans have.
        """
        reader = await self._up_to_date()
        found = await reader.attribute_keys(text, service, limit)
        names = [*(("field", field) for field in FIELDS), ("event", EVENT_NAME)]
        named = [one for one in names if text.lower() in one[1]]
        return listing.attribute_keys([*named, *found], text)[:limit]

    async def attribute_values(
        self, name: str, query: TraceQuery, text: str
    ) -> list[AttributeValue]:
        """The `query.limit` most frequent values of a field or attribute among new spans.

        Args:
            name: as in the query language: `service`, `http.route`, `resource.host.name`.
            query: whose values.
            text: what values must have in them, in any case; those that begin with it come first.
        """
        reader = await self._up_to_date()
        level, key = look_up(name)
        values = await reader.attribute_values(level, key, query, text, query.limit)
        return [AttributeValue(value=value, spans=spans) for value, spans in values]

    async def read(
        self, trace_ids: Sequence[bytes], *, chunk: int = 100
    ) -> AsyncIterator[tuple[Sequence[bytes], SpanBatch]]:
        """Traces that were found, whole, a chunk at a time: nobody need hold all of them.

        Args:
            trace_ids: the traces; those nobody knows have no spans.
            chunk: most traces to read at once.

        Yields:
            the ids of a chunk and all spans of these traces.
        """
        reader = self._reader()
        for start in range(0, len(trace_ids), chunk):
            ids = trace_ids[start : start + chunk]
            yield ids, await reader.read_traces(ids)

    async def traces(
        self, trace_ids: Sequence[bytes]
    ) -> AsyncIterator[tuple[Sequence[bytes], SpanBatch]]:
        """As `read`, for ids that came from outside: what is pending is stored first."""
        await self._up_to_date()
        async for chunk in self.read(trace_ids):
            yield chunk

    async def trace(
        self, trace_id: bytes, limit: int, root: bytes | None = None
    ) -> tuple[SpanBatch, TraceChoice | None]:
        """One trace for a page that shows it; an unknown one has no spans.

        Args:
            trace_id: 16 bytes.
            limit: of a trace with more spans than this, about as many are chosen: the roots, errors
                with what is above them, then level by level what took longest.
            root: choose among the spans below this one alone.

        Returns:
            its spans, whole or chosen, and what was chosen; None where it is whole.
        """
        reader = await self._up_to_date()
        return await reader.read_trace(trace_id, limit, root)

    async def trace_parts(self, trace_id: bytes) -> AsyncIterator[SpanBatch]:
        """All spans of one trace, in batches of bounded size; none where it is unknown."""
        reader = await self._up_to_date()
        async for batch in reader.read_trace_parts(trace_id):
            yield batch

    async def typical(self, trace_id: bytes) -> TypicalTrace:
        """How the traces around this one went that begin with the same operation."""
        return await related.typical(await self._up_to_date(), trace_id)

    async def linked_from(self, trace_id: bytes) -> list[LinkingSpan]:
        """The newest spans of other traces with a link to this one, newest first."""
        return await related.linked_from(await self._up_to_date(), trace_id)

    async def dependencies(self, start: int, end: int) -> list[tuple[str, str, int]]:
        """Calls between services in a window of Unix nanoseconds, sorted, each pair once."""
        reader = await self._up_to_date()
        return sorted(await reader.dependencies(start, end))

    async def service_map(self, start: int, end: int, service: str = "") -> ServiceMap:
        """Who calls whom in a window of Unix nanoseconds; `service`: only who it deals with."""
        return await service_map(await self._up_to_date(), start, end, service)

    async def services_overview(self, start: int, end: int) -> list[ServiceOverview]:
        """Every service, sorted by name, and how it did in a window of Unix nanoseconds."""
        return await services.services_overview(await self._up_to_date(), start, end)

    async def operations_overview(
        self, service: str, kind: str, start: int, end: int
    ) -> list[OperationOverview]:
        """The operations of a service that took most time in a window of Unix nanoseconds.

        Args:
            service: its exact name.
            kind: of the spans, as in `filter.KINDS`; "" for all.
            start: first start of the spans.
            end: last start, inclusive.
        """
        reader = await self._up_to_date()
        found = await reader.operation_statistics(
            service, kind, start, end, services.MAX_OPERATIONS
        )
        return [services.operation_overview(operation) for operation in found]

    async def service_exceptions(
        self, service: str, operation: str, kind: str, start: int, end: int
    ) -> ServiceExceptions:
        """The exceptions recorded most often in spans of a service in a window.

        Args:
            service: its exact name.
            operation: exact name of the spans; "" for all.
            kind: of the spans, as in `filter.KINDS`; "" for all.
            start: first start of the spans in Unix nanoseconds.
            end: last start, inclusive.
        """
        reader = await self._up_to_date()
        found, counted_from = await reader.exception_statistics(
            service, operation, kind, start, end, services.MAX_EXCEPTIONS
        )
        return services.service_exceptions(found, counted_from)

    async def service_metrics(
        self, service: str, operation: str, kind: str, start: int, end: int, step_micros: int
    ) -> ServiceMetrics:
        """Rate, errors and durations of a service in the steps of a window.

        Args:
            service: its exact name.
            operation: exact name of the spans; "" for all, without `kind` for the requests.
            kind: of the spans, as in `filter.KINDS`; "" for all.
            start: first start of the spans in Unix nanoseconds; the first step begins there.
            end: last start, inclusive.
            step_micros: length of a step.
        """
        reader = await self._up_to_date()
        step_nanos = step_micros * 1_000
        steps, seen = await asyncio.gather(
            reader.step_statistics(service, operation, kind, start, end, step_nanos),
            reader.seen_resources(start, end, service),
        )
        return services.service_metrics(start, step_micros, steps, seen)

    async def rates(self, query: RateQuery) -> list[ServiceRate]:
        """What services, or their operations, did at points in time; the busiest ones first."""
        return await rates.find_rates(await self._up_to_date(), query)

    async def _up_to_date(self) -> TraceReader:
        """The reader, once all that was accepted before is stored; raises `RetryableError`."""
        reader = self._reader()
        try:
            await asyncio.wait_for(self._flush(), FLUSH_TIMEOUT_SECONDS)
        except TimeoutError:
            message = (
                f"the store did not take the pending spans within {FLUSH_TIMEOUT_SECONDS:.0f} s,"
                " so an answer would miss them; see the log for what keeps it"
            )
            raise RetryableError(message) from None
        return reader
