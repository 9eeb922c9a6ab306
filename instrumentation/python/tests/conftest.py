"""The plug-in that runs pytest inside of pytest, and names of attributes for all tests."""

import os

# As `init_tracing` does; the official instrumentations read it once, when they are first used.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability

_OpenTelemetrySemanticConventionStability._initialize()

pytest_plugins = ["pytester"]
