"""The FastAPI service under load: `uvicorn --app-dir bench/instrumentation/python service:app`."""

from __future__ import annotations

import tracing

tracing.start()

from fastapi import FastAPI  # noqa: E402 - after tracing, as in a real service

app = FastAPI()
tracing.instrument(app)


@app.get("/items/{item_id}")
async def read_item(item_id: int) -> dict[str, int]:
    """Answer as little as a service can."""
    return {"item_id": item_id}
