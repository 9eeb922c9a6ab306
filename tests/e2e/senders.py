"""Raw OTLP/HTTP senders that remember what was acknowledged."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import threading
import time
from dataclasses import dataclass, field

from opentelemetry.proto.trace.v1 import trace_pb2 as trace

SPANS_A_REQUEST = 10


def trace_request(trace_id: bytes, *, spans: int = SPANS_A_REQUEST, padding: int = 0) -> bytes:
    """One trace of `spans` spans that start now, under the service `load`."""
    now = time.time_ns()
    data = trace.TracesData()
    container = data.resource_spans.add()
    service = container.resource.attributes.add(key="service.name")
    service.value.string_value = "load"
    scope = container.scope_spans.add()
    for index in range(spans):
        span = scope.spans.add(
            trace_id=trace_id,
            span_id=(index + 1).to_bytes(8, "big"),
            parent_span_id=(1).to_bytes(8, "big") if index else b"",
            name=f"step {index}",
            start_time_unix_nano=now + index,
            end_time_unix_nano=now + 1000 + index,
        )
        if padding:
            span.attributes.add(key="padding").value.string_value = "x" * padding
    return data.SerializeToString()


@dataclass
class Load:
    """Threads that send one trace after the other and note the answer to each."""

    port: int
    senders: int = 4
    padding: int = 0
    acknowledged: set[str] = field(default_factory=set)
    refused: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    enough: threading.Event = field(default_factory=threading.Event)
    _ids = itertools.count(1)

    def run(self, *, until_acknowledged: int) -> None:
        """Send until that many traces were acknowledged or `enough` is set."""
        threads = [
            threading.Thread(target=self._send, args=(until_acknowledged,), daemon=True)
            for _ in range(self.senders)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, until_acknowledged: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            self._send_on(connection, until_acknowledged)

    def _send_on(self, connection: http.client.HTTPConnection, until_acknowledged: int) -> None:
        while not self.enough.is_set() and len(self.acknowledged) < until_acknowledged:
            trace_id = (next(self._ids) | 0xA << 124).to_bytes(16, "big")
            body = trace_request(trace_id, padding=self.padding)
            try:
                connection.request(
                    "POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"}
                )
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self.broken += 1
                return
            if answer.status == 200:
                self.acknowledged.add(trace_id.hex())
            else:
                self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
