"""Django: the handler made by `get_wsgi_application()` or `get_asgi_application()`.

A request is one span from the first middleware to the last, or to the last part of a response that
streams, named by the pattern Django chose.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.signals import got_request_exception  # type: ignore[import-untyped]

from ananta_tracing.activation import Steps, attach, detach
from ananta_tracing.apps import asgi, wsgi
from ananta_tracing.apps.http import ServerSettings, end_server_span
from ananta_tracing.exclusion import excluded_context
from ananta_tracing.spans import record_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

_KEY = "_ananta_exchange"


def instrument_django(handler: Any, exclude_urls: Iterable[str] | None) -> Any:
    """Instrument a handler in place."""
    settings: list[ServerSettings] = []
    get_response, get_response_async = handler.get_response, handler.get_response_async

    def start(request: Any) -> _Exchange | None:
        if not settings:
            settings.append(ServerSettings("django", exclude_urls))
        return None if settings[0].is_disabled else _Exchange(request, settings[0])

    def traced(request: Any) -> Any:
        exchange = start(request)
        if exchange is None:
            return get_response(request)
        with exchange:
            return exchange.answer(get_response(request))

    async def traced_async(request: Any) -> Any:
        exchange = start(request)
        if exchange is None:
            return await get_response_async(request)
        with exchange:
            return exchange.answer(await get_response_async(request))

    handler.get_response, handler.get_response_async = traced, traced_async
    got_request_exception.connect(_note_error, dispatch_uid="ananta_tracing")
    return handler


class _Exchange:
    """One request and its response; entered while it is served."""

    def __init__(self, request: Any, settings: ServerSettings) -> None:
        self._request = request
        self._settings = settings
        self._status: int | None = None
        self._attributes: dict[str, Any] = {}
        self._error: BaseException | None = None
        self._streams = False
        self._span: Span | None = None
        self._context: Context
        if settings.is_excluded(request.path, request.build_absolute_uri):
            self._context = excluded_context()
        else:
            self._span, self._context = self._start()
            setattr(request, _KEY, self)

    def _start(self) -> tuple[Span, Context]:
        scope = getattr(self._request, "scope", None)
        if scope is not None:
            return asgi.start_server_span(scope, self._settings)
        return wsgi.start_server_span(self._request.environ, self._settings)

    def __enter__(self) -> None:
        self._token: Token[Context] = attach(self._context)

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        detach(self._token)
        if error is not None:
            self.fail(error)
        if not self._streams:
            self.finish()

    def finish(self) -> None:
        """End the span; later calls do nothing."""
        span, self._span = self._span, None
        # The two hold each other, and nobody is to wait for the garbage collector.
        vars(self._request).pop(_KEY, None)
        if span is None or not span.is_recording():
            return
        match = getattr(self._request, "resolver_match", None)
        # The pattern of the root is empty and would name nothing.
        route = getattr(match, "route", None) or None
        end_server_span(
            span, self._status, self._error, self._request.method, route, self._attributes
        )

    def answer(self, response: Any) -> Any:
        """Note a response, and hand it on."""
        self._status = response.status_code
        headers = self._settings.response_headers
        if headers.is_on and self._span is not None and self._span.is_recording():
            self._attributes.update(headers.attributes(response.items()))
        if response.streaming and self._span is not None:
            self._streams = True
            step = Steps(self._context)
            parts = self._watch_async if getattr(response, "is_async", False) else self._watch
            response.streaming_content = parts(response.streaming_content, step)
            response._resource_closers.append(self.finish)  # what the server calls at the end
        return response

    def _watch(self, parts: Iterable[bytes], step: Steps) -> Iterator[bytes]:
        iterator = iter(parts)
        while True:
            try:
                with step:
                    part = next(iterator)
            except StopIteration:
                return
            except Exception as error:
                self.fail(error)
                raise
            yield part

    async def _watch_async(self, parts: AsyncIterable[bytes], step: Steps) -> AsyncIterator[bytes]:
        iterator = aiter(parts)
        while True:
            try:
                with step:
                    part = await anext(iterator)
            except StopAsyncIteration:
                return
            except Exception as error:
                self.fail(error)
                raise
            yield part

    def fail(self, error: BaseException) -> None:
        """Note what a view or a middleware raised, once."""
        if self._span is not None and error is not self._error:
            self._error = error
            record_error(self._span, error)


def _note_error(*, request: Any = None, **_: Any) -> None:
    """Django answers an exception with a 500 and tells of it by a signal."""
    exchange = getattr(request, _KEY, None)
    error = sys.exc_info()[1]
    if exchange is not None and error is not None:
        exchange.fail(error)
