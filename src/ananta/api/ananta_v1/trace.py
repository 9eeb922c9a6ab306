"""Routes about one trace: what its page shows.

A trace is answered as binary columns (docs/api.md, "A trace as columns"), which a page uses as they
arrive: a header in JSON says where each typed array is. `ananta._native.trace_columns` writes them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Query
from starlette.requests import Request  # noqa: TC002, FastAPI reads it
from starlette.responses import Response, StreamingResponse

from ananta._native import trace_columns
from ananta.api import parameters
from ananta.api.envelope import compressed
from ananta.query.answers import LinkingSpan, TypicalTrace  # noqa: TC001, FastAPI reads them

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ananta.model import SpanBatch
    from ananta.query import QueryService

MEDIA_TYPE = "application/vnd.ananta.trace"
DEFAULT_SPANS = 200_000
MAX_SPANS = 1_000_000
# Media type and end of the file's name.
_DOWNLOADS = {
    "json": ("application/json", "otlp.json"),
    "protobuf": ("application/x-protobuf", "otlp.pb"),
}
# Of large answers; their columns hardly get smaller by more work.
_GZIP_LEVEL = 1

TraceId = Annotated[str, Path(description="Up to 32 hexadecimal digits, in any case.")]


def router(service: QueryService, max_clock_skew_seconds: float) -> APIRouter:
    """The routes, answered by `service`.

    Args:
        service: answers the questions.
        max_clock_skew_seconds: how far timestamps may be moved to lie inside their parents.
    """
    routes = APIRouter(tags=["trace"])

    @routes.get(
        "/traces/{trace_id}",
        response_class=Response,
        responses={
            200: {"content": {MEDIA_TYPE: {}}, "description": "The trace as columns."},
            404: {"description": "No such trace, or no such span in it."},
        },
    )
    async def trace(
        request: Request,
        trace_id: TraceId,
        limit: Annotated[
            int, Query(ge=1, le=MAX_SPANS, description="Of a larger trace so many are shown.")
        ] = DEFAULT_SPANS,
        root: Annotated[str, Query(description="Only this span and those below it.")] = "",
        raw: Annotated[str, Query(description="`true` skips the corrections.")] = "",
    ) -> Response:
        """The spans of a trace as a tree, in binary columns."""
        del root, raw  # described by the arguments, read as in Jaeger's API
        identifier = parameters.trace_id(trace_id)
        top = parameters.span_id(request.query_params, "root")
        adjust = not parameters.boolean(request.query_params, "raw")
        batch, choice = await service.trace(identifier, limit, top)
        body = await asyncio.to_thread(
            trace_columns,
            batch,
            identifier,
            adjust=adjust,
            max_clock_skew_seconds=max_clock_skew_seconds,
            root=top,
            choice=choice,
        )
        if body is None:
            raise HTTPException(404, _absence(top))
        return await compressed(request, body, MEDIA_TYPE, level=_GZIP_LEVEL)

    @routes.get(
        "/traces/{trace_id}/otlp",
        response_class=Response,
        responses={
            200: {
                "content": {media_type: {} for media_type, _ in _DOWNLOADS.values()},
                "description": "An OTLP TracesData, as OTLP/HTTP takes it.",
            },
            404: {"description": "No such trace."},
        },
    )
    async def otlp(
        trace_id: TraceId,
        form: Annotated[
            Literal["json", "protobuf"], Query(alias="format", description="How it is written.")
        ] = "json",
    ) -> Response:
        """The stored trace as a file, uncorrected and whole."""
        identifier = parameters.trace_id(trace_id)
        batches = service.trace_parts(identifier)
        first = await anext(batches, None)
        if first is None:
            raise HTTPException(404, "trace not found")
        media_type, ending = _DOWNLOADS[form]
        name = f"trace-{identifier.hex()}.{ending}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        written = _otlp_json(first, batches) if form == "json" else _otlp(first, batches)
        return StreamingResponse(written, media_type=media_type, headers=headers)

    @routes.get("/traces/{trace_id}/typical")
    async def typical(trace_id: TraceId) -> TypicalTrace:
        """How traces went that begin with the same operation, half a day before and after."""
        return await service.typical(parameters.trace_id(trace_id))

    @routes.get("/traces/{trace_id}/linked-from")
    async def linked_from(trace_id: TraceId) -> list[LinkingSpan]:
        """The newest 100 spans of other traces that link to spans of this one."""
        return await service.linked_from(parameters.trace_id(trace_id))

    return routes


async def _otlp(first: SpanBatch, rest: AsyncIterator[SpanBatch]) -> AsyncIterator[bytes]:
    """Batches as one protobuf message: messages of one kind, end to end, are one."""
    yield await asyncio.to_thread(first.to_otlp)
    async for batch in rest:
        yield await asyncio.to_thread(batch.to_otlp)


async def _otlp_json(first: SpanBatch, rest: AsyncIterator[SpanBatch]) -> AsyncIterator[bytes]:
    """Batches as one object in JSON: its one list goes on from batch to batch."""
    yield (await asyncio.to_thread(first.to_otlp_json)).removesuffix(b"]}")
    async for batch in rest:
        text = await asyncio.to_thread(batch.to_otlp_json)
        yield b"," + text.removeprefix(b'{"resourceSpans":[').removesuffix(b"]}")
    yield b"]}"


def _absence(root: bytes | None) -> str:
    """What a trace that has nothing to show is answered with."""
    return f"trace not found, or it has no span {root.hex()}" if root else "trace not found"
