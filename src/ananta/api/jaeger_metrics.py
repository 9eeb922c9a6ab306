"""Jaeger's `/api/metrics/…`, which its monitor page reads: rates of services from their spans.

The answer is a metric family in the JSON form of OpenMetrics' protobuf, without the envelope of the
other routes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from ananta.api import parameters
from ananta.api.envelope import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from ananta.model.statistics import SpanStatistics
    from ananta.query import QueryService
    from ananta.query.rates import RateQuery, ServiceRate

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_A_NUMBER = "NaN"

Value = float | str


class JaegerMetrics:
    """The routes under `/api/metrics/`.

    Args:
        service: answers the questions.
    """

    def __init__(self, service: QueryService) -> None:
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """The three routes."""
        return [
            Route("/api/metrics/latencies", self._latencies),
            Route("/api/metrics/calls", self._calls),
            Route("/api/metrics/errors", self._errors),
        ]

    async def _latencies(self, request: Request) -> Response:
        hundredths = parameters.quantile(request.query_params)

        def milliseconds(point: SpanStatistics, _: float) -> Value:
            nanos = point.quantile_nanos(hundredths)
            return _NOT_A_NUMBER if nanos is None else nanos / 1_000_000

        about = f"Duration in milliseconds that {hundredths} % of the spans do not exceed"
        return await self._family(request, "latencies", about, milliseconds)

    async def _calls(self, request: Request) -> Response:
        def rate(point: SpanStatistics, seconds: float) -> Value:
            return point.spans / seconds

        return await self._family(request, "call_rate", "Spans a second", rate)

    async def _errors(self, request: Request) -> Response:
        def share(point: SpanStatistics, _: float) -> Value:
            return point.errors / point.spans if point.spans else _NOT_A_NUMBER

        about = "Share of the spans whose status is error, 0 to 1"
        return await self._family(request, "error_rate", about, share)

    async def _family(
        self,
        request: Request,
        name: str,
        about: str,
        value: Callable[[SpanStatistics, float], Value],
    ) -> Response:
        query = parameters.rates(request.query_params)
        family = {
            "name": f"service_{'operation_' if query.by_operation else ''}{name}",
            "type": "GAUGE",
            "help": f"{about}, by service{' and operation' if query.by_operation else ''}",
            "metrics": [
                {"labels": list(_labels(rate)), "metricPoints": list(_points(query, rate, value))}
                for rate in await self._service.rates(query)
            ],
        }
        return Response(compact(family), media_type="application/json")


def _labels(rate: ServiceRate) -> Iterator[dict[str, str]]:
    if rate.operation:
        yield {"name": "operation", "value": rate.operation}
    yield {"name": "service_name", "value": rate.service}


def _points(
    query: RateQuery, rate: ServiceRate, value: Callable[[SpanStatistics, float], Value]
) -> Iterator[dict[str, Any]]:
    seconds = query.steps * query.step_nanos / 1e9
    for number, point in enumerate(rate.points):
        at = _EPOCH + timedelta(microseconds=(query.start + number * query.step_nanos) // 1000)
        yield {
            "gaugeValue": {"doubleValue": value(point, seconds)},
            "timestamp": at.isoformat().replace("+00:00", "Z"),
        }
