"""Routes about how services do: their map, their operations, and their metrics over time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request  # noqa: TC002, FastAPI reads it

from ananta.api import parameters
from ananta.query import QueryService  # noqa: TC001, FastAPI reads it
from ananta.query.answers import (  # noqa: TC001, FastAPI reads them
    OperationOverview,
    ServiceExceptions,
    ServiceMap,
    ServiceMetrics,
    ServiceOverview,
)


def window_parameters(
    request: Request,
    start: Annotated[
        str, Query(description="First start of spans, µs since 1970; an hour before `end`.")
    ] = "",
    end: Annotated[str, Query(description="Last start, µs since 1970; now unless said.")] = "",
) -> tuple[int, int]:
    """First and last Unix nanosecond; the arguments are their description."""
    del start, end
    return parameters.window(request.query_params)


def kind_parameter(
    request: Request,
    kind: Annotated[str, Query(description="Kind of the spans: `server`; all unless said.")] = "",
) -> str:
    """The kind of spans, or empty; the argument is its description."""
    del kind
    return parameters.kind(request.query_params)


Window = Annotated[tuple[int, int], Depends(window_parameters)]
Kind = Annotated[str, Depends(kind_parameter)]
ServiceName = Annotated[
    str, Query(alias="service", min_length=1, description="Exact name of the service.")
]


def router(service: QueryService) -> APIRouter:
    """The routes, answered by `service`."""
    routes = APIRouter(tags=["services"])

    @routes.get("/service-map")
    async def service_map(
        window: Window,
        name: Annotated[
            str, Query(alias="service", description="Only who calls it and whom it calls.")
        ] = "",
    ) -> ServiceMap:
        """Who calls whom."""
        return await service.service_map(*window, name)

    @routes.get("/services/overview")
    async def overview(window: Window) -> list[ServiceOverview]:
        """How each service does, sorted by name; those without spans in the window, too."""
        return await service.services_overview(*window)

    @routes.get("/services/operations")
    async def operations(name: ServiceName, kind: Kind, window: Window) -> list[OperationOverview]:
        """The 500 operations of a service that took most time, the heaviest first."""
        return await service.operations_overview(name, kind, *window)

    @routes.get("/services/exceptions")
    async def exceptions(
        name: ServiceName,
        kind: Kind,
        window: Window,
        operation: Annotated[
            str, Query(description="Exact name of the spans; all unless said.")
        ] = "",
    ) -> ServiceExceptions:
        """The 20 exceptions recorded in most spans of a service, told apart by type and message.

        Messages that differ in numbers alone count as one. Of more than 100,000 spans with
        exceptions the newest are counted.
        """
        return await service.service_exceptions(name, operation, kind, *window)

    @routes.get("/services/metrics")
    async def metrics(
        request: Request,
        name: ServiceName,
        kind: Kind,
        window: Window,
        operation: Annotated[
            str, Query(description="Exact name of the spans; the service's requests unless said.")
        ] = "",
        step: Annotated[
            str, Query(description="Length of a step in µs; unless said, about 60 make the window.")
        ] = "",
    ) -> ServiceMetrics:
        """Rate, errors and durations over time, at most 500 steps, and when versions began."""
        del step
        step_micros = parameters.step(request.query_params, *window)
        return await service.service_metrics(name, operation, kind, *window, step_micros)

    return routes
