"""The processor `span_limit`, as it is offered to Ananta by entry point."""

from __future__ import annotations

from ananta.component import Kind, Stability
from ananta.config.table import ComponentFactory

SPAN_LIMIT = ComponentFactory(
    kind=Kind.PROCESSOR,
    type="span_limit",
    config="ananta_span_limit.processor:SpanLimitConfig",
    component="ananta_span_limit.processor:SpanLimitProcessor",
    summary="Refuses batches of more than so many spans.",
    stability=Stability.ALPHA,
)
