"""Spans for the comparison with Jaeger: every edge of the data model, the same for both sides."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from tests.unit.api.otlp_spans import MILLISECOND, event, link, of, span

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

SERVICES = ("cart", "team/checkout", "größe", "with space", "c++")
OPERATIONS = ("GET /", "POST /buy", "query", "")
SECOND = 1000 * MILLISECOND


def traces(
    first_start: int, *, count: int = 60, inner_links: bool = False
) -> dict[int, list[ResourceSpans]]:
    """Traces by id, one second apart.

    Args:
        first_start: start of the first one.
        count: number of traces.
        inner_links: let spans link to spans of their own trace, the parent among them.
    """
    generator = random.Random(f"{count} {inner_links}")
    found = {}
    for number in range(count):
        long_id = generator.getrandbits(128) | 1 << 120
        trace_id = long_id if number % 4 else long_id >> 64
        linked = trace_id if inner_links else long_id ^ 1
        found[trace_id] = _trace(generator, trace_id, first_start + number * SECOND, linked)
    return found


def _trace(generator: random.Random, trace_id: int, start: int, linked: int) -> list[ResourceSpans]:
    ids = [generator.getrandbits(64) | 1 for _ in range(generator.randint(1, 8))]
    by_service: dict[int, list[Span]] = {}
    for place, span_id in enumerate(ids):
        parent = generator.choice([0, *ids[:place]]) if place else 0
        if generator.random() < 0.1:
            parent = generator.getrandbits(64) | 1  # not in the trace
        one = _span(generator, trace_id, span_id, parent, start + place * MILLISECOND, linked)
        of_service = by_service.setdefault(generator.randrange(len(SERVICES)), [])
        of_service.append(one)
        if generator.random() < 0.1:
            of_service.append(one)  # delivered twice
    return [
        of(
            SERVICES[service],
            *spans,
            resource=_attributes(generator, 3, prefix="res_"),
            scope=generator.choice([("", ""), ("library", ""), ("library", "1.2.3")]),
        )
        for service, spans in by_service.items()
    ]


def _span(
    generator: random.Random, trace_id: int, span_id: int, parent: int, start: int, linked: int
) -> Span:
    return span(
        span_id,
        generator.choice(OPERATIONS[:3]),
        trace_id=trace_id,
        parent=parent,
        start=start + generator.randrange(1_000_000),
        duration=generator.choice([0, 1, 999, 1000, 1_500_000, 40 * MILLISECOND, 3 * SECOND]),
        kind=generator.randrange(6),
        status=generator.randrange(3),
        status_message=generator.choice(["", "out of stock"]),
        attributes=_attributes(generator, 6),
        trace_state=generator.choice(["", "vendor=value"]),
        events=[
            event(
                generator.choice(["", "exception", "cache miss"]),
                start + index * 1000,
                **_attributes(generator, 3),
            )
            for index in range(generator.choice([0, 0, 1, 3]))
        ],
        links=[
            link(
                linked,
                generator.choice([parent or 5, generator.getrandbits(64) | 1]),
                generator.choice([{}, {"opentracing.ref_type": "child_of"}]),
            )
            for _ in range(generator.choice([0, 0, 0, 1, 2]))
        ],
    )


def _attributes(generator: random.Random, most: int, prefix: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {
        "text": generator.choice(["", "plain", 'quoted "text" \\ \n', "größe 😀", "a:b"]),
        "flag": generator.random() < 0.5,
        "small": generator.randrange(-5, 500),
        "large": generator.choice([2**53, -(2**63), 2**63 - 1, 2**53 - 1]),
        "ratio": generator.choice([0.0, 1.0, -0.5, 1e-7, 1e21, 1e20, 0.1, 5e-324]),
        "blob": generator.randbytes(generator.randrange(5)),
        "list": [1, "two", 3.5, True, None, b"\xff", [[], {}]],
        "map": {"z": 1, "a": {"b": [2**60]}, "ä": "é"},
        "nothing": None,
        "event": "not a name",
    }
    chosen = generator.sample(sorted(values), generator.randint(0, most))
    return {prefix + key: values[key] for key in chosen}
