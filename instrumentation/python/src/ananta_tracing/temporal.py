"""Temporal: clients carry the trace into workflows and activities by the SDK's own interceptor."""

from __future__ import annotations

import functools
from typing import Any


class TemporalInstrumentor:
    """Adds `TracingInterceptor` to every client that is connected; workers take it from there.

    Args:
        client: the class `temporalio.client.Client`, which may just be being imported.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._connect = client.__dict__["connect"]

    def instrument(self) -> None:
        """Have `Client.connect` add the interceptor where the application has not."""
        connect = self._connect.__func__

        @functools.wraps(connect)
        async def traced(cls: Any, *arguments: Any, **keywords: Any) -> Any:
            from temporalio.contrib.opentelemetry import TracingInterceptor

            interceptors = list(keywords.get("interceptors") or ())
            if not any(isinstance(each, TracingInterceptor) for each in interceptors):
                interceptors.append(TracingInterceptor())
            keywords["interceptors"] = interceptors
            return await connect(cls, *arguments, **keywords)

        self._client.connect = classmethod(traced)

    def uninstrument(self) -> None:
        """Take it back; clients that are connected keep the interceptor."""
        self._client.connect = self._connect
