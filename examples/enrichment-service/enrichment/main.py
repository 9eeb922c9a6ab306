"""The application and its one question: what is known of this component?"""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ananta_tracing import add_span_attributes, current_trace_id, init_tracing, instrument_app
from fastapi import FastAPI, HTTPException, Request, Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

# Before anything connects: libraries are instrumented here.
init_tracing("enrichment-service", service_version="1.0.0", instrument=["httpx", "sqlalchemy"])
# Records carry the ids of the trace they belong to from here on.
logging.basicConfig(
    level=logging.INFO,
    format="%(asctime)s %(levelname)s %(name)s trace_id=%(trace_id)s %(message)s",
)
logging.getLogger("httpx").setLevel(logging.WARNING)  # the spans tell it

from enrichment.components import Components, DistributorFailedError

components = Components(os.environ["DATABASE_URL"], os.environ["DISTRIBUTOR_URL"])


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """The table is there while the service answers."""
    await components.open()
    yield
    await components.close()


app = FastAPI(title="enrichment-service", lifespan=lifespan)


@app.middleware("http")
async def name_trace(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Whoever calls can look up, and report, what happened."""
    response = await call_next(request)
    response.headers["x-trace-id"] = current_trace_id() or ""
    return response


@app.get("/health")
async def health() -> dict[str, str]:
    """Is the service there?"""
    return {"status": "ok"}


@app.get("/components/{mpn}")
async def find_component(mpn: str, manufacturer: str) -> dict[str, Any]:
    """What is known of a component; 404 when nobody knows it, 502 when the distributor is down."""
    add_span_attributes({"component.mpn": mpn, "component.manufacturer": manufacturer})
    try:
        component = await components.find(mpn, manufacturer)
    except DistributorFailedError as error:
        raise HTTPException(502, str(error)) from error
    if component is None:
        raise HTTPException(404, f"nobody knows {mpn} of {manufacturer}")
    return {
        "mpn": component.mpn,
        "lifecycle": component.lifecycle,
        "unit_price": component.unit_price,
        "stock": component.stock,
    }


instrument_app(app)
