"""What is decided in this process: which traces are kept, and what travels in headers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from ananta_tracing.doctor.findings import Finding, fault, good, note
from ananta_tracing.propagation import create_propagator
from ananta_tracing.sampler_names import XRAY_SAMPLERS
from ananta_tracing.sampling import create_sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta_tracing.settings import Settings

_TRIED_TRACES = 1000
_TRIED_PATHS = ("/health", "/healthz", "/ready", "/metrics", "/api/components")


def examine_sampling(settings: Settings) -> Iterator[Finding]:
    """Try the sampler on new traces and on paths."""
    yield from _say_who_decides(settings.origins.get("sampler", ""))
    if settings.sampler.name in XRAY_SAMPLERS:
        yield from _examine_xray(settings)
        return
    try:
        sampler = create_sampler(settings)
    except ValueError as error:
        yield fault("sampler", f"{error}; set OTEL_TRACES_SAMPLER")
        return

    def keeps(path: str) -> bool:
        trace_id = random.getrandbits(128) or 1
        attributes = {"url.path": path}
        result = sampler.should_sample(None, trace_id, "doctor", SpanKind.SERVER, attributes)
        return bool(result.decision.is_sampled())  # type: ignore[no-untyped-call]

    kept = sum(keeps("/api/components") for _ in range(_TRIED_TRACES))
    message = f"{settings.sampler} kept {kept} of {_TRIED_TRACES} new traces"
    if kept == 0:
        yield fault(
            "sampler",
            f"{message}: nothing new is sent; set OTEL_TRACES_SAMPLER=parentbased_always_on",
        )
    else:
        yield good("sampler", message)
    if settings.sampler.name == "traceidratio":
        yield note(
            "sampler",
            "traceidratio does not follow the caller, so traces break where ratios differ; write"
            " parentbased_traceidratio",
        )
    dropped = [path for path in _TRIED_PATHS if not any(keeps(path) for _ in range(200))]
    if dropped and kept:
        yield note("sampler", f"requests that are never traced: {', '.join(dropped)}")


def _say_who_decides(origin: str) -> Iterator[Finding]:
    """An argument wins over a variable, which surprises whoever sets the variable."""
    if origin.startswith("argument"):
        name = origin.split()[1]
        yield note(
            "sampler",
            f"{name} is set in the code, so OTEL_TRACES_SAMPLER changes nothing; leave it out of"
            " init_tracing where operators are to decide",
        )
    elif origin.startswith("OTEL_"):
        yield note(
            "sampler",
            f"{origin} holds unless the code passes sampling_ratio or sampler to init_tracing,"
            " which would win",
        )


def _examine_xray(settings: Settings) -> Iterator[Finding]:
    from ananta_tracing.xray_sampler import XRayRoot

    try:
        root = XRayRoot.from_settings(settings.sampler.argument, settings)
    except ValueError as error:
        yield fault("sampler", f"OTEL_TRACES_SAMPLER_ARG: {error}")
        return
    try:
        names = root.fetch_rules()
    except Exception as error:  # noqa: BLE001 - whatever a proxy answers
        yield fault(
            "sampler",
            f"X-Ray sampling rules cannot be had from {root.arguments.endpoint} ({error}); start"
            " the X-Ray daemon or the collector's proxy, and give it AWS_REGION and credentials",
        )
    else:
        yield good("sampler", f"xray, rules in their order: {', '.join(names) or 'none'}")


def examine_propagation(settings: Settings) -> Iterator[Finding]:
    """Inject and extract a trace and a baggage entry."""
    problems: list[str] = []
    propagator = create_propagator(settings.propagators, problems)
    yield from (fault("propagators", problem) for problem in problems)
    context = SpanContext(
        random.getrandbits(128) or 1,
        random.getrandbits(64) or 1,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    sent = baggage.set_baggage(
        "doctor", "here", trace.set_span_in_context(NonRecordingSpan(context))
    )
    headers: dict[str, str] = {}
    propagator.inject(headers, sent)
    received = propagator.extract(headers, Context())
    there = trace.get_current_span(received).get_span_context()
    shown = ", ".join(headers) or "no header"
    if there.trace_id != context.trace_id:
        yield fault(
            "propagators",
            f"{', '.join(settings.propagators)} writes {shown} and the trace does not survive; set"
            " OTEL_PROPAGATORS=tracecontext,baggage",
        )
    elif baggage.get_baggage("doctor", received) != "here":
        yield note("propagators", f"{shown}: the trace survives, baggage does not; add baggage")
    else:
        yield good("propagators", f"{shown}: trace and baggage survive")
