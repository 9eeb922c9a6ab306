"""From settings to working parts: resource, sampler, provider, processors, life cycle."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import trace

from ananta_tracing.tolerant import import_tolerantly

import_tolerantly("opentelemetry.propagate")
import_tolerantly("opentelemetry.sdk.trace")

from opentelemetry.propagate import get_global_textmap, set_global_textmap  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator  # noqa: E402

from ananta_tracing.config_file import configure_from_file, drop_overruled  # noqa: E402
from ananta_tracing.encoding import SpanEncoder  # noqa: E402
from ananta_tracing.export import ExportProcessor  # noqa: E402
from ananta_tracing.lifecycle import Lifecycle  # noqa: E402
from ananta_tracing.propagation import create_propagator  # noqa: E402
from ananta_tracing.redaction import Redactor  # noqa: E402
from ananta_tracing.resource import create_resource  # noqa: E402
from ananta_tracing.sampling import create_sampler  # noqa: E402
from ananta_tracing.settings import preset_sampler  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.util.types import AnyValue

    from ananta_tracing.delivery import Sender
    from ananta_tracing.settings import Settings

logger = logging.getLogger("ananta_tracing")


class Assembly(NamedTuple):
    """Parts that fit together but do nothing yet."""

    provider: Any
    is_foreign: bool
    """Somebody else's, to go on after this package has stopped."""
    processors: tuple[SpanProcessor, ...]
    processor: ExportProcessor | None
    """The one of the processors that is ours."""
    lifecycle: Lifecycle
    propagator: TextMapPropagator

    def install(self) -> None:
        """Make them those of the process."""
        for processor in self.processors:
            self.provider.add_span_processor(processor)
        set_global_textmap(self.propagator)
        if self.provider is not trace.get_tracer_provider():
            trace.set_tracer_provider(self.provider)
        self.lifecycle.install()


def assemble(
    settings: Settings,
    sampler: Sampler | None,
    span_processors: Sequence[SpanProcessor],
    provider_factory: Callable[..., Any] | None,
    redact: Callable[[str, AnyValue], AnyValue] | bool,  # noqa: FBT001
    *,
    problems: list[str],
) -> Assembly:
    """Build everything; what cannot be used is replaced and told in `problems`."""
    if settings.config_file:
        followed = _follow_config_file(settings, span_processors, problems)
        if followed is not None:
            return followed
    propagator = create_propagator(settings.propagators, problems)
    encoder = SpanEncoder(_create_redactor(settings, redact))
    processor = create_export_processor(settings, encoder)
    processors = [*span_processors, *_create_others(settings, problems)]
    if processor is not None:
        processors.append(processor)
    is_foreign = _has_provider()
    if is_foreign:
        provider: Any = trace.get_tracer_provider()
        _check_foreign(provider, problems)
    else:
        provider = _create_provider(settings, sampler, provider_factory, problems)
    if not hasattr(provider, "add_span_processor"):
        processors = []

    def deliver(timeout_seconds: float) -> None:
        flush_provider(provider, timeout_seconds)
        if processor is not None:
            processor.conclude()

    lifecycle = Lifecycle(deliver, processor)
    if processor is not None:
        processor.when_started = lifecycle.watch_signals
    logger.info(
        "Tracing %s (%s): %s, spans go to %s by %s",
        settings.service_name,
        settings.environment,
        settings.sampler,
        settings.endpoint or "nowhere",
        settings.protocol,
    )
    return Assembly(
        provider,
        is_foreign,
        tuple(processors),
        processor if processors else None,
        lifecycle,
        propagator,
    )


def _has_provider() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _follow_config_file(
    settings: Settings, span_processors: Sequence[SpanProcessor], problems: list[str]
) -> Assembly | None:
    """What the SDK has set up by the file; None where it could not, so that the variables hold."""
    # It may have been followed already, by `opentelemetry-instrument`.
    is_foreign = _has_provider()
    if not is_foreign:
        try:
            configure_from_file(settings.config_file)
        except ValueError as error:
            problems.append(f"OTEL_CONFIG_FILE: {error}; the other OTEL_ variables hold")
            return None
    drop_overruled(problems)
    provider: Any = trace.get_tracer_provider()
    logger.info("Tracing is set up as %s says", settings.config_file)
    return Assembly(
        provider,
        is_foreign or not _has_provider(),
        tuple(span_processors) if hasattr(provider, "add_span_processor") else (),
        None,
        Lifecycle(lambda timeout_seconds: flush_provider(provider, timeout_seconds), None),
        get_global_textmap(),
    )


def flush_provider(provider: Any, timeout_seconds: float) -> bool:
    """Have all processors of a provider deliver; True where there is nothing that could."""
    flush = getattr(provider, "force_flush", None)
    return True if flush is None else bool(flush(int(timeout_seconds * 1000)))


def _create_redactor(
    settings: Settings,
    redact: Callable[[str, AnyValue], AnyValue] | bool,  # noqa: FBT001
) -> Redactor | None:
    if redact is False:
        return None
    return Redactor(settings.sanitize_fields, redact if callable(redact) else None)


def _check_foreign(provider: Any, problems: list[str]) -> None:
    name = f"{type(provider).__module__}.{type(provider).__qualname__}"
    if hasattr(provider, "add_span_processor"):
        logger.info("%s is installed already; its spans are exported as well", name)
    else:
        problems.append(
            f"init_tracing: {name} is installed already and takes no span processor,"
            " so nothing is exported here; call init_tracing before it is installed"
        )


def _create_provider(
    settings: Settings,
    sampler: Sampler | None,
    provider_factory: Callable[..., Any] | None,
    problems: list[str],
) -> Any:
    if sampler is None:
        try:
            sampler = create_sampler(settings)
        except ValueError as error:
            choice = preset_sampler(settings.environment)
            problems.append(f"{settings.origins['sampler']}: {error}; {choice} is used")
            sampler = create_sampler(dataclasses.replace(settings, sampler=choice))
    parts: dict[str, Any] = {
        "resource": create_resource(settings),
        "sampler": sampler,
        "span_limits": settings.limits.to_sdk(),
        "id_generator": _create_id_generator(settings, problems),
    }
    if provider_factory is not None:
        return provider_factory(**parts)
    try:
        from ananta_tracing.provider import AnantaTracerProvider, check_sdk

        check_sdk()
    except Exception as error:  # noqa: BLE001 - whatever an SDK of tomorrow has changed
        logger.warning(
            "This OpenTelemetry SDK is unknown to ananta-tracing (%r): its own, slower tracer is"
            " used; update ananta-tracing",
            error,
        )
        return TracerProvider(shutdown_on_exit=False, **parts)
    return AnantaTracerProvider(**parts)


def _create_id_generator(settings: Settings, problems: list[str]) -> IdGenerator:
    name = settings.id_generator
    if name == "random":
        return RandomIdGenerator()
    for entry_point in _entry_points("opentelemetry_id_generator", name):
        generator = entry_point.load()()
        if isinstance(generator, IdGenerator):
            return generator
    problems.append(f"OTEL_PYTHON_ID_GENERATOR: {name!r} is not installed; random is used")
    return RandomIdGenerator()


def create_sender(settings: Settings) -> Sender:
    """The sender for the protocol of the settings."""
    # Imported here, on the exporting thread: a service does not wait for it to start.
    if settings.protocol == "grpc":
        from ananta_tracing.grpc_sender import GrpcSender

        return GrpcSender(settings)
    from ananta_tracing.http_sender import HttpSender

    return HttpSender(settings)


def create_export_processor(settings: Settings, encoder: SpanEncoder) -> ExportProcessor | None:
    """The processor that delivers to the endpoint of the settings; None where there is none."""
    if "otlp" not in settings.exporters or not settings.endpoint:
        return None
    return ExportProcessor(
        settings.batch,
        settings.timeout_seconds,
        lambda: create_sender(settings),
        encoder,
        settings.endpoint,
    )


def _create_others(settings: Settings, problems: list[str]) -> list[SpanProcessor]:
    """Processors for the exporters that are not ours."""
    processors: list[SpanProcessor] = []
    for name in settings.exporters:
        if name == "otlp":
            continue
        from opentelemetry.sdk.trace import export

        if name == "console":
            processors.append(export.SimpleSpanProcessor(export.ConsoleSpanExporter()))
            continue
        found = _entry_points("opentelemetry_traces_exporter", name)
        if found:
            processors.append(export.BatchSpanProcessor(found[0].load()()))
        else:
            problems.append(
                f"OTEL_TRACES_EXPORTER: {name!r} is not installed and is left out;"
                " write otlp, console or none"
            )
    return processors


def _entry_points(group: str, name: str) -> list[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group=group, name=name))
