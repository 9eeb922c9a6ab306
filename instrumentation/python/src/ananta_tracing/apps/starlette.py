"""FastAPI and Starlette: the middleware goes around the whole stack of the application.

Tasks that run after the response are spans of their own below the request, for nothing else would
tell how long they take and that they fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.middleware.errors import ServerErrorMiddleware

from ananta_tracing.apps.asgi import ErrorRecorder, TracingMiddleware
from ananta_tracing.spans import create_span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.applications import Starlette

_TASK_MARK = "_otel_original_call"


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
    _trace_background_tasks()
    return app


def _keep_others_still(app: Any) -> None:
    """Nobody else shall make a server span of the same requests."""
    app._is_instrumented_by_opentelemetry = True
    # Recent releases of FastAPI make spans of their own as soon as there is a tracer provider.
    native = getattr(app, "_telemetry", None)
    if isinstance(native, dict) and "tracing" in native:
        native["tracing"] = False


def _trace_background_tasks() -> None:
    # The mark is that of the official instrumentation, which does the same and stands back for it.
    if hasattr(BackgroundTask, _TASK_MARK):
        return
    call = BackgroundTask.__call__

    async def traced(task: BackgroundTask) -> None:
        name = getattr(task.func, "__name__", type(task.func).__name__)
        with create_span(f"BackgroundTask {name}"):
            await call(task)

    setattr(BackgroundTask, _TASK_MARK, call)
    BackgroundTask.__call__ = traced  # type: ignore[method-assign, assignment]
