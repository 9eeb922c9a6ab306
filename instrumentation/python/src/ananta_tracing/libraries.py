"""The libraries of an application, traced by the official OpenTelemetry instrumentations.

What is used is what is installed: `pip install ananta-tracing[httpx,sqlalchemy]` brings them. Each
one waits until the application imports its library, so a library that is never used costs nothing.
Web frameworks are left to `instrument_app`, log records to `ananta_tracing.logs`.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import threading
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from ananta_tracing.messaging import ConsumerTracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.metadata import EntryPoint

    from ananta_tracing.settings import Settings

_logger = logging.getLogger("ananta_tracing")

GROUP = "opentelemetry_instrumentor"
EVERYTHING = "*"
SANITIZE_VARIABLE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"
OURS = {
    "fastapi": "instrument_app traces it",
    "starlette": "instrument_app traces it",
    "flask": "instrument_app traces it",
    "django": "instrument_app traces it",
    "logging": "log records carry trace_id and span_id by ananta_tracing.logs",
    "sqlite3": "used when named: below SQLAlchemy it doubles every statement",
}
"""Instrumentations that are used only when `init_tracing` is given their names."""

# The module whose import an instrumentation waits for, where it is not called the same.
_MODULES = {
    "aiohttp-client": "aiohttp",
    "aiohttp-server": "aiohttp.web",
    "grpc_aio_client": "grpc",
    "grpc_aio_server": "grpc",
    "grpc_client": "grpc",
    "grpc_server": "grpc",
    "mysql": "mysql.connector",
    "openai-v2": "openai",
    "system_metrics": "psutil",
    "tortoiseorm": "tortoise",
    "urllib": "urllib.request",
}
_MESSAGING = frozenset(
    {"aio-pika", "aiokafka", "boto3", "celery", "confluent_kafka", "kafka", "pika"}
)
"""Instrumentations whose consumer spans follow `messaging_consumers`; boto3's is that of SQS."""
_PACKAGES = {
    "aio_pika": "aio-pika",
    "aiohttp": "aiohttp-client",
    "aiokafka": "aiokafka",
    "asyncpg": "asyncpg",
    "boto3": "boto3sqs",
    "botocore": "botocore",
    "celery": "celery",
    "confluent_kafka": "confluent-kafka",
    "grpc": "grpc",
    "httpx": "httpx",
    "kafka": "kafka-python",
    "pika": "pika",
    "psycopg": "psycopg",
    "psycopg2": "psycopg2",
    "redis": "redis",
    "requests": "requests",
    "sqlalchemy": "sqlalchemy",
}
"""Library -> the end of the name of its instrumentation's package, to tell what is missing."""
_PREFIX = "opentelemetry-instrumentation-"

_lock = threading.Lock()
_report: dict[str, str] = {}
_active: dict[str, Any] = {}


def instrument_libraries(settings: Settings, names: Sequence[str] | None = None) -> None:
    """Trace the libraries that are installed with their instrumentation; never raises.

    A library that is imported already is instrumented now, any other when it is imported.

    Args:
        settings: says which are disabled and which headers are sensitive.
        names: only these, by the names of their instrumentations (`httpx`, `sqlalchemy`); all that
            are installed if None.
    """
    # Read by the instrumentations of HTTP clients when they load.
    os.environ[SANITIZE_VARIABLE] = ",".join(settings.sanitize_fields)
    found = {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}
    for name in sorted(found):
        reason = _reason_against(name, settings, names)
        if reason is None:
            _await_import(name, found[name], settings)
        else:
            _tell(name, reason)
    for name in names or ():
        if name not in found and name != "temporal":
            _logger.warning(
                "init_tracing: instrument: %r has no instrumentation installed; pip install %s%s",
                name,
                _PREFIX,
                _PACKAGES.get(name, name),
            )
    if _reason_against("temporal", settings, names) is None and _is_installed("temporalio.client"):
        _when_imported("temporalio.client", "temporal", _instrument_temporal)


def uninstrument_libraries() -> None:
    """Take the instrumentations back, for tests; the ones that still wait stay silent."""
    with _lock:
        active = dict(_active)
        _active.clear()
        _report.clear()
    for name, instrumentor in active.items():
        _take_back(name, instrumentor)


def _take_back(name: str, instrumentor: Any) -> None:
    try:
        instrumentor.uninstrument()
    except Exception as error:  # noqa: BLE001 - theirs, and the others remain
        _logger.warning("The instrumentation of %s could not be taken back: %r", name, error)


def report_libraries() -> dict[str, str]:
    """What became of each instrumentation, and which is missing for a library that is installed.

    Returns:
        name -> `instrumented`, `waits for the import of ...`, or the reason why it is not used.
    """
    with _lock:
        report = dict(_report)
    present = {each.dist.name for each in entry_points(group=GROUP) if each.dist is not None}
    for library, package in _PACKAGES.items():
        if _PREFIX + package not in present and _is_installed(library):
            report[library] = f"missing: pip install {_PREFIX}{package}"
    return report


def _reason_against(name: str, settings: Settings, names: Sequence[str] | None) -> str | None:
    disabled = settings.disabled_instrumentations
    if name in disabled or EVERYTHING in disabled:
        return "disabled by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    if names is not None:
        return None if name in names else "not among those init_tracing was told to instrument"
    return OURS.get(name)


def _await_import(name: str, entry_point: EntryPoint, settings: Settings) -> None:
    module = _MODULES.get(name, name.replace("-", "_"))
    if not _is_installed(module):
        _tell(name, f"{module} is not installed")
        return

    def instrument() -> Any:
        instrumentor = entry_point.load()()
        if instrumentor.is_instrumented_by_opentelemetry:
            return None
        options: dict[str, Any] = {}
        if name in _MESSAGING:
            options["tracer_provider"] = ConsumerTracerProvider(settings.messaging_consumers)
        instrumentor.instrument(raise_exception_on_conflict=True, **options)
        return instrumentor

    _when_imported(module, name, instrument)


def _when_imported(module: str, name: str, instrument: Callable[[], Any]) -> None:
    try:
        # A dependency of every instrumentation: without it there is nothing to wait for.
        from wrapt import register_post_import_hook
    except ImportError:
        return
    _tell(name, f"waits for the import of {module}")

    def on_import(_: Any) -> None:
        with _lock:
            if name in _active or name not in _report:
                return
            _active[name] = _Silent()
        try:
            instrumentor = instrument()
        except Exception as error:  # noqa: BLE001 - tracing must not break an import
            with _lock:
                _active.pop(name, None)
            _tell(name, f"failed: {error}")
            _logger.warning("%s is not traced, its instrumentation failed: %s", name, error)
            return
        with _lock:
            _active[name] = instrumentor or _Silent()
        _tell(name, "instrumented" if instrumentor else "instrumented by somebody else")

    register_post_import_hook(on_import, module)


class _Silent:
    """Stands where there is nothing to take back."""

    def uninstrument(self) -> None:
        """Do nothing."""


def _instrument_temporal() -> Any:
    """Give every Temporal client the interceptor of the Temporal SDK; its workers inherit it."""
    from ananta_tracing.temporal import TemporalInstrumentor

    instrumentor = TemporalInstrumentor(sys.modules["temporalio.client"].Client)
    instrumentor.instrument()
    return instrumentor


def _is_installed(module: str) -> bool:
    """Whether a module can be imported, without importing what is above it."""
    top, _, rest = module.partition(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    if not rest or spec.submodule_search_locations is None:
        return True
    path = rest.replace(".", "/")
    return any(
        os.path.exists(f"{place}/{path}.py") or os.path.isdir(f"{place}/{path}")  # noqa: PTH110, PTH112
        for place in spec.submodule_search_locations
    )


def _tell(name: str, what: str) -> None:
    with _lock:
        _report[name] = what
