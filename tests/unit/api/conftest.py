"""The application over the in-memory reader, asked as a client asks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from starlette.routing import Mount
from tests.unit.api.otlp_spans import request
from tests.unit.query.memory_reader import MemoryReader

from ananta.api import ananta_v1
from ananta.api.jaeger_v1 import JaegerV1
from ananta.api.web import create_app
from ananta.model import SpanBatch
from ananta.query import QueryService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

    from ananta.query.process import ProcessReader


@dataclass
class Api:
    """A client of the application, and the spans behind it.

    Spans become visible to queries only when the service asks for a flush.
    """

    reader: MemoryReader = field(default_factory=MemoryReader)
    pending: list[SpanBatch] = field(default_factory=list)
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.client_of()

    def client_of(self, **options: Any) -> httpx.AsyncClient:
        """A client of another application over the same spans."""
        service = QueryService(lambda: self.reader, self.flush)
        api_options = {
            key: options.pop(key)
            for key in ("max_clock_skew_seconds", "max_body_bytes", "max_response_bytes")
            if key in options
        }
        # What the process tells of itself is asked of running ones, by other tests.
        own = Mount(ananta_v1.PATH, ananta_v1.create_api(service, cast("ProcessReader", None)))
        app = create_app([own, *JaegerV1(service, **api_options).routes()], **options)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://query")

    def send(self, *resource_spans: ResourceSpans) -> None:
        self.pending.append(SpanBatch.from_otlp(request(*resource_spans)))

    async def flush(self) -> None:
        while self.pending:
            self.reader.add(self.pending.pop(0))

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(path, params=parameters or None)

    async def data(self, path: str, **parameters: Any) -> Any:
        answer = await self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def found(self, **parameters: Any) -> list[str]:
        """Ids of the traces a search over all time finds, in order."""
        window = {"start": 0, "end": 4_000_000_000_000_000}
        traces = await self.data("/api/traces", **(window | parameters))
        return [trace["traceID"].lstrip("0") for trace in traces]

    async def problem(self, path: str, status: int = 400, **parameters: Any) -> str:
        """The message of a request that must fail."""
        answer = await self.get(path, **parameters)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.text.endswith("\n")
        body = answer.json()
        message: str = body["errors"][0]["msg"]
        assert body == {
            "data": None,
            "total": 0,
            "limit": 0,
            "offset": 0,
            "errors": [{"code": status, "msg": message}],
        }
        return message


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    one = Api()
    async with one.client:
        yield one
