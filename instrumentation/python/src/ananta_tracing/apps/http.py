"""What every server instrumentation shares: what is excluded, captured and said of a request.

Attributes follow the stable semantic conventions of HTTP. Names of captured headers are those of
the official Python instrumentations (`http.request.header.content_type`).
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ananta_tracing import setup
from ananta_tracing.attributes import LazyAttributes
from ananta_tracing.redaction import REDACTED
from ananta_tracing.settings import resolve_settings
from ananta_tracing.spans import propagate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

KNOWN_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)
OTHER_METHOD = "_OTHER"
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
FIRST_SERVER_ERROR = 500
MAX_REMEMBERED_NAMES = 1000
_logger = logging.getLogger("ananta_tracing")
_has_told_failure = False

W3C_HEADERS = frozenset({"traceparent", "tracestate", "baggage"})


class ServerSettings:
    """The settings that concern the requests of one application, ready for use."""

    def __init__(self, framework: str, exclude_urls: Iterable[str] | None) -> None:
        settings = setup.settings() or resolve_settings()
        self.is_disabled = settings.disabled
        excluded = (
            settings.excluded_urls_of(framework)
            if exclude_urls is None
            else read_exclude_urls(exclude_urls)
        )
        self._excluded = re.compile("|".join(f"(?:{each})" for each in excluded)).search
        self.excludes_any = bool(excluded)
        # Most expressions speak of the path alone, and the whole URL costs more to put together.
        self.excludes_by_url = any(":" in each.replace("(?:", "") for each in excluded)
        self.reads_w3c_alone = _reads_w3c_alone()
        captured = settings.captured_headers
        self.request_headers = HeaderCapture(
            "http.request.header.", captured.server_request, settings.sanitize_fields
        )
        self.response_headers = HeaderCapture(
            "http.response.header.", captured.server_response, settings.sanitize_fields
        )

    def is_excluded(self, path: str, url: Callable[[], str]) -> bool:
        """Whether a request for this path, and URL, is not to be traced."""
        return self.excludes_any and (
            self._excluded(url() if self.excludes_by_url else path) is not None
        )


class RequestAttributes(LazyAttributes):
    """Those of a request that is not excluded, whatever the rule of the sampler says."""

    __slots__ = ()
    is_exclusion_decided = True


class HeaderCapture:
    """Turns the headers an operator asked for into attributes; sensitive values are replaced."""

    def __init__(self, prefix: str, names: Sequence[str], sanitize: Sequence[str]) -> None:
        self._prefix = prefix
        self.is_on = bool(names)
        self._wanted = re.compile("|".join(f"(?:{name})" for name in names), re.IGNORECASE)
        self._sensitive = re.compile("|".join(f"(?:{name})" for name in sanitize), re.IGNORECASE)
        self._has_sensitive = bool(sanitize)
        self._keys: dict[str, tuple[str, bool] | None] = {}

    def attributes(self, headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
        """Attribute -> values of the headers that are wanted."""
        found: dict[str, list[str]] = {}
        for name, value in headers:
            key = self._key(name)
            if key is not None:
                attribute, is_sensitive = key
                found.setdefault(attribute, []).append(REDACTED if is_sensitive else value)
        return found

    def _key(self, name: str) -> tuple[str, bool] | None:
        try:
            return self._keys[name]
        except KeyError:
            pass
        key = None
        if self._wanted.fullmatch(name):
            sensitive = self._has_sensitive and self._sensitive.search(name) is not None
            key = (self._prefix + name.lower().replace("-", "_"), sensitive)
        # Clients choose the names, so there is an end to what is remembered.
        if len(self._keys) < MAX_REMEMBERED_NAMES:
            self._keys[name] = key
        return key


def tell_failure(error: Exception) -> None:
    """Log that a request is served untraced because of this exception, once."""
    global _has_told_failure
    if not _has_told_failure:
        _has_told_failure = True
        _logger.warning(
            "A request could not be traced and is served without; so are others, silently",
            exc_info=error,
        )


def read_exclude_urls(exclude_urls: Iterable[str]) -> tuple[str, ...]:
    """The expressions of `instrument_app(exclude_urls=...)`: a list or comma-separated text.

    Raises:
        ValueError: one of them is no regular expression.

    >>> read_exclude_urls("/health, /internal/.*")
    ('/health', '/internal/.*')
    """
    parts = exclude_urls.split(",") if isinstance(exclude_urls, str) else list(exclude_urls)
    expressions = tuple(part for each in parts if (part := each.strip()))
    for expression in expressions:
        _check_expression(expression)
    return expressions


def _check_expression(expression: str) -> None:
    try:
        re.compile(expression)
    except re.error as error:
        message = f"exclude_urls: {expression!r} is no regular expression: {error}"
        raise ValueError(message) from None


def _reads_w3c_alone() -> bool:
    """Whether the trace context arrives in W3C headers and nowhere else.

    Then a request without one of these headers needs no propagator.
    """
    propagator = propagate.get_global_textmap()
    # By type, because `fields` leaves out some of what B3 and Jaeger read.
    parts = propagator._propagators if isinstance(propagator, CompositePropagator) else [propagator]
    return {type(part) for part in parts} <= {TraceContextTextMapPropagator, W3CBaggagePropagator}


def read_method(method: str, attributes: dict[str, Any]) -> str:
    """Note the method of a request, and return the word that names the span."""
    if method in KNOWN_METHODS:
        attributes["http.request.method"] = method
        return method
    folded = method.strip().upper()
    known = folded in KNOWN_METHODS
    attributes["http.request.method"] = folded if known else OTHER_METHOD
    attributes["http.request.method_original"] = method
    return folded if known else "HTTP"


def method_name(method: str) -> str:
    """The word that names the span of a request with this method."""
    return method if method in KNOWN_METHODS else read_method(method, {})


def read_authority(
    authority: str, scheme: str, server: Sequence[Any] | None, attributes: dict[str, Any]
) -> None:
    """Note the address and port a client asked for, by the Host header or else the socket."""
    host, port = authority, None
    if authority:
        name, separator, digits = authority.rpartition(":")
        if separator and digits.isdigit():
            host, port = name, int(digits)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        port = port or DEFAULT_PORTS.get(scheme)
    elif server:
        host, port = server[0], server[1]
    if host:
        attributes["server.address"] = host
    if port:
        attributes["server.port"] = port


def end_server_span(
    span: Span,
    status: int | None,
    error: BaseException | None,
    method: str | None,
    route: str | None,
    attributes: dict[str, Any],
) -> None:
    """End the span of a request with its outcome, named by the route it took.

    The server failed by 5xx or by an exception. The exception itself has been recorded, with a
    status that says more than a bare 500.

    Args:
        span: the span.
        status: the status of the response, None where there was none.
        error: what the application raised.
        method: as the client wrote it; None for a websocket.
        route: the template of the route, None where no route matched.
        attributes: others that are known by now; the rest is added.
    """
    if status is not None:
        attributes["http.response.status_code"] = status
        if status >= FIRST_SERVER_ERROR:
            attributes["error.type"] = str(status)
            if error is None:
                span.set_status(Status(StatusCode.ERROR))
    if isinstance(error, Exception) and "error.type" not in attributes:
        attributes["error.type"] = type(error).__qualname__
    if route is not None:
        attributes["http.route"] = route
        span.update_name(route if method is None else f"{method_name(method)} {route}")
    span.set_attributes(attributes)
    span.end()
