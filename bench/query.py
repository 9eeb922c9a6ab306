"""A client of Jaeger's HTTP query API that times its answers, on one kept connection."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from bench.runner import BenchError

_TIMEOUT_SECONDS = 120


class PendingError(BenchError):
    """The store has not taken yet what an answer would have to cover."""


class QueryClient:
    """Asks one system under test, one question after the other."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)

    def traces(self, path: str) -> tuple[float, list[dict[str, Any]]]:
        """Milliseconds until the whole answer was there, and the traces in it.

        Raises:
            PendingError: the answer is 503.
            BenchError: it is another error, or does not come.
        """
        try:
            milliseconds, status, body = self._get(path)
        except http.client.RemoteDisconnected:  # it was idle for longer than the server keeps it
            self._connection.close()
            milliseconds, status, body = self._get(path)
        if status not in (200, 404):
            message = f"GET {path}: {status} {body[:200].decode(errors='replace')}"
            if status == 503:
                raise PendingError(message)
            raise BenchError(message)
        return milliseconds, json.loads(body).get("data") or []

    def _get(self, path: str) -> tuple[float, int, bytes]:
        begun = time.perf_counter()
        try:
            self._connection.request("GET", path)
            response = self._connection.getresponse()
            body = response.read()
        except TimeoutError as error:
            message = f"GET {path}: no answer within {_TIMEOUT_SECONDS} s"
            raise BenchError(message) from error
        return (time.perf_counter() - begun) * 1e3, response.status, body

    def trace(self, trace_id: bytes) -> tuple[float, int]:
        """Milliseconds to look a trace up, and how many spans of it were found."""
        milliseconds, traces = self.traces(f"/api/traces/{trace_id.hex()}")
        return milliseconds, len(traces[0]["spans"]) if traces else 0
