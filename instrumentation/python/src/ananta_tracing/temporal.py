"""Temporal: clients carry the trace into workflows and activities by the SDK's own interceptor."""

from __future__ import annotations

import functools
from typing import Any


class TemporalInstrumentor:
    """Adds `TracingInterceptor` to every client that is connected; workers take it from there."""

    def __init__(self) -> None:
        self._connect: Any = None

    def instrument(self) -> None:
        """Have `Client.connect` add the interceptor where the application has not."""
        from temporalio.client import Client
        from temporalio.contrib.opentelemetry import TracingInterceptor

        self._connect = Client.__dict__["connect"]
        connect = self._connect.__func__

        @functools.wraps(connect)
        async def traced(cls: Any, *arguments: Any, **keywords: Any) -> Any:
            interceptors = list(keywords.get("interceptors") or ())
            if not any(isinstance(each, TracingInterceptor) for each in interceptors):
                interceptors.append(TracingInterceptor())
            keywords["interceptors"] = interceptors
            return await connect(cls, *arguments, **keywords)

        Client.connect = classmethod(traced)  # type: ignore[method-assign, assignment]

    def uninstrument(self) -> None:
        """Take it back; clients that are connected keep the interceptor."""
        from temporalio.client import Client

        Client.connect = self._connect  # type: ignore[method-assign]
