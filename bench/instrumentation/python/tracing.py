"""Sets tracing up in a Python process that is measured, by `BENCH_SIDE` and the `OTEL_*` variables.

Imports come late: what a side loads belongs to its cost. For the same reason the programs in this
folder run by themselves and not as modules of `bench`.
"""

from __future__ import annotations

import os
from typing import Any

SIDE = os.environ.get("BENCH_SIDE", "bare")


def start() -> None:
    """Do what the README of the side says, in its shortest form."""
    if SIDE == "stock":
        _start_stock()
    elif SIDE == "ananta":
        import ananta_tracing

        ananta_tracing.init_tracing()


def _start_stock() -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter: Any
    if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter as HttpExporter,
        )

        exporter = HttpExporter()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def instrument(app: Any) -> None:
    """Trace the requests of a FastAPI application."""
    if SIDE == "stock":
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app)
    elif SIDE == "ananta":
        import ananta_tracing

        ananta_tracing.instrument_app(app)


def tracer() -> Any:
    """A tracer of the side; one that does nothing where it is bare."""
    from opentelemetry import trace

    return trace.get_tracer("bench")


def finish() -> None:
    """Deliver everything."""
    from opentelemetry import trace

    if SIDE == "stock":
        trace.get_tracer_provider().shutdown()  # type: ignore[attr-defined]
    elif SIDE == "ananta":
        import ananta_tracing

        ananta_tracing.shutdown_tracing()
