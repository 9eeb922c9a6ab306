"""Spans in columns: `SpanBatch`, the one data structure between a receiver and an exporter.

A batch is immutable and made by the native extension. It knows nothing of pipelines, stores or
protocols other than OTLP, which is its definition.
"""

from __future__ import annotations

from ananta._native import SpanBatch

__all__ = ["SpanBatch"]
