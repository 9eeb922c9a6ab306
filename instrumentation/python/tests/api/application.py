"""What tests instrument in their own process: an application, under a provider of their choice.

Apart from `conftest`, which processes of tests import with as little as possible besides.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from ananta_tracing.spans import create_span, current_trace_id
from ananta_tracing.testing import _swap_provider

if TYPE_CHECKING:
    from collections.abc import Iterator


def bare_app() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item_id}")
    async def item(item_id: int):
        with create_span("load"):
            return {"item": item_id, "trace": current_trace_id()}

    @app.get("/health")
    async def health():
        with create_span("ping database"):
            return {"trace": current_trace_id()}

    return app


@contextlib.contextmanager
def provider_in_force(provider: Any) -> Iterator[None]:
    """A block in which this provider is the global one."""
    previous = _swap_provider(provider)
    try:
        yield
    finally:
        _swap_provider(previous)
