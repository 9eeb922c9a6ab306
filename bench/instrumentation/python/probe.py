"""A Python process that is measured from inside; prints one JSON object.

`python probe.py start`: milliseconds to import and set up tracing.
`… exit N`, `… sigterm N`: makes N spans, says so, and ends or waits to be ended.
`… stages`: microseconds a span of each stage up to its bytes.
`… all N`: CPU microseconds a span, everything included, at 2,000 spans a second.
`… requests N`: those of a request to the FastAPI application, called at the same rate.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

import tracing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_WARM_SPANS = 2_000
_SPANS_PER_SECOND, _SPANS_AT_ONCE = 2_000, 20
_STAGE_SPANS, _STAGE_REPEATS = 4_096, 5
_BATCH = 512
_REQUEST = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/items/7",
    "raw_path": b"/items/7",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
    "client": ("127.0.0.1", 50_000),
    "server": ("127.0.0.1", 8_000),
}
"""As uvicorn hands it to an application."""


def many_attributes() -> Iterator[dict[str, Any]]:
    """Ten attributes as services have them: most repeat from span to span, three do not."""
    drawn = [
        {
            "http.request.method": "GET",
            "url.scheme": "http",
            "url.path": f"/components/{number}",
            "http.response.status_code": 200,
            "server.address": "cns-service",
            "server.port": 8000,
            "component.type": "resistor",
            "component.mpn": f"RC0402FR-07{number}KL",
            "component.found": True,
            "enrichment.score": number / 10_000,
        }
        for number in range(10_000)
    ]
    return cycle(drawn)


def measure_start() -> dict[str, float]:
    """From nothing imported to a tracer that could be used."""
    begun = time.perf_counter()
    tracing.start()
    tracing.tracer()
    return {"milliseconds": (time.perf_counter() - begun) * 1e3}


def make_spans(spans: int) -> None:
    """End so many spans."""
    tracing.start()
    tracer, attributes = tracing.tracer(), many_attributes()
    for _ in range(spans):
        with tracer.start_as_current_span("op", attributes=next(attributes)):
            pass


def measure_all(spans: int) -> dict[str, float]:
    """CPU a span of the whole process while it makes and exports spans at a steady rate."""
    make_spans(_WARM_SPANS)
    tracer, attributes = tracing.tracer(), many_attributes()

    async def make_span() -> None:
        with tracer.start_as_current_span("op", attributes=next(attributes)):
            pass

    return {"micros": asyncio.run(_cpu_micros(make_span, spans)), "made": _WARM_SPANS + spans}


def measure_requests(requests: int) -> dict[str, float]:
    """CPU a request of the whole process while an application is called at a steady rate."""
    from service import app

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: dict[str, Any]) -> None:
        pass

    async def call() -> None:
        await app(dict(_REQUEST), receive, send)

    async def measure() -> float:
        for _ in range(_WARM_SPANS):
            await call()
        return await _cpu_micros(call, requests)

    return {"micros": asyncio.run(measure())}


async def _cpu_micros(work: Callable[[], Awaitable[None]], times: int) -> float:
    """CPU of one time, with the export of what came of it."""
    await asyncio.sleep(1.2)  # what came before is exported
    cpu, begun = time.process_time(), time.perf_counter()
    for made in range(0, times, _SPANS_AT_ONCE):
        for _ in range(_SPANS_AT_ONCE):
            await work()
        due = begun + (made + _SPANS_AT_ONCE) / _SPANS_PER_SECOND
        await asyncio.sleep(max(due - time.perf_counter(), 0))
    tracing.finish()
    return (time.process_time() - cpu) / times * 1e6


def measure_stages() -> dict[str, float]:
    """Each stage by itself, in a tight loop, the best of some."""
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

    class Keep(SpanProcessor):
        waits_for_end = True

        def on_end(self, span: ReadableSpan) -> None:
            ended.append(span)
            if len(ended) > _STAGE_SPANS:
                ended.clear()

    ended: list[ReadableSpan] = []
    provider, encode = _parts()
    provider.add_span_processor(Keep())
    tracer, attributes = provider.get_tracer("bench"), many_attributes()

    def create() -> None:
        for _ in range(_STAGE_SPANS):
            with tracer.start_as_current_span("op"):
                pass

    def create_with_attributes() -> None:
        for _ in range(_STAGE_SPANS):
            with tracer.start_as_current_span("op", attributes=next(attributes)):
                pass

    def encode_all() -> None:
        for first in range(0, _STAGE_SPANS, _BATCH):
            encode(spans[first : first + _BATCH])

    created, complete = _best(create), _best(create_with_attributes)
    ended.clear()
    create_with_attributes()
    spans = list(ended)
    return {"create": created, "attributes": complete - created, "encode": _best(encode_all)}


def _best(work: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(_STAGE_REPEATS):
        begun = time.process_time()
        work()
        best = min(best, (time.process_time() - begun) / _STAGE_SPANS * 1e6)
    return best


def _parts() -> tuple[Any, Callable[[list[Any]], bytes]]:
    """A provider of the side without processors, and what makes a request of ended spans."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    resource = Resource.create({"service.name": "bench"})
    if tracing.SIDE == "stock":
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
        from opentelemetry.sdk.trace import TracerProvider

        return TracerProvider(resource=resource), lambda spans: encode_spans(
            spans
        ).SerializeToString()

    from ananta_tracing.encoding import Origin, RequestEncoder, SpanEncoder
    from ananta_tracing.limits import Limits
    from ananta_tracing.provider import AnantaTracerProvider
    from ananta_tracing.redaction import Redactor
    from ananta_tracing.sampling import create_sampler
    from ananta_tracing.settings import resolve_settings

    settings = resolve_settings({})
    encoder = SpanEncoder(Redactor(settings.sanitize_fields, None))
    request_encoder = RequestEncoder(encoder)
    provider = AnantaTracerProvider(
        resource=resource,
        sampler=create_sampler(settings),
        span_limits=Limits().to_sdk(),
        id_generator=RandomIdGenerator(),
    )

    def encode(spans: list[Any]) -> bytes:
        return request_encoder.encode_request(
            [Origin(span.resource, span.instrumentation_scope) for span in spans],
            [encoder.encode_span(span) for span in spans],
        )

    return provider, encode


def main() -> None:
    """Do what the arguments say."""
    mode, *rest = sys.argv[1:]
    if mode in ("exit", "sigterm"):
        make_spans(int(rest[0]))
        print(json.dumps({"spans": int(rest[0])}), flush=True)
        if mode == "sigterm":
            time.sleep(60)
    elif mode in ("all", "requests"):
        measure = {"all": measure_all, "requests": measure_requests}[mode]
        print(json.dumps(measure(int(rest[0]))))
    else:
        print(json.dumps({"start": measure_start, "stages": measure_stages}[mode]()))


if __name__ == "__main__":
    main()
