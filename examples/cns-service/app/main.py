"""The application: tracing first, then the database, then the routes."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response

from app.observability.tracing import current_trace_id, init_tracing, instrument_app
from app.settings import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

# Before anything connects: libraries are instrumented here. How much is sampled, the environment
# says (OTEL_TRACES_SAMPLER, or the preset of the deployment environment). SQLAlchemy's spans are
# enough: asyncpg below it would give each statement a second one.
tracer = init_tracing(
    service_name="cns-service",
    otlp_endpoint=settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    service_version="1.0.0",
    instrument=["httpx", "sqlalchemy"],
)
# Records carry the ids of the trace they belong to from here on.
logging.basicConfig(
    level=logging.INFO,
    format="%(asctime)s %(levelname)s %(name)s trace_id=%(trace_id)s %(message)s",
)
logging.getLogger("httpx").setLevel(logging.WARNING)  # the spans tell it

from app import database, services
from app.routes import routes


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """The tables are there while the service answers."""
    await database.create_tables()
    yield
    await services.close()
    await database.close()


app = FastAPI(title="cns-service", lifespan=lifespan)
app.include_router(routes)


@app.middleware("http")
async def name_trace(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Whoever calls can look up, and report, what happened."""
    response = await call_next(request)
    response.headers["x-trace-id"] = current_trace_id() or ""
    return response


instrument_app(app)
