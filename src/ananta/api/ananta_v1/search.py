"""Routes about finding traces, and about what they can be found by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request  # noqa: TC002, FastAPI reads it

from ananta.api import parameters
from ananta.query import QueryService, TraceQuery
from ananta.query.answers import (
    AttributeKey,
    AttributeValue,
    Histogram,
    Operation,
    RootOperation,
    TraceList,
    TraceSummary,
)
from ananta.store.summaries import Order  # noqa: TC001, FastAPI reads it

MAX_OFFSET = 10_000
MAX_BUCKETS = 200
MAX_KEYS = 1_000


def search_parameters(
    request: Request,
    q: Annotated[str, Query(description="A line of the query language.")] = "",
    service: Annotated[str, Query(description="Exact name of the service.")] = "",
    operation: Annotated[str, Query(description="Exact name of the span.")] = "",
    tags: Annotated[str, Query(description='Attributes, as `{"key":"value"}`.')] = "",
    min_duration: Annotated[
        str, Query(alias="minDuration", description="Shortest duration of the span: `1.2s`.")
    ] = "",
    max_duration: Annotated[
        str, Query(alias="maxDuration", description="Longest duration of the span.")
    ] = "",
    start: Annotated[
        str, Query(description="First start of the span, µs since 1970; 48 hours ago unless said.")
    ] = "",
    end: Annotated[str, Query(description="Last start, µs since 1970; now unless said.")] = "",
    limit: Annotated[str, Query(description="Most to return; 100 unless said.")] = "",
) -> TraceQuery:
    """The same parameters as those of `GET /api/traces`; the arguments are their description."""
    del q, service, operation, tags, min_duration, max_duration, start, end, limit
    return parameters.search(request.query_params)


Search = Annotated[TraceQuery, Depends(search_parameters)]


def router(service: QueryService) -> APIRouter:
    """The routes, answered by `service`."""
    routes = APIRouter(tags=["search"])

    @routes.get("/services")
    async def services() -> list[str]:
        """Names of all services, sorted."""
        return await service.services()

    @routes.get("/operations")
    async def operations(
        name: Annotated[str, Query(alias="service", description="Exact name of the service.")],
    ) -> list[Operation]:
        """Operations of a service, sorted by name and kind."""
        return [Operation(name=name, kind=kind) for name, kind in await service.operations(name)]

    @routes.get("/search")
    async def search(
        query: Search,
        order: Annotated[
            Order, Query(description="What comes first, of all traces that match.")
        ] = "newest",
        offset: Annotated[
            int, Query(ge=0, le=MAX_OFFSET, description="How many traces to pass over.")
        ] = 0,
    ) -> TraceList:
        """Traces with a span that matches, a line each, of the whole trace."""
        return await service.list_traces(query, order, offset)

    @routes.get("/traces")
    async def summaries(
        request: Request,
        trace_ids: Annotated[
            list[str], Query(alias="traceID", description="Up to 32 hexadecimal digits; repeat it.")
        ],
    ) -> list[TraceSummary]:
        """Traces by their ids, a line each, the newest first; those not stored are left out."""
        del trace_ids
        return await service.summaries(parameters.trace_ids(request.query_params))

    @routes.get("/histogram")
    async def histogram(
        query: Search,
        buckets: Annotated[
            int, Query(ge=1, le=MAX_BUCKETS, description="About how many buckets of time.")
        ] = 60,
    ) -> Histogram:
        """All spans that match, counted by time and duration, whatever the `limit`."""
        return await service.histogram(query, buckets)

    @routes.get("/root-operations")
    async def root_operations(query: Search) -> list[RootOperation]:
        """All traces that match by the operation they begin with, most traces first, 200 lines."""
        return await service.root_operations(query)

    @routes.get("/attributes/keys")
    async def attribute_keys(
        prefix: Annotated[str, Query(description="Text the key has, in any case.")] = "",
        of_service: Annotated[
            str, Query(alias="service", description="Only keys its newest spans have.")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_KEYS, description="Most to return.")] = 100,
    ) -> list[AttributeKey]:
        """Names that can be searched for, first those that begin with `prefix`."""
        return await service.attribute_keys(prefix, of_service, limit)

    @routes.get("/attributes/values")
    async def attribute_values(
        query: Search,
        key: Annotated[
            str, Query(min_length=1, description="A name of the query language: `http.route`.")
        ],
        prefix: Annotated[str, Query(description="Text the value has, in any case.")] = "",
    ) -> list[AttributeValue]:
        """Values of a field or attribute among the 100,000 newest spans that match."""
        return await service.attribute_values(key, query, prefix)

    return routes
