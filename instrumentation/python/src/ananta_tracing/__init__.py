"""Distributed tracing for Python services: OpenTelemetry set up in one call, at half the cost."""
