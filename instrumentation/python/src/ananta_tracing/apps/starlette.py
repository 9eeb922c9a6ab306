"""FastAPI and Starlette: the middleware goes around the whole stack of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.middleware.errors import ServerErrorMiddleware

from ananta_tracing.apps.asgi import ErrorRecorder, TracingMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.applications import Starlette


def instrument_starlette(app: Starlette, exclude_urls: Iterable[str] | None) -> Starlette:
    """Instrument a FastAPI or Starlette application in place."""
    is_fastapi = any(base.__module__.startswith("fastapi.") for base in type(app).__mro__)
    framework = "fastapi" if is_fastapi else "starlette"
    build = app.build_middleware_stack

    def wrap(stack: Any) -> TracingMiddleware:
        # Starlette answers an exception with a 500 in its outermost middleware; the exception is
        # noted inside of it, before that response ends the span.
        if isinstance(stack, ServerErrorMiddleware):
            stack.app = ErrorRecorder(stack.app)
        return TracingMiddleware(
            stack, exclude_urls, framework=framework, routes_of=lambda: app.routes
        )

    app.build_middleware_stack = lambda: wrap(build())  # type: ignore[method-assign]
    if app.middleware_stack is not None:
        app.middleware_stack = wrap(app.middleware_stack)
    _keep_others_still(app)
    return app


def _keep_others_still(app: Any) -> None:
    """Nobody else shall make a server span of the same requests."""
    app._is_instrumented_by_opentelemetry = True
    # FastAPI 0.160 and later make spans of their own as soon as there is a tracer provider.
    native = getattr(app, "_telemetry", None)
    if isinstance(native, dict) and "tracing" in native:
        native["tracing"] = False
