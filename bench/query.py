"""A client of Jaeger's HTTP query API that times its answers, on one kept connection."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from bench.runner import BenchError


class QueryClient:
    """Asks one system under test, one question after the other."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def traces(self, path: str) -> tuple[float, list[dict[str, Any]]]:
        """Milliseconds until the whole answer was there, and the traces in it."""
        begun = time.perf_counter()
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        body = response.read()
        milliseconds = (time.perf_counter() - begun) * 1e3
        if response.status not in (200, 404):
            message = f"GET {path}: {response.status} {body[:200].decode(errors='replace')}"
            raise BenchError(message)
        return milliseconds, json.loads(body).get("data") or []

    def trace(self, trace_id: bytes) -> tuple[float, int]:
        """Milliseconds to look a trace up, and how many spans of it were found."""
        milliseconds, traces = self.traces(f"/api/traces/{trace_id.hex()}")
        return milliseconds, len(traces[0]["spans"]) if traces else 0
