"""OTLP over gRPC: the one call `Export`, made of HTTP/2 and five bytes before the request.

grpcio would add 18 MB and six threads to a service, and holds forks up; nothing of what it does
for that is needed here. This module and h2 are imported when the first batch leaves, on the
exporting thread, so that a service does not wait for them while it starts.
"""

from __future__ import annotations

import binascii
import gzip
import time
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ananta_tracing.connection import explain_error, find_proxy, open_connection
from ananta_tracing.delivery import Outcome, Verdict, read_partial_success, read_retry_delay
from ananta_tracing.endpoint import HTTP_PORT
from ananta_tracing.http2 import Http2Connection, Http2Error, Response

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from ananta_tracing.settings import Settings

_LONGEST_TIMEOUT_MILLIS = 99_999_999  # eight digits are allowed
_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
# What an answer without a status of gRPC means: it comes from a proxy before the collector.
_CODE_OF_HTTP = {
    "400": "INTERNAL",
    "401": "UNAUTHENTICATED",
    "403": "PERMISSION_DENIED",
    "404": "UNIMPLEMENTED",
    "429": "UNAVAILABLE",
    "502": "UNAVAILABLE",
    "503": "UNAVAILABLE",
    "504": "UNAVAILABLE",
}
_BUSY = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
_ADVICE = {
    "UNIMPLEMENTED": "it takes no traces; is it an OTLP endpoint?",
    "UNAUTHENTICATED": "credentials are missing or wrong; set OTEL_EXPORTER_OTLP_HEADERS",
    "PERMISSION_DENIED": "the credentials do not allow it; check OTEL_EXPORTER_OTLP_HEADERS",
    "RESOURCE_EXHAUSTED": "it is full or the request too large;"
    " lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
}
_SPEAKS_HTTP = (
    "it does not speak gRPC; for HTTP set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    f" (its usual port is {HTTP_PORT}), for TLS write https://"
)


class GrpcSender:
    """Calls the trace service of one host. See `ananta_tracing.delivery.Sender`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = urlsplit(settings.endpoint)
        self._host = url.hostname or ""
        self._is_compressed = settings.compression == "gzip"
        self._headers = [
            (":method", "POST"),
            (":scheme", url.scheme),
            (":authority", url.netloc),
            (":path", _PATH),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "ananta-tracing"),
            *((name.lower(), text) for name, text in settings.headers.items()),
        ]
        if self._is_compressed:
            self._headers.append(("grpc-encoding", "gzip"))
        self._connection: HTTPConnection | None = None
        self._http2: Http2Connection | None = None

    def send(
        self, payload: bytes, timeout_seconds: float, connect_timeout_seconds: float
    ) -> Outcome:
        """Call once."""
        endpoint = self._settings.endpoint
        deadline = time.monotonic() + timeout_seconds
        allowed = (
            "grpc-timeout",
            f"{min(max(int(timeout_seconds * 1000), 1), _LONGEST_TIMEOUT_MILLIS)}m",
        )
        try:
            if self._http2 is None or not self._http2.is_usable():
                self.close()
                self._http2 = self._connect(min(timeout_seconds, connect_timeout_seconds))
            response = self._http2.request(
                [*self._headers, allowed], self._frame(payload), deadline
            )
            return self._judge(response)
        except (Http2Error, HTTPException) as error:
            outcome = Outcome(Verdict.UNREACHABLE, f"{endpoint}: {error}: {_SPEAKS_HTTP}")
        except OSError as error:
            outcome = explain_error(error, endpoint, timeout_seconds)
        except ValueError as error:
            advice = "check OTEL_EXPORTER_OTLP_HEADERS"
            outcome = Outcome(Verdict.REFUSED, f"{endpoint}: {error}; {advice}")
        self.close()
        return outcome

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self._http2 = self._connection, None, None
        if connection is not None:
            connection.close()

    def _connect(self, timeout_seconds: float) -> Http2Connection:
        self._connection = open_connection(
            self._settings,
            timeout_seconds,
            proxy=find_proxy(self._host, "grpc", "https", "http"),
            tunnels=True,
            protocols=("h2",),
        )
        return Http2Connection(self._connection.sock)

    def _frame(self, payload: bytes) -> bytes:
        """A message as gRPC sends it: whether it is compressed, its length, its bytes."""
        if self._is_compressed:
            payload = gzip.compress(payload, compresslevel=1)
        return bytes((self._is_compressed,)) + len(payload).to_bytes(4, "big") + payload

    def _judge(self, response: Response) -> Outcome:
        headers = response.headers
        code = _read_code(headers)
        if code == "OK":
            return read_partial_success(_read_message(response.body))
        endpoint, details = self._settings.endpoint, unquote(headers.get("grpc-message", ""))
        if not code:
            return Outcome(Verdict.UNREACHABLE, f"{endpoint}: {_SPEAKS_HTTP}")
        message = f"{endpoint} answered {code} ({details})"
        delay = read_retry_delay(_read_binary(headers.get("grpc-status-details-bin", "")))
        if code in _BUSY or (code == "RESOURCE_EXHAUSTED" and delay is not None):
            return Outcome(Verdict.BUSY, message, delay)
        advice = _ADVICE.get(code, "see the log of the collector")
        return Outcome(Verdict.REFUSED, f"{message}; {advice}")


def _read_code(headers: dict[str, str]) -> str:
    """The name of the status; empty where the answer is none of gRPC."""
    status = headers.get("grpc-status")
    if status is None:
        http_status = headers.get(":status", "")
        return "" if http_status == "200" else _CODE_OF_HTTP.get(http_status, "UNKNOWN")
    known = status.isdecimal() and int(status) < len(_CODES)
    return _CODES[int(status)] if known else "UNKNOWN"


def _read_message(body: bytes) -> bytes:
    """The first message of an answer; empty where it cannot be read."""
    message = body[5 : 5 + int.from_bytes(body[1:5], "big")]
    if body[:1] != b"\x01":
        return message
    try:
        return gzip.decompress(message)
    except (OSError, EOFError):
        return b""


def _read_binary(text: str) -> bytes:
    """A header of bytes, which gRPC writes as base64 without the signs that pad it."""
    try:
        return binascii.a2b_base64(text + "==")
    except binascii.Error:
        return b""
