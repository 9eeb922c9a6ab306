"""OTLP over HTTP: one kept connection, raw bytes, answers turned into outcomes.

The standard library is enough here, and importing it costs a service a tenth of what a client
library would. The sender is used by one thread at a time.
"""

from __future__ import annotations

import gzip
import http.client
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ananta_tracing.connection import explain_error, find_proxy, open_connection
from ananta_tracing.delivery import (
    Outcome,
    Verdict,
    read_partial_success,
    read_status_message,
)
from ananta_tracing.endpoint import GRPC_PORT, HTTP_PORT

if TYPE_CHECKING:
    from ananta_tracing.settings import Settings

_RETRYABLE = frozenset({429, 502, 503, 504})
_LONGEST_ANSWER_BYTES = 65_536
_SHOWN_ANSWER_LENGTH = 200


class HttpSender:
    """Posts requests to one URL. See `ananta_tracing.delivery.Sender`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = urlsplit(settings.endpoint)
        self._target = self._url.path + (f"?{self._url.query}" if self._url.query else "")
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "User-Agent": "ananta-tracing",
            **settings.headers,
        }
        if settings.compression == "gzip":
            self._headers["Content-Encoding"] = "gzip"
        self._connection: http.client.HTTPConnection | None = None

    def send(
        self, payload: bytes, timeout_seconds: float, connect_timeout_seconds: float
    ) -> Outcome:
        """Try once, or twice when a kept connection turns out to have been closed meanwhile."""
        if self._settings.compression == "gzip":
            payload = gzip.compress(payload, compresslevel=1)
        deadline = time.monotonic() + timeout_seconds
        while True:
            is_kept = self._connection is not None
            try:
                if self._connection is None:
                    self._connection = self._connect(min(timeout_seconds, connect_timeout_seconds))
                return self._attempt(
                    self._connection, payload, max(deadline - time.monotonic(), 0.01)
                )
            except (http.client.HTTPException, OSError) as error:
                self.close()
                if is_kept and _is_stale(error) and time.monotonic() < deadline:
                    continue
                return self._explain(error, timeout_seconds)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _attempt(
        self, connection: http.client.HTTPConnection, payload: bytes, timeout_seconds: float
    ) -> Outcome:
        connection.sock.settimeout(timeout_seconds)
        connection.request("POST", self._target, payload, self._headers)
        response = connection.getresponse()
        answer = response.read(_LONGEST_ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        return self._judge(response, answer)

    def _connect(self, timeout_seconds: float) -> http.client.HTTPConnection:
        scheme = self._url.scheme
        proxy = find_proxy(self._url.hostname or "", scheme)
        if proxy and scheme == "http":
            self._target = self._url.geturl()  # the proxy forwards the request itself
        return open_connection(self._settings, timeout_seconds, proxy=proxy)

    def _judge(self, response: http.client.HTTPResponse, answer: bytes) -> Outcome:
        status = response.status
        if 200 <= status < 300:
            return read_partial_success(answer)
        said = _shown(answer, response.headers.get("Content-Type", ""))
        said = f"{self._settings.endpoint} answered {status} {response.reason}{said}"
        if status in _RETRYABLE:
            delay = _retry_after(response.headers.get("Retry-After"))
            return Outcome(Verdict.BUSY, said, delay)
        if 300 <= status < 400:
            location = response.headers.get("Location", "somewhere else")
            advice = f"it redirects to {location}; set OTEL_EXPORTER_OTLP_ENDPOINT to that"
        else:
            advice = _ADVICE.get(status, "see the log of the collector")
        return Outcome(Verdict.REFUSED, f"{said}; {advice}")

    def _explain(
        self, error: OSError | http.client.HTTPException, timeout_seconds: float
    ) -> Outcome:
        endpoint = self._settings.endpoint
        if isinstance(error, http.client.HTTPException) or (
            isinstance(error, ConnectionResetError) and self._url.port == GRPC_PORT
        ):
            advice = (
                "it does not speak HTTP; for gRPC set OTEL_EXPORTER_OTLP_PROTOCOL=grpc,"
                f" for HTTP use port {HTTP_PORT}"
            )
            return Outcome(
                Verdict.UNREACHABLE, f"{endpoint}: {error or type(error).__name__}: {advice}"
            )
        return explain_error(error, endpoint, timeout_seconds)


_ADVICE = {
    400: "it could not read the request; is it an OTLP endpoint?",
    401: "credentials are missing or wrong; set OTEL_EXPORTER_OTLP_HEADERS",
    403: "the credentials do not allow it; check OTEL_EXPORTER_OTLP_HEADERS",
    404: "there is no OTLP endpoint at this path; check OTEL_EXPORTER_OTLP_ENDPOINT",
    405: "there is no OTLP endpoint at this path; check OTEL_EXPORTER_OTLP_ENDPOINT",
    413: "the request is too large for it; lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    415: "it does not take protobuf; is it an OTLP endpoint?",
}


def _is_stale(error: Exception) -> bool:
    """Whether a kept connection had simply been closed by the other side."""
    return isinstance(error, (ConnectionResetError, BrokenPipeError, http.client.BadStatusLine))


def _shown(answer: bytes, content_type: str) -> str:
    if "protobuf" in content_type:
        text = read_status_message(answer)
    else:
        text = answer.decode(errors="replace")
    text = " ".join(text.split())[:_SHOWN_ANSWER_LENGTH]
    return f" ({text})" if text else ""


def _retry_after(value: str | None) -> float | None:
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return None
