"""Faces over `query`: Jaeger's v1 HTTP API, and the web UI beside it."""
