"""The state of tracing in this process: one provider, one tracer, the settings in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace

if TYPE_CHECKING:
    from ananta_tracing.settings import Settings

SCOPE_NAME = "ananta_tracing"

_settings: Settings | None = None


def settings() -> Settings | None:
    """The settings in force; None before `init_tracing`."""
    return _settings


def tracer() -> trace.Tracer:
    """The tracer of the helpers, looked up anew: right before, after and without `init_tracing`."""
    return trace.get_tracer(SCOPE_NAME)
