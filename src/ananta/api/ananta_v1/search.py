"""Routes about finding traces, and about what they can be found by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request  # noqa: TC002, FastAPI reads it

from ananta.api import parameters
from ananta.query import QueryService, TraceQuery
from ananta.query.answers import Operation


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
    limit: Annotated[str, Query(description="Most traces to return; 100 unless said.")] = "",
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

    return routes
