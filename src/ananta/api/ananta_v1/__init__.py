"""Our own JSON API, below `/api/ananta/v1`: what the web UI needs beyond Jaeger's API.

One module a subject. The answers are described by `ananta.query.answers`; the whole is described
by the OpenAPI document that this application serves as `openapi.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ananta import __version__
from ananta.api.ananta_v1 import pipeline, search, services, trace
from ananta.api.envelope import failure
from ananta.api.jaeger_v1 import bad_request, broken, store_failed
from ananta.api.parameters import ParameterError
from ananta.errors import AnantaError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ananta.query import QueryService
    from ananta.query.process import ProcessReader

PATH = "/api/ananta/v1"


def create_api(
    service: QueryService, process: ProcessReader, *, max_clock_skew_seconds: float = 0.0
) -> FastAPI:
    """The application to mount at `PATH`, over the stored traces and the running process.

    Timestamps are moved by at most `max_clock_skew_seconds` to lie inside their parents.
    """
    api = FastAPI(
        title="Ananta Tracing",
        version=__version__,
        summary="Traces, services and the collector's own state, as the web UI reads them.",
        docs_url=None,
        redoc_url=None,
        servers=[{"url": PATH}],
        root_path_in_servers=False,
    )
    for kind, answer in _FAILURES.items():
        api.add_exception_handler(kind, answer)
    api.include_router(search.router(service))
    api.include_router(pipeline.router(process))
    api.include_router(services.router(service))
    api.include_router(trace.router(service, max_clock_skew_seconds))
    return api


def describe() -> dict[str, Any]:
    """The OpenAPI document; nothing need run, as routes only remember whom to ask."""
    return create_api(cast("QueryService", None), cast("ProcessReader", None)).openapi()


def _invalid(_: Request, error: Exception) -> Response:
    """The answer to parameters that FastAPI refused: which, what is wrong, the value seen."""
    assert isinstance(error, RequestValidationError)
    problems = (
        f"parameter '{problem['loc'][-1]}': {problem['msg']}, got {problem.get('input')!r}"
        for problem in error.errors()
    )
    return failure(400, "; ".join(problems))


def _absent(_: Request, error: Exception) -> Response:
    """The answer to a path or method that is not there, or to what a route did not find."""
    assert isinstance(error, HTTPException)
    return failure(error.status_code, str(error.detail))


_FAILURES = {
    ParameterError: bad_request,
    RequestValidationError: _invalid,
    HTTPException: _absent,
    AnantaError: store_failed,
    Exception: broken,
}
