"""Routes about the running process: what its components do, and a span to try them with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, HTTPException

from ananta.api.cross_site import refuse_cross_site
from ananta.query.answers import Pipeline, TestSpan  # noqa: TC001, FastAPI reads them
from ananta.query.process import NotTakenError, NoWayInError

if TYPE_CHECKING:
    from ananta.query.process import ProcessReader


def router(process: ProcessReader) -> APIRouter:
    """The routes, answered by `process`."""
    routes = APIRouter(tags=["pipeline"])

    @routes.get("/pipeline")
    async def pipeline() -> Pipeline:
        """The running process: components, counts since the start, and what is wrong now."""
        return await process.pipeline()

    @routes.post("/pipeline/test-span", dependencies=[Depends(refuse_cross_site)])
    async def test_span() -> TestSpan:
        """Send a span of the service `ananta-test` to this process's own OTLP receiver.

        409: there is no receiver it could be sent to; 502: the receiver did not take it.
        """
        try:
            return await process.send_test_span()
        except NoWayInError as error:
            raise HTTPException(409, str(error)) from error
        except NotTakenError as error:
            raise HTTPException(502, str(error)) from error

    return routes
