"""Answers in the envelope of Jaeger's v1 API.

Success is `{"data": …, "total": …, "limit": 0, "offset": 0, "errors": null}`; a failure has no
data and one error, and is labelled `text/plain` as Jaeger's is.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse, Response

from ananta.api import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_GZIP_MIN_BYTES = 1_024
_GZIP_LEVEL = 3
TRUNCATED_HEADER = "X-Ananta-Truncated"


def compact(value: Any) -> bytes:
    """A value as JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


async def success(
    request: Request,
    data: bytes,
    *,
    total: int = 0,
    errors: list[dict[str, Any]] | None = None,
    truncated: bool = False,
) -> Response:
    """The answer that carries `data`, a JSON text; indented and compressed as the request asks.

    Args:
        request: what is answered.
        data: the JSON text of the payload.
        total: number of elements, where the API tells it.
        errors: what is wrong with part of the answer.
        truncated: whether there is more than was asked for; told only when it is so.
    """
    rest = {"total": total, "limit": 0, "offset": 0, "errors": errors or None}
    if truncated:
        rest["truncated"] = True
    body = b'{"data":' + data + b"," + compact(rest)[1:]
    headers = {TRUNCATED_HEADER: "true"} if truncated else {}
    if parameters.pretty(request.query_params):
        body = await asyncio.to_thread(_indented, body)
    return await compressed(request, body, "application/json", headers=headers)


async def compressed(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    level: int = _GZIP_LEVEL,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer with this body, compressed where the client takes it and it is worth it."""
    told = dict(headers or {})
    if len(body) >= _GZIP_MIN_BYTES:
        told["Vary"] = "Accept-Encoding"
        if accepts_encoding(request.headers, "gzip"):
            body = await asyncio.to_thread(gzip.compress, body, level)
            told["Content-Encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=told)


def failure(status: int, message: str) -> Response:
    """The answer to a request that failed."""
    error = {"code": status, "msg": message}
    body = {"data": None, "total": 0, "limit": 0, "offset": 0, "errors": [error]}
    return _text(status, compact(body) + b"\n")


def not_found() -> Response:
    """The answer to a path the API does not have."""
    return _text(404, b"404 page not found\n")


def _text(status: int, body: bytes) -> Response:
    return PlainTextResponse(body, status, headers={"X-Content-Type-Options": "nosniff"})


def _indented(body: bytes) -> bytes:
    return json.dumps(json.loads(body), ensure_ascii=False, indent=4).encode()


def accepts_encoding(headers: Mapping[str, str], coding: str) -> bool:
    """Whether a request with these headers takes an answer in this content coding."""
    for offer in headers.get("accept-encoding", "").split(","):
        offered, _, quality = offer.partition(";")
        if offered.strip() in (coding, "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
