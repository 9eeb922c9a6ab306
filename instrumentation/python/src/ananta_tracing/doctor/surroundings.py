"""What else is installed and may stand in the way: versions, instrumentations, other tracers."""

from __future__ import annotations

import os
from collections import defaultdict
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from opentelemetry import trace

from ananta_tracing import setup
from ananta_tracing.doctor.findings import Finding, fault, good, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ananta_tracing.settings import Settings

_OTHER_TRACERS = {
    "opentelemetry-distro": "under `opentelemetry-instrument` it sets its own provider first",
    "aws-opentelemetry-distro": "under `opentelemetry-instrument` it sets its own provider first",
    "ddtrace": "it traces the same libraries again",
    "logfire": "its configure() sets a provider of its own",
    "sentry-sdk": "with its OpenTelemetry integration it sets a provider of its own",
    "newrelic": "it traces the same libraries again",
}


def examine_surroundings(settings: Settings) -> Iterator[Finding]:
    """Look at what is installed and at how the process is run."""
    installed = _read_installed()
    yield from _examine_versions(installed)
    yield from _examine_provider(installed)
    yield from _examine_libraries(settings)
    yield from _examine_queue(settings)
    if os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"):
        yield note("provider", "OTEL_PYTHON_TRACER_PROVIDER names another provider, which is used")


def _read_installed() -> dict[str, list[str]]:
    """Distribution -> the versions found, more than one where it is installed twice."""
    found: dict[str, list[str]] = defaultdict(list)
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name and distribution.version not in found[name.lower()]:
            found[name.lower()].append(distribution.version)
    return found


def _examine_versions(installed: Mapping[str, list[str]]) -> Iterator[Finding]:
    ours = {
        name: versions for name, versions in installed.items() if name.startswith("opentelemetry")
    }
    for name, versions in ours.items():
        if len(versions) > 1:
            yield fault(
                "versions", f"{name} is installed {len(versions)} times ({', '.join(versions)});"
                " reinstall it",
            )  # fmt: skip
    api, sdk = (ours.get(f"opentelemetry-{name}", ["?"])[0] for name in ("api", "sdk"))
    if api != sdk:
        yield fault("versions", f"opentelemetry-api {api} and sdk {sdk} differ; install equal ones")
        return
    conventions = ours.get("opentelemetry-semantic-conventions", ["?"])[0]
    differing = sorted(
        f"{name} {versions[0]}"
        for name, versions in ours.items()
        if name.startswith("opentelemetry-instrumentation") and versions[0] != conventions
    )
    if differing:
        yield fault(
            "versions",
            f"made for other semantic conventions than {conventions}: {', '.join(differing)};"
            f" pip install opentelemetry-instrumentation-…=={conventions}",
        )
    else:
        yield good("versions", f"OpenTelemetry {api}, semantic conventions {conventions}")


def _examine_provider(installed: Mapping[str, list[str]]) -> Iterator[Finding]:
    provider = trace.get_tracer_provider()
    name = f"{type(provider).__module__}.{type(provider).__qualname__}"
    if setup.settings() is not None:
        yield good("provider", f"{name}, {setup.statistics()}")
    elif not isinstance(provider, trace.ProxyTracerProvider):
        yield note("provider", f"{name} is set already; init_tracing adds its exporter to it")
    for other, effect in _OTHER_TRACERS.items():
        if other in installed:
            yield note("provider", f"{other} is installed: {effect}")


def _examine_libraries(settings: Settings) -> Iterator[Finding]:
    from ananta_tracing import libraries

    if setup.settings() is None:
        libraries.instrument_libraries(settings)
    report = libraries.report_libraries()
    used = [
        name for name, state in report.items() if state.startswith(("instrumented", "waits for"))
    ]
    if used:
        yield good("libraries", f"traced once imported: {', '.join(sorted(used))}")
    else:
        yield note("libraries", "none is traced; pip install 'ananta-tracing[libraries]'")
    for name, state in sorted(report.items()):
        if state.startswith(("missing", "failed", "disabled")):
            yield note("libraries", f"{name} is not traced, {state}")


def _examine_queue(settings: Settings) -> Iterator[Finding]:
    batch = settings.batch
    seconds = batch.max_queue_size / 1000
    yield good(
        "queue",
        f"{batch.max_queue_size} spans, {batch.max_export_batch_size} a request, sent every"
        f" {batch.schedule_delay_seconds:g} s; at 1,000 spans a second it bridges {seconds:.1f} s"
        " without a collector, then spans are dropped and counted",
    )
    statistics = setup.statistics()
    if statistics is not None and any(statistics.dropped.values()):
        dropped = ", ".join(f"{count} {reason}" for reason, count in statistics.dropped.items())
        yield fault("queue", f"spans dropped by this process: {dropped}")
