"""The queues of the tests, and how a consumer's span is told to stand to its producer's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..core.conftest import _no_variables, http, run_python
from .brokers import kafka, rabbitmq, redis, sqs, temporal

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = [
    "_no_variables", "http", "kafka", "rabbitmq", "redis", "run_python", "sqs", "temporal",
]  # fmt: skip

VARIABLE = "ANANTA_TRACING_MESSAGING_CONSUMERS"
both_relations = pytest.mark.parametrize("relation", ["parent", "link"])


def named(spans: list[Span], name: str) -> Span:
    """The only span of this name."""
    found = [span for span in spans if span.name == name]
    assert len(found) == 1, f"{name}: {len(found)} among {[span.name for span in spans]}"
    return found[0]


def relation_of(spans: list[Span], producer: str, consumer: str) -> str:
    """What the producer's span is to the consumer's: its `parent`, a `link`, and never both."""
    sends = [span for span in spans if span.name == producer]
    outer = {span.parent_span_id for span in sends}  # pika's instrumentation makes two of a send
    sent = next(span for span in sends if span.span_id not in outer)
    received = named(spans, consumer)
    assert sent.kind == sent.SPAN_KIND_PRODUCER
    assert received.kind == received.SPAN_KIND_CONSUMER
    links = [(link.trace_id, link.span_id) for link in received.links]
    if links:
        assert links == [(sent.trace_id, sent.span_id)]
        assert received.trace_id != sent.trace_id
        return "link"
    assert (received.trace_id, received.parent_span_id) == (sent.trace_id, sent.span_id)
    return "parent"


def is_child(spans: list[Span], child: str, parent: str) -> bool:
    """Whether a span was made inside of another."""
    inner, outer = named(spans, child), named(spans, parent)
    return (inner.trace_id, inner.parent_span_id) == (outer.trace_id, outer.span_id)
