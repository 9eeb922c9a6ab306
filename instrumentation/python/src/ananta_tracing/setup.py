"""The state of tracing in this process: one provider, one tracer, the settings in force.

init_tracing ─▶ settings ─▶ resource, sampler, propagators ─▶ provider ─▶ exporting processor
                                                                      ─▶ life cycle, libraries
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import trace

from ananta_tracing.messaging import ConsumerTracer
from ananta_tracing.settings import Settings, resolve_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.util.types import AnyValue

    from ananta_tracing.assembly import Assembly
    from ananta_tracing.endpoint import Protocol
    from ananta_tracing.messaging import Relation
    from ananta_tracing.report import Statistics

logger = logging.getLogger("ananta_tracing")

SCOPE_NAME = "ananta_tracing"


class ConfigurationError(ValueError):
    """Raised by `init_tracing(strict=True)`: every problem of the settings, one a line."""


class _State(NamedTuple):
    """What one `init_tracing` has set up."""

    settings: Settings
    objects: tuple[object, ...]
    """What was given that is no setting."""
    parts: Assembly | None
    """None where tracing is disabled."""


_state: _State | None = None
_known_tracer: tuple[trace.TracerProvider, _State | None, trace.Tracer] | None = None
_told_differences: set[tuple[str, ...]] = set()
_lock = threading.RLock()


def settings() -> Settings | None:
    """The settings in force; None before `init_tracing`."""
    return None if _state is None else _state.settings


def _parts() -> Assembly | None:
    return None if _state is None else _state.parts


def tracer() -> trace.Tracer:
    """The tracer of the helpers, looked up anew: right before, after and without `init_tracing`."""
    global _known_tracer
    known, provider, state = _known_tracer, trace.get_tracer_provider(), _state
    if known is None or known[0] is not provider or known[1] is not state:
        found = provider.get_tracer(SCOPE_NAME)
        if state is not None and state.settings.messaging_consumers == "link":
            found = ConsumerTracer(found, "link")
        _known_tracer = known = provider, state, found
    return known[2]


def statistics() -> Statistics | None:
    """Spans exported and dropped so far; None where this package exports nothing."""
    parts = _parts()
    if parts is None or parts.processor is None:
        return None
    return parts.processor.report.statistics


def init_tracing(
    service_name: str | None = None,
    otlp_endpoint: str | None = None,
    sampling_ratio: float | None = None,
    *,
    service_version: str | None = None,
    environment: str | None = None,
    protocol: Protocol | None = None,
    insecure: bool | None = None,
    headers: Mapping[str, str] | None = None,
    resource_attributes: Mapping[str, Any] | None = None,
    sampler: Sampler | str | None = None,
    span_processors: Sequence[SpanProcessor] = (),
    provider_factory: Callable[..., Any] | None = None,
    instrument: str | Sequence[str] = "auto",
    messaging_consumers: Relation | None = None,
    redact: Callable[[str, AnyValue], AnyValue] | bool = True,
    strict: bool = False,
) -> trace.Tracer:
    """Set tracing up for this process, once, and return a tracer.

    An argument wins over an `OTEL_*` variable, that over the preset of the environment
    (`development`, `staging`, `production`), that over the default. Values that cannot be used
    are told in one warning each and replaced; nothing here ends the application.

    Args:
        service_name: how the service is called, else `OTEL_SERVICE_NAME`.
        otlp_endpoint: the collector, `http://host:4317` for gRPC, `http://host:4318` for HTTP.
        sampling_ratio: the share of new traces to keep, from 0 to 1; a trace begun elsewhere is
            kept or dropped as it was there.
        service_version: the version of the service.
        environment: names the environment and chooses the preset.
        protocol: `grpc` or `http/protobuf`, where the port does not tell.
        insecure: no TLS, for an endpoint without `http://` or `https://`.
        headers: sent with every request, for credentials.
        resource_attributes: added to what is detected.
        sampler: a name or an object, instead of `sampling_ratio`.
        span_processors: called before spans are exported.
        provider_factory: makes the provider from `resource`, `sampler`, `span_limits` and
            `id_generator`, for frameworks that bring their own.
        instrument: `auto` for all libraries found, `none`, or the names of some.
        messaging_consumers: `parent` has the span of a message's consumer continue the trace of
            its producer, the default; `link` has it start a trace of its own, linked to that.
        redact: called with (key, value) of what leaves the process, after the rules of
            `ananta_tracing.redaction`; returns what may, None to remove it. False lifts the rules.
        strict: raise instead of warning.

    Raises:
        ConfigurationError: `strict` is set and something cannot be used.

    Example:
        >>> tracer = init_tracing(service_name="cns-service", sampling_ratio=0.1)
        >>> with tracer.start_as_current_span("load_bom"):
        ...     pass
    """
    arguments = {
        "service_name": service_name,
        "otlp_endpoint": otlp_endpoint,
        "sampling_ratio": sampling_ratio,
        "service_version": service_version,
        "environment": environment,
        "protocol": protocol,
        "insecure": insecure,
        "headers": headers,
        "resource_attributes": resource_attributes,
        "sampler": sampler if isinstance(sampler, str) else None,
        "messaging_consumers": messaging_consumers,
    }
    objects = (
        None if isinstance(sampler, str) else sampler,
        tuple(span_processors),
        provider_factory,
        redact,
    )
    wanted = resolve_settings(arguments)
    with _lock:
        if _state is not None:
            _compare(_state, wanted, objects)
            return tracer()
        try:
            _set_up(wanted, objects, instrument, strict=strict)
        except ConfigurationError:
            raise
        except Exception:
            if strict:
                raise
            logger.exception("Tracing could not be set up; the service runs without it")
        return tracer()


def _compare(state: _State, wanted: Settings, objects: tuple[object, ...]) -> None:
    """Tell that a second call changes nothing; once for the same difference."""
    changed = [
        field.name
        for field in dataclasses.fields(Settings)
        if field.compare and getattr(state.settings, field.name) != getattr(wanted, field.name)
    ]
    if state.objects != objects:
        changed.append("sampler, span_processors, provider_factory or redact")
    if changed and tuple(changed) not in _told_differences:
        _told_differences.add(tuple(changed))
        logger.warning(
            "init_tracing was called before with other values of %s; the first call holds",
            ", ".join(changed),
        )


def _set_up(
    wanted: Settings,
    objects: tuple[Any, ...],
    instrument: str | Sequence[str],
    *,
    strict: bool,
) -> None:
    global _state
    problems = list(wanted.problems)
    if wanted.log_level:
        logger.setLevel(wanted.log_level.upper())
    # Read by the instrumentations when they load: the stable names of HTTP and databases.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", wanted.semconv_stability)
    if wanted.disabled:
        _state = _State(wanted, objects, None)
        logger.info("OTEL_SDK_DISABLED is set: no spans are made")
        return
    from ananta_tracing import assembly

    parts = assembly.assemble(wanted, *objects, problems=problems)
    if strict and problems:
        raise ConfigurationError("\n".join(problems))
    for problem in problems:
        logger.warning("%s", problem)
    parts.install()
    _state = _State(wanted, objects, parts)
    _instrument(wanted, instrument)


def _instrument(wanted: Settings, instrument: str | Sequence[str]) -> None:
    if instrument != "none" and instrument:
        from ananta_tracing import libraries

        names = None if instrument == "auto" else instrument
        libraries.instrument_libraries(wanted, [names] if isinstance(names, str) else names)
    from ananta_tracing import logs

    logs.correlate(wanted)


def flush_tracing(timeout: float = 5.0) -> bool:
    """Deliver what has ended so far; True only if all of it was taken within `timeout` seconds."""
    parts = _parts()
    if parts is None:
        return True
    from ananta_tracing.assembly import flush_provider

    return flush_provider(parts.provider, timeout)


def shutdown_tracing(timeout: float = 5.0) -> bool:
    """Deliver what is queued and stop tracing; True only if all of it was taken in time.

    Helpers and tracers stay callable and do nothing. May be called twice. A provider that was
    there before `init_tracing` goes on; what this package added to it stops.
    """
    parts = _parts()
    if parts is None:
        return True
    if parts.processor is None:
        delivered = flush_tracing(timeout)
    else:
        delivered = parts.processor.close(timeout)
    parts.lifecycle.remove()
    # A factory may have forgotten to return its provider.
    if parts.provider is not None and not parts.is_foreign:
        parts.provider.shutdown()
    return delivered
