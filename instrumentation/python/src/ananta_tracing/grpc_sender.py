"""OTLP over gRPC: the encoded request goes through the channel as it is.

This module, and grpcio with it, is imported when the first batch leaves, on the exporting thread,
so that a service does not wait for it while it starts.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import grpc

from ananta_tracing.delivery import (
    Outcome,
    Verdict,
    explain_error,
    read_partial_success,
    read_retry_delay,
)
from ananta_tracing.endpoint import GRPC_PORT, HTTP_PORT

if TYPE_CHECKING:
    from ananta_tracing.settings import Settings

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_BUSY = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "DATA_LOSS"})
_OPTIONS = (
    # By default a channel that could not connect waits up to two minutes before it tries again.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.primary_user_agent", "ananta-tracing"),
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
    f" (its usual port is {HTTP_PORT})"
)


class GrpcSender:
    """Calls the trace service of one host. See `ananta_tracing.delivery.Sender`."""

    survives_fork = False  # gRPC skips what it does for forks while a thread is inside it

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metadata = tuple((key.lower(), value) for key, value in settings.headers.items())
        self._channel: grpc.Channel | None = None
        self._call: Any = None
        self._has_connected = False

    def send(
        self, payload: bytes, timeout_seconds: float, connect_timeout_seconds: float
    ) -> Outcome:
        """Call once."""
        if not self._has_connected and (failure := self._knock(connect_timeout_seconds)):
            return failure
        gzip = self._settings.compression == "gzip"
        try:
            if self._call is None:
                self._channel = self._open()
                self._call = self._channel.unary_unary(_METHOD)
            answer: bytes = self._call(
                payload,
                timeout=timeout_seconds,
                metadata=self._metadata,
                compression=grpc.Compression.Gzip if gzip else None,
            )
        except grpc.RpcError as error:
            return self._explain(error)
        except (OSError, ValueError) as error:
            return Outcome(Verdict.REFUSED, f"{self._settings.endpoint}: {error}")
        self._has_connected = True
        return read_partial_success(answer)

    def _knock(self, timeout_seconds: float) -> Outcome | None:
        """Try the port by itself first.

        A call cannot tell an absent host from a slow answer, and would wait for both alike.
        """
        if any(name.lower().endswith("_proxy") for name in os.environ):
            return None  # the channel may take another way
        url = urlsplit(self._settings.endpoint)
        try:
            address = url.hostname or "", url.port or GRPC_PORT
            socket.create_connection(address, timeout_seconds).close()
        except OSError as error:
            return explain_error(error, self._settings.endpoint, timeout_seconds)
        return None

    def close(self) -> None:
        """Close the channel."""
        channel, self._channel, self._call = self._channel, None, None
        if channel is not None:
            channel.close()

    def _open(self) -> grpc.Channel:
        settings = self._settings
        target = urlsplit(settings.endpoint).netloc
        if settings.insecure:
            return grpc.insecure_channel(target, options=_OPTIONS)
        credentials = grpc.ssl_channel_credentials(
            _read(settings.certificate),
            _read(settings.client_key),
            _read(settings.client_certificate),
        )
        return grpc.secure_channel(target, credentials, options=_OPTIONS)

    def _explain(self, error: Any) -> Outcome:
        code, details = error.code().name, error.details() or ""
        message = f"{self._settings.endpoint} answered {code} ({details})"
        trailers = dict(error.trailing_metadata() or ())
        delay = read_retry_delay(trailers.get("grpc-status-details-bin", b""))
        if code == "UNAVAILABLE":
            reached = (
                "onnect" not in details and "DNS" not in details and "resolving" not in details
            )
            verdict = Verdict.BUSY if reached or delay is not None else Verdict.UNREACHABLE
            return Outcome(verdict, f"{message}; {self._unavailable(details)}", delay)
        if code in _BUSY or (code == "RESOURCE_EXHAUSTED" and delay is not None):
            return Outcome(Verdict.BUSY, message, delay)
        if "http2 header" in details:
            return Outcome(Verdict.REFUSED, f"{message}; {_SPEAKS_HTTP}")
        advice = _ADVICE.get(code, "see the log of the collector")
        return Outcome(Verdict.REFUSED, f"{message}; {advice}")

    def _unavailable(self, details: str) -> str:
        if "http1" in details.lower() or "settings frame" in details.lower():
            return _SPEAKS_HTTP
        if "certificate" in details.lower():
            return "set OTEL_EXPORTER_OTLP_CERTIFICATE to the file of its authority"
        if "DNS" in details or "resolving" in details:
            return "the host name is not known here; check OTEL_EXPORTER_OTLP_ENDPOINT"
        return (
            "start the collector, or set OTEL_EXPORTER_OTLP_ENDPOINT to where it runs;"
            " with a TLS port write https://, without http://"
        )


def _read(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None
