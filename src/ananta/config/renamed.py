"""Old names met in Collector files, and what replaces them.

Types that still work are aliases in the component table; here is what to say about them, how old
keys of theirs are translated, and what to say about names that are gone.
"""

from __future__ import annotations

from typing import Any

from ananta.component import Kind
from ananta.config.model import Expanded

_GONE_TYPES = {
    (Kind.EXPORTER, "jaeger"): "Jaeger takes OTLP itself; use otlp_grpc with its port 4317",
    (Kind.EXPORTER, "jaeger_thrift"): "Jaeger takes OTLP itself; use otlp_http with its port 4318",
    (Kind.EXPORTER, "opencensus"): "OpenCensus has ended; use otlp_grpc",
    (Kind.RECEIVER, "opencensus"): "OpenCensus has ended; use otlp",
    (Kind.EXTENSION, "memory_ballast"): "a ballast does nothing here; remove it and use the"
    " memory_limiter processor",
    (Kind.EXTENSION, "ballast"): "a ballast does nothing here; remove it and use the"
    " memory_limiter processor",
    (Kind.PROCESSOR, "queued_retry"): "exporters have sending_queue and retry_on_failure",
    (Kind.PROCESSOR, "spanmetrics"): "it became a connector; move it to connectors",
    (Kind.PROCESSOR, "servicegraph"): "it became a connector; move it to connectors",
    (Kind.PROCESSOR, "routing"): "it became a connector; move it to connectors",
}

_GONE_KEYS = {
    "blocking": "renamed to block_on_overflow",
    "batcher": "replaced by sending_queue::batch",
    "address": "write readers: [{pull: {exporter: {prometheus: {host: localhost, port: 8888}}}}]",
    "remote_sampling": "use the jaegerremotesampling extension",
    "ballast_size_mib": "a ballast does nothing here; remove the key",
}

_VERBOSITY_BY_LOG_LEVEL = {
    "debug": "detailed",
    "info": "normal",
    "warn": "basic",
    "error": "basic",
}


def advise_on_type(kind: Kind, component_type: str) -> str | None:
    """What to use instead of a type that is gone, or None."""
    return _GONE_TYPES.get((kind, component_type))


def advise_on_key(key: str) -> str | None:
    """What to write instead of a key that is gone, or None."""
    return _GONE_KEYS.get(key)


def warn_of_alias(component_type: str, current_type: str) -> str:
    """What to say about a component that is configured under an old type."""
    if component_type == "logging":
        return "the logging exporter has been deprecated, use the debug exporter instead"
    return f'"{component_type}" alias is deprecated; use "{current_type}" instead'


def translate_keys(kind: Kind, component_type: str, value: Any) -> tuple[Any, list[str]]:
    """The settings in today's keys, and a warning for each key that was translated."""
    if (kind, component_type) != (Kind.EXPORTER, "logging") or not isinstance(value, dict):
        return value, []
    level = value.get("loglevel")
    level = level.text if isinstance(level, Expanded) else level
    verbosity = _VERBOSITY_BY_LOG_LEVEL.get(level) if isinstance(level, str) else None
    if verbosity is None or "verbosity" in value:
        return value, []
    rest = {key: item for key, item in value.items() if key != "loglevel"}
    return {**rest, "verbosity": verbosity}, [
        f"loglevel: {level} is deprecated; write verbosity: {verbosity} instead"
    ]
