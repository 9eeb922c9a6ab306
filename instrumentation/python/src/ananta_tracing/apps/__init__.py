"""`instrument_app`: the requests of a web application become spans."""

from __future__ import annotations

import inspect
import logging
import sys
from typing import TYPE_CHECKING, Any

from ananta_tracing.apps.http import read_exclude_urls

if TYPE_CHECKING:
    from collections.abc import Iterable

_logger = logging.getLogger("ananta_tracing")
_MARK = "_is_instrumented_by_ananta"
# The official instrumentation of FastAPI sets this mark, and leaves an application that bears it.
_OFFICIAL_MARK = "_is_instrumented_by_opentelemetry"
_ASGI_ARGUMENTS, _WSGI_ARGUMENTS = 3, 2


def instrument_app(app: Any, *, exclude_urls: Iterable[str] | str | None = None) -> Any:
    """Make every request of an application a server span that continues the trace of its client.

    FastAPI, Starlette and Flask applications and the handlers of Django (`get_wsgi_application()`,
    `get_asgi_application()`) are instrumented in place. Any other ASGI or WSGI callable cannot be:
    use what is returned, `app = instrument_app(app)`. Call it before the first request; a second
    call for the same application warns and changes nothing.

    Health checks (`/health`, `/healthz`, `/livez`, `/readyz`, `/ready`, `/ping`, `/metrics` …) are
    not traced and neither is anything they do, unless `exclude_urls` or
    `OTEL_PYTHON_EXCLUDED_URLS` says otherwise.

    Args:
        app: the application.
        exclude_urls: regular expressions, as a list or comma-separated text, searched for in the
            path of a request (in its URL without the query where one has a colon) that is not to be
            traced; they replace the default, and an empty list traces everything.

    Returns:
        The application to serve: the same one wherever it could be instrumented in place.

    Raises:
        ValueError: an expression of `exclude_urls` is no regular expression.

    >>> async def app(scope, receive, send): ...
    >>> app = instrument_app(app, exclude_urls=["/health", "/internal/"])
    """
    expressions = None if exclude_urls is None else read_exclude_urls(exclude_urls)
    if _is_instrumented(app):
        return app
    instrumented = _instrument(app, expressions)
    if instrumented is None:
        _logger.warning(
            "instrument_app: %s is not traced: it is neither a FastAPI, Starlette, Flask or Django"
            " application nor an ASGI or WSGI callable; pass the application object",
            type(app).__name__,
        )
        return app
    if instrumented is app:
        setattr(app, _MARK, True)
    return instrumented


def _is_instrumented(app: Any) -> bool:
    from ananta_tracing.apps.asgi import TracingMiddleware
    from ananta_tracing.apps.wsgi import TracingWsgi

    mark = getattr(app, _MARK, None)
    if mark is not None or isinstance(app, (TracingMiddleware, TracingWsgi)):
        if mark != "warned":
            _logger.warning(
                "instrument_app: this application is instrumented already;"
                " the second call is ignored"
            )
            setattr(app, _MARK, "warned")
        return True
    if getattr(app, _OFFICIAL_MARK, False):
        _logger.warning(
            "instrument_app: this application is instrumented by an official OpenTelemetry"
            " instrumentation already and stays so; remove one of the two calls"
        )
        return True
    return False


def _instrument(app: Any, exclude_urls: tuple[str, ...] | None) -> Any:
    """The instrumented application; None where nothing is known about what this is."""
    if _is_a(app, "starlette.applications", "Starlette"):
        from ananta_tracing.apps.starlette import instrument_starlette

        return instrument_starlette(app, exclude_urls)
    if _is_a(app, "flask", "Flask"):
        from ananta_tracing.apps.flask import instrument_flask

        return instrument_flask(app, exclude_urls)
    if _is_a(app, "django.core.handlers.base", "BaseHandler"):
        from ananta_tracing.apps.django import instrument_django

        return instrument_django(app, exclude_urls)
    return _wrap(app, exclude_urls)


def _is_a(app: Any, module: str, name: str) -> bool:
    """Whether it is an instance of this class; an application's framework has been imported."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(app, getattr(loaded, name))


def _wrap(app: Any, exclude_urls: tuple[str, ...] | None) -> Any:
    from ananta_tracing.apps.asgi import TracingMiddleware
    from ananta_tracing.apps.wsgi import TracingWsgi

    if not callable(app) or isinstance(app, type):
        return None
    try:
        count = len(inspect.signature(app).parameters)
    except (TypeError, ValueError):
        return None
    if count == _ASGI_ARGUMENTS:
        return TracingMiddleware(app, exclude_urls)
    if count == _WSGI_ARGUMENTS:
        return TracingWsgi(app, exclude_urls)
    return None
