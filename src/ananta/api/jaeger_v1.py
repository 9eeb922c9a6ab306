"""Jaeger's v1 HTTP API as of 2.20: what Grafana, older UIs and scripts speak.

Deviations are listed in docs/api.md: `service` may be left out of a search, a cut result says so,
and names with a plus sign are found.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_plus

from starlette.routing import BaseRoute, Mount, Route

from ananta._native import jaeger_traces, jaeger_transform
from ananta.api import parameters
from ananta.api.envelope import compact, failure, not_found, success
from ananta.api.jaeger_metrics import JaegerMetrics
from ananta.api.parameters import ParameterError, first
from ananta.errors import DecodeError, RetryableError
from ananta.model import SpanBatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from ananta.query import QueryService

_log = logging.getLogger(__name__)


class JaegerV1:
    """The routes under `/api/`.

    Args:
        service: answers the questions.
        max_clock_skew_seconds: how far timestamps may be moved to lie inside their parents.
        max_body_bytes: largest request body taken.
        max_response_bytes: size at which an answer is cut after a whole trace.
    """

    def __init__(
        self,
        service: QueryService,
        *,
        max_clock_skew_seconds: float = 0.0,
        max_body_bytes: int = 20 * 2**20,
        max_response_bytes: int = 128 * 2**20,
    ) -> None:
        self._service = service
        self._max_clock_skew_seconds = max_clock_skew_seconds
        self._max_body_bytes = max_body_bytes
        self._max_response_bytes = max_response_bytes

    def routes(self) -> list[BaseRoute]:
        """All routes; a path or method that is not there is answered 404, as Jaeger does."""
        return [
            Route("/api/services", self._services),
            Route("/api/services/{service:path}/operations", self._operation_names),
            Route("/api/operations", self._operations),
            Route("/api/traces", self._search),
            Route("/api/traces/{trace_id:path}", self._trace),
            Route("/api/archive/{trace_id:path}", self._archive, methods=["POST"]),
            Route("/api/transform", self._transform, methods=["POST"]),
            Route("/api/dependencies", self._dependencies),
            *JaegerMetrics(self._service).routes(),
            Mount("/api", NotFound()),
        ]

    async def _services(self, request: Request) -> Response:
        services = await self._service.services()
        return await success(request, compact(services), total=len(services))

    async def _operation_names(self, request: Request) -> Response:
        """The legacy form: names only. The name in the path is tried as it is, then unescaped."""
        service = request.path_params["service"]
        operations = await self._service.operations(service)
        if not operations and (unescaped := unquote_plus(service)) != service:
            operations = await self._service.operations(unescaped)
        names = list(dict.fromkeys(name for name, _ in operations))
        return await success(request, compact(names or None), total=len(names))

    async def _operations(self, request: Request) -> Response:
        service = first(request.query_params, "service")
        if not service:
            message = "parameter 'service' is required"
            raise ParameterError(message)
        kind = first(request.query_params, "spanKind")
        operations = await self._service.operations(service, kind)
        data = [{"name": name, "spanKind": kind} for name, kind in operations]
        return await success(request, compact(data), total=len(data))

    async def _search(self, request: Request) -> Response:
        query = parameters.search(request.query_params)
        raw = parameters.boolean(request.query_params, "raw")
        if trace_ids := parameters.trace_ids(request.query_params):
            return await self._many_traces(request, trace_ids, raw=raw)
        found = await self._service.search(query)
        shown = await self._show(self._service.read(found.trace_ids), raw=raw)
        cut = found.truncated or shown.looked_at < len(found.trace_ids)
        return await success(request, shown.json, truncated=cut)

    async def _many_traces(
        self, request: Request, trace_ids: list[bytes], *, raw: bool
    ) -> Response:
        shown = await self._show(self._service.traces(trace_ids), raw=raw)
        errors = [{"msg": "trace not found", "traceID": _hex(one)} for one in shown.missing]
        cut = shown.looked_at < len(trace_ids)
        return await success(request, shown.json, errors=errors, truncated=cut)

    async def _trace(self, request: Request) -> Response:
        trace_id = _trace_id(request)
        if trace_id is None:
            return not_found()
        parameters.check_time_hints(request.query_params)
        raw = parameters.boolean(request.query_params, "raw")
        shown = await self._show(self._service.traces([trace_id]), raw=raw)
        if shown.missing:
            return failure(404, "trace not found")
        return await success(request, shown.json)

    async def _archive(self, request: Request) -> Response:
        if _trace_id(request) is None:
            return not_found()
        return failure(500, "archive span storage was not configured")

    async def _transform(self, request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                return failure(413, f"the request body is larger than {self._max_body_bytes} bytes")
        try:
            data = await asyncio.to_thread(_transformed, bytes(body))
        except DecodeError as error:
            message = f"cannot unmarshal OTLP: {error}"
            raise ParameterError(message) from None
        return await success(request, data)

    async def _dependencies(self, request: Request) -> Response:
        start, end = parameters.dependencies_window(request.query_params)
        service = first(request.query_params, "service")
        data = [
            {"parent": parent, "child": child, "callCount": calls}
            for parent, child, calls in await self._service.dependencies(start, end)
            if service in ("", parent, child)
        ]
        return await success(request, compact(data))

    async def _show(
        self, chunks: AsyncIterator[tuple[Sequence[bytes], SpanBatch]], *, raw: bool
    ) -> _Shown:
        """The JSON of these traces: as many chunks as fit into an answer, but always one."""
        parts: list[bytes] = []
        missing: list[bytes] = []
        looked_at = size = 0
        async for trace_ids, batch in chunks:
            part, absent = await asyncio.to_thread(
                jaeger_traces,
                batch,
                trace_ids,
                adjust=not raw,
                max_clock_skew_seconds=self._max_clock_skew_seconds,
            )
            looked_at += len(trace_ids)
            size += len(part)
            missing += absent
            if len(trace_ids) > len(absent):
                parts.append(part[1:-1])
            if size > self._max_response_bytes:
                break
        return _Shown(b"[" + b",".join(parts) + b"]", missing, looked_at)


class _Shown(NamedTuple):
    """Traces as JSON, the ids that have no spans, and how many ids were looked at."""

    json: bytes
    missing: list[bytes]
    looked_at: int


class NotFound:
    """Answers every request below it as a path that is not there."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        await not_found()(scope, receive, send)


def bad_request(_: Request, error: Exception) -> Response:
    """The answer to a `ParameterError`."""
    return failure(400, str(error))


def store_failed(request: Request, error: Exception) -> Response:
    """The answer when the store could not be asked, and the line in the log."""
    _log.error("%s %s failed: %s", request.method, request.url.path, error)
    return failure(503 if isinstance(error, RetryableError) else 500, str(error))


def broken(_: Request, __: Exception) -> Response:
    """The answer to a mistake of ours; the server logs it with its traceback."""
    return failure(500, "internal error; the log has its cause")


def _transformed(body: bytes) -> bytes:
    return jaeger_transform(SpanBatch.from_otlp_json(body))


def _trace_id(request: Request) -> bytes | None:
    """The id in the path; None where it is more than one segment."""
    text: str = request.path_params["trace_id"]
    escaped = request.scope.get("raw_path", b"").lower()
    if not text or text.count("/") > escaped.count(b"%2f"):
        return None
    return parameters.trace_id(text)


def _hex(trace_id: bytes) -> str:
    text = trace_id.hex()
    return text.removeprefix("0" * 16)
