"""The WSGI middleware: one server span a request, from the first byte read to the last one sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from ananta_tracing import setup
from ananta_tracing.activation import Steps, attach, detach
from ananta_tracing.apps.http import (
    RequestAttributes,
    ServerSettings,
    end_server_span,
    method_name,
    read_authority,
    read_method,
    tell_failure,
)
from ananta_tracing.exclusion import excluded_context
from ananta_tracing.spans import extract_from_folded, record_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    Environ = dict[str, Any]
    StartResponse = Callable[..., Any]
    Application = Callable[[Environ, StartResponse], Iterable[bytes]]

EXCHANGE_KEY = "ananta_tracing.exchange"


class TracingWsgi:
    """Makes every request of a WSGI application a span.

    `instrument_app` puts it into Flask applications; any other WSGI application is wrapped by hand.
    """

    def __init__(
        self,
        app: Application,
        exclude_urls: Iterable[str] | None = None,
        *,
        framework: str = "wsgi",
    ) -> None:
        self.app = app
        self._exclude_urls = exclude_urls
        self._framework = framework
        self._settings: ServerSettings | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        settings = self._settings
        if settings is None:
            settings = self._settings = ServerSettings(self._framework, self._exclude_urls)
        if settings.is_disabled:
            return self.app(environ, start_response)
        if settings.is_excluded(_path(environ), lambda: _url(environ)):
            return self._serve_excluded(environ, start_response)
        try:
            exchange = Exchange(environ, start_response, settings)
        except Exception as error:  # noqa: BLE001 - of a sampler, a propagator or a server
            tell_failure(error)
            return self.app(environ, start_response)
        environ[EXCHANGE_KEY] = exchange
        token = attach(exchange.context)
        try:
            body = self.app(environ, exchange.start_response)
        except BaseException as error:
            exchange.fail(error)
            exchange.finish()
            raise
        finally:
            detach(token)
        return TracedBody(body, exchange)

    def _serve_excluded(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        token = attach(excluded_context())
        try:
            return self.app(environ, start_response)
        finally:
            detach(token)


class Exchange:
    """One request and its response."""

    __slots__ = (
        "_attributes", "_method", "_settings", "_start_response",
        "context", "error", "is_finished", "route", "span", "status",
    )  # fmt: skip

    def __init__(
        self, environ: Environ, start_response: StartResponse, settings: ServerSettings
    ) -> None:
        self.status: int | None = None
        self.error: BaseException | None = None
        self.route: str | None = None
        self.is_finished = False
        self._attributes: dict[str, Any] = {}
        self._method = environ.get("REQUEST_METHOD", "GET")
        self._settings = settings
        self._start_response = start_response
        self.span: Span
        self.span, self.context = start_server_span(environ, settings)

    def start_response(self, status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        """The `start_response` of the server, noting what it is told."""
        self.status = int(status.split(" ", 1)[0])
        if self._settings.response_headers.is_on and self.span.is_recording():
            self._attributes.update(self._settings.response_headers.attributes(headers))
        return self._start_response(status, headers, *rest)

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
        if self.span.is_recording():
            end_server_span(
                self.span, self.status, self.error, self._method, self.route, self._attributes
            )


class TracedBody:
    """The body of a response; the span is current while a part is made and ends with the last."""

    def __init__(self, body: Iterable[bytes], exchange: Exchange) -> None:
        self._body = body
        self._parts: Iterator[bytes] | None = None
        self._exchange = exchange
        self._step = Steps(exchange.context)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            with self._step:
                if self._parts is None:
                    self._parts = iter(self._body)
                return next(self._parts)
        except StopIteration:
            raise
        except BaseException as error:
            self._exchange.fail(error)
            raise

    def close(self) -> None:
        """End the response, called by the server."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                with self._step:
                    close()
        finally:
            self._exchange.finish()


def start_server_span(environ: Environ, settings: ServerSettings) -> tuple[Span, Context]:
    """Start the span of a request, and the context in which it is served."""
    current = context_api.get_current()
    if trace.get_current_span() is trace.INVALID_SPAN:
        parent, kind = extract_from_folded(_request_headers(environ), current), SpanKind.SERVER
    else:
        parent, kind = current, SpanKind.INTERNAL
    span = setup.tracer().start_span(
        method_name(environ.get("REQUEST_METHOD", "GET")),
        parent,
        kind,
        RequestAttributes(lambda: _request_attributes(environ, settings, kind)),
    )
    return span, trace.set_span_in_context(span, parent)


def _request_headers(environ: Environ) -> dict[str, str]:
    """Headers by their lower-case name."""
    return {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }


def _request_attributes(
    environ: Environ, settings: ServerSettings, kind: SpanKind
) -> dict[str, Any]:
    scheme = environ.get("wsgi.url_scheme", "http")
    attributes: dict[str, Any] = {}
    read_method(environ.get("REQUEST_METHOD", "GET"), attributes)
    attributes["url.scheme"] = scheme
    attributes["url.path"] = _path(environ)
    if environ.get("QUERY_STRING"):
        attributes["url.query"] = environ["QUERY_STRING"]
    server = (environ.get("SERVER_NAME"), int(environ.get("SERVER_PORT") or 0))
    read_authority(environ.get("HTTP_HOST", ""), scheme, server, attributes)
    version = environ.get("SERVER_PROTOCOL", "").rpartition("/")[2]
    if version:
        attributes["network.protocol.version"] = version
    if environ.get("REMOTE_ADDR"):
        attributes["client.address"] = environ["REMOTE_ADDR"]
    if environ.get("REMOTE_PORT"):
        attributes["client.port"] = int(environ["REMOTE_PORT"])
    if environ.get("HTTP_USER_AGENT"):
        attributes["user_agent.original"] = environ["HTTP_USER_AGENT"]
    if settings.request_headers.is_on and kind is SpanKind.SERVER:
        headers = _request_headers(environ)
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                headers[name.replace("_", "-").lower()] = environ[name]
        attributes.update(settings.request_headers.attributes(headers.items()))
    return attributes


def _path(environ: Environ) -> str:
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    # WSGI hands the bytes of a path over as Latin-1.
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _url(environ: Environ) -> str:
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
    return f"{environ.get('wsgi.url_scheme', 'http')}://{host}{_path(environ)}"
