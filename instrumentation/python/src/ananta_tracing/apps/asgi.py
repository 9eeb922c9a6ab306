"""The ASGI middleware: one server span a request, one a websocket, and little cost besides.

Whether a request is sampled is decided before anything is gathered. The span ends with the last
byte of the response, so work done in the background afterwards does not lengthen it. Receiving and
sending are no spans.

A server does work for the connection while the application waits in `receive` or `send`: it begins
to read again, sets a timer, starts the next request. asyncio runs all that in the context it was
asked in, and would so make later requests of the connection children of this one. Hence the server
is called in the context that it called the application in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from ananta_tracing import setup
from ananta_tracing.activation import attach, detach
from ananta_tracing.apps.http import (
    W3C_HEADERS,
    RequestAttributes,
    ServerSettings,
    end_server_span,
    method_name,
    read_authority,
    read_method,
    tell_failure,
)
from ananta_tracing.apps.routes import find_route
from ananta_tracing.exclusion import excluded_context
from ananta_tracing.spans import extract_from_folded, record_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

EXCHANGE_KEY = "ananta_tracing.exchange"
SHUTDOWN_FLUSH_SECONDS = 2.0
# Recent releases of FastAPI leave a request alone in whose scope this stands already.
_FASTAPI_TELEMETRY = "fastapi.telemetry"
_W3C_HEADER_BYTES = frozenset(name.encode() for name in W3C_HEADERS)
_SWITCHING_PROTOCOLS = 101
_FORBIDDEN = 403


class TracingMiddleware:
    """Makes every request of an ASGI application a span.

    `instrument_app` puts it into FastAPI and Starlette applications; any other ASGI application is
    wrapped by hand.

    Args:
        app: the application.
        exclude_urls: as for `instrument_app`.
        framework: the name under which `OTEL_PYTHON_<FRAMEWORK>_EXCLUDED_URLS` speaks of it.
        routes_of: gives the top routes of a Starlette application, to name spans by.
    """

    def __init__(
        self,
        app: Application,
        exclude_urls: Iterable[str] | None = None,
        *,
        framework: str = "asgi",
        routes_of: Callable[[], Iterable[Any]] | None = None,
    ) -> None:
        self.app = app
        self.routes_of = routes_of
        self._exclude_urls = exclude_urls
        self._framework = framework
        self._settings: ServerSettings | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, websocket or lifespan."""
        protocol = scope["type"]
        if protocol == "lifespan":
            return await self._serve_lifespan(scope, receive, send)
        if protocol not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        settings = self._settings or self._read_settings()
        if settings.is_disabled:
            return await self.app(scope, receive, send)
        if settings.is_excluded(scope.get("path", ""), lambda: _url(scope)):
            return await self._serve_excluded(scope, receive, send)
        scope.setdefault(_FASTAPI_TELEMETRY, None)
        try:
            span, context = start_server_span(scope, settings)
        except Exception as error:  # noqa: BLE001 - of a sampler, a propagator or a server
            tell_failure(error)
            return await self.app(scope, receive, send)
        server = Server(receive, send)
        token = attach(context)
        try:
            if span.is_recording():
                await self._serve(scope, server, span)
            else:
                await self.app(scope, server.receive, server.send)
        finally:
            detach(token)

    async def _serve(self, scope: Scope, server: Server, span: Span) -> None:
        exchange = Exchange(span, scope, server, self)
        scope[EXCHANGE_KEY] = exchange
        try:
            await self.app(scope, server.receive, exchange.send)
        except BaseException as error:
            exchange.fail(error)
            raise
        finally:
            exchange.finish()
            # The two hold each other, and nobody is to wait for the garbage collector.
            scope.pop(EXCHANGE_KEY, None)

    async def _serve_excluded(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = Server(receive, send)
        token = attach(excluded_context())
        try:
            await self.app(scope, server.receive, server.send)
        finally:
            detach(token)

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_after_flush(message: Message) -> None:
            # uvicorn ends itself by the signal it was sent, past every handler and `atexit`, so
            # this is the last moment. Nothing is served any more: blocking hurts nobody.
            if message["type"].startswith("lifespan.shutdown."):
                setup.flush_tracing(SHUTDOWN_FLUSH_SECONDS)
            await send(message)

        await self.app(scope, receive, send_after_flush)

    def _read_settings(self) -> ServerSettings:
        # On the first request, when `init_tracing` has been called if it ever is.
        self._settings = ServerSettings(self._framework, self._exclude_urls)
        return self._settings


class ErrorRecorder:
    """Sits inside the error handling of Starlette and sees the exceptions it answers with a 500."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and note on the span what the application raises."""
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            exchange = scope.get(EXCHANGE_KEY)
            if exchange is not None:
                exchange.fail(error)
            raise


class Server:
    """The server of a request, called in the context in which this object was made."""

    __slots__ = ("_context", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._context = context_api.get_current()
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """Receive the next message."""
        token = attach(self._context)
        try:
            return await self._receive()
        finally:
            detach(token)

    async def send(self, message: Message) -> None:
        """Send a message.

        Only the last runs outside of the request: servers write their access log with the first,
        and it is to have the trace id.
        """
        if _ends_response(message):
            token = attach(self._context)
            try:
                await self._send(message)
            finally:
                detach(token)
        else:
            await self._send(message)


def _ends_response(message: Message) -> bool:
    """Whether this is the last of a body, or of the trailers that may follow it."""
    kind = message["type"]
    if kind == "http.response.body":
        return not message.get("more_body", False)
    return kind == "http.response.trailers" and not message.get("more_trailers", False)


class Exchange:
    """One recorded request and its response, or one websocket."""

    __slots__ = (
        "_attributes", "_has_trailers", "_middleware", "_root_path", "_scope", "_send", "_settings",
        "error", "is_finished", "span", "status",
    )  # fmt: skip

    def __init__(
        self, span: Span, scope: Scope, server: Server, middleware: TracingMiddleware
    ) -> None:
        self.span = span
        self.status: int | None = None
        self.error: BaseException | None = None
        self.is_finished = False
        self._scope = scope
        self._root_path = scope.get("root_path", "")
        self._send = server.send
        self._middleware = middleware
        self._settings = middleware._settings
        self._attributes: dict[str, Any] = {}
        self._has_trailers = False

    async def send(self, message: Message) -> None:
        """Send a message of the response, noting what it says."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self._start_response(message)
        elif kind == "websocket.accept":
            self.status = _SWITCHING_PROTOCOLS
            self._capture(message.get("headers", ()))
        elif kind == "websocket.close" and self.status is None:
            self.status = _FORBIDDEN
        await self._send(message)
        if _ends_response(message) and not (self._has_trailers and kind == "http.response.body"):
            self.finish()

    def _start_response(self, message: Message) -> None:
        self.status = message["status"]
        self._has_trailers = message.get("trailers", False)
        self._capture(message.get("headers", ()))

    def _capture(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        settings = self._settings
        if settings is not None and settings.response_headers.is_on:
            self._attributes.update(settings.response_headers.attributes(_decode(headers)))

    def fail(self, error: BaseException) -> None:
        """Note what the application raised, once."""
        if error is not self.error and not self.is_finished:
            self.error = error
            record_error(self.span, error)

    def finish(self) -> None:
        """End the span; later calls do nothing."""
        if self.is_finished:
            return
        self.is_finished = True
        scope = self._scope
        end_server_span(
            self.span,
            self.status,
            self.error,
            scope["method"] if scope["type"] == "http" else None,
            find_route(scope, self._root_path, self._middleware.routes_of),
            self._attributes,
        )


def start_server_span(scope: Scope, settings: ServerSettings) -> tuple[Span, Context]:
    """Start the span of a request, and the context in which it is served."""
    if trace.get_current_span() is trace.INVALID_SPAN:
        parent, kind = _extract(scope, settings), SpanKind.SERVER
    else:
        parent, kind = context_api.get_current(), SpanKind.INTERNAL
    protocol = scope["type"]
    span = setup.tracer().start_span(
        method_name(scope["method"]) if protocol == "http" else protocol,
        parent,
        kind,
        RequestAttributes(
            lambda: _request_attributes(scope, settings, kind), {"url.path": scope.get("path", "")}
        ),
    )
    return span, trace.set_span_in_context(span, parent)


def _extract(scope: Scope, settings: ServerSettings) -> Context:
    """The context the client sent."""
    current = context_api.get_current()
    headers = scope.get("headers", ())
    if settings.reads_w3c_alone:
        for name, _ in headers:
            if name in _W3C_HEADER_BYTES:
                break
        else:
            return current
    carrier: dict[str, list[str]] = {}
    for name, value in headers:
        carrier.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return extract_from_folded(carrier, current)


def _request_attributes(scope: Scope, settings: ServerSettings, kind: SpanKind) -> dict[str, Any]:
    """What is known of a request before the application sees it."""
    scheme = scope.get("scheme", "http")
    attributes: dict[str, Any] = {}
    method = scope.get("method")
    if method is not None:
        read_method(method, attributes)
    attributes["url.scheme"] = scheme
    attributes["url.path"] = scope.get("path", "")
    query = scope.get("query_string")
    if query:
        attributes["url.query"] = query.decode("latin-1")
    host = user_agent = None
    headers = scope.get("headers", ())
    for name, value in headers:
        if name == b"host":
            host = value
        elif name == b"user-agent":
            user_agent = value
    read_authority(host.decode("latin-1") if host else "", scheme, scope.get("server"), attributes)
    version = scope.get("http_version")
    if version:
        attributes["network.protocol.version"] = version
    client = scope.get("client")
    if client and client[0]:
        attributes["client.address"] = client[0]
        if client[1]:
            attributes["client.port"] = client[1]
    if user_agent:
        attributes["user_agent.original"] = user_agent.decode("latin-1")
    if settings.request_headers.is_on and kind is SpanKind.SERVER:
        attributes.update(settings.request_headers.attributes(_decode(headers)))
    return attributes


def _url(scope: Scope) -> str:
    """The URL of a request without its query."""
    host = next((value for name, value in scope.get("headers", ()) if name == b"host"), b"")
    return f"{scope.get('scheme', 'http')}://{host.decode('latin-1')}{scope.get('path', '')}"


def _decode(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
