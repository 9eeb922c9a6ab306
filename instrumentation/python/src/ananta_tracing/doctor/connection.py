"""The way to the collector, step by step: name, port, TLS, protocol, a real span, and back."""

from __future__ import annotations

import dataclasses
import json
import random
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags, format_trace_id

from ananta_tracing.assembly import create_sender
from ananta_tracing.connection import create_tls_context
from ananta_tracing.delivery import Outcome, Verdict
from ananta_tracing.doctor.findings import Finding, Level, fault, good, note
from ananta_tracing.encoding import Origin, RequestEncoder, SpanEncoder
from ananta_tracing.endpoint import GRPC_PORT, HTTP_PORT, TRACES_PATH, read_port
from ananta_tracing.resource import create_resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta_tracing.endpoint import Protocol
    from ananta_tracing.settings import Settings

_CONNECT_TIMEOUT_SECONDS = 3.0
_EXPORT_TIMEOUT_SECONDS = 5.0
_QUERY_TIMEOUT_SECONDS = 10.0
_LARGEST_CLOCK_DIFFERENCE_SECONDS = 2.0


def examine_connection(settings: Settings, query_url: str = "") -> Iterator[Finding]:
    """Follow the way of a span; stops where it is cut."""
    if "otlp" not in settings.exporters:
        yield fault(
            "exporter", "OTEL_TRACES_EXPORTER leaves out otlp, so no collector gets anything"
        )
        return
    if not settings.endpoint:
        yield fault("endpoint", "it cannot be read (see the settings), so no span is sent")
        return
    url = urlsplit(settings.endpoint)
    host = url.hostname or ""
    port = read_port(url)
    addresses = _resolve(host, port)
    if isinstance(addresses, Finding):
        yield addresses
        return
    yield good("name", f"{host} is {', '.join(addresses)}")
    opened = _open(host, port)
    yield opened
    if opened.level is not Level.GOOD:
        yield from _try_other_ports(settings, host, port)
        return
    if url.scheme == "https":
        yield _shake_hands(settings, host, port)
    yield from _send_span(settings, query_url)


def _resolve(host: str, port: int) -> list[str] | Finding:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return fault(
            "name",
            f"{host} cannot be resolved ({error}); check OTEL_EXPORTER_OTLP_ENDPOINT, and inside"
            " containers that both are on the same network",
        )
    return sorted({str(address[4][0]) for address in found})


def _open(host: str, port: int) -> Finding:
    begin = time.monotonic()
    try:
        with socket.create_connection((host, port), _CONNECT_TIMEOUT_SECONDS):
            millis = (time.monotonic() - begin) * 1000
            return good("port", f"{host}:{port} accepts connections ({millis:.1f} ms)")
    except ConnectionRefusedError:
        message = f"nothing listens at {host}:{port}; start the collector (`ananta up`), or correct"
    except OSError as error:
        message = f"{host}:{port} does not answer ({error}); check firewall and network, or correct"
    return fault("port", f"{message} OTEL_EXPORTER_OTLP_ENDPOINT")


def _try_other_ports(settings: Settings, host: str, tried: int) -> Iterator[Finding]:
    """Where a usual port of OTLP is open beside the one that is not."""
    for port in (GRPC_PORT, HTTP_PORT):
        if port != tried and _open(host, port).level is Level.GOOD:
            yield note(
                "port",
                f"{host}:{port} accepts connections: perhaps"
                f" OTEL_EXPORTER_OTLP_ENDPOINT={urlsplit(settings.endpoint).scheme}://{host}:{port}",
            )


def _shake_hands(settings: Settings, host: str, port: int) -> Finding:
    try:
        context = create_tls_context(settings)
        with (
            socket.create_connection((host, port), _CONNECT_TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            certificate = secure.getpeercert() or {}
            until = certificate.get("notAfter", "an unknown date")
            return good("TLS", f"{secure.version()}, certificate valid until {until}")
    except ssl.SSLCertVerificationError as error:
        return fault(
            "TLS",
            f"the certificate is not trusted ({error.verify_message}); set"
            " OTEL_EXPORTER_OTLP_CERTIFICATE to the file of its authority",
        )
    except ssl.SSLError as error:
        return fault("TLS", f"{host}:{port} speaks no TLS ({error.reason}); write http://")
    except OSError as error:
        return fault("TLS", f"{error}; check OTEL_EXPORTER_OTLP_CERTIFICATE and CLIENT_KEY")


def _send_span(settings: Settings, query_url: str) -> Iterator[Finding]:
    trace_id = random.getrandbits(128) or 1
    begin = time.monotonic()
    outcome = _export(settings, trace_id)
    millis = (time.monotonic() - begin) * 1000
    if outcome.verdict is not Verdict.DELIVERED:
        yield fault("export", outcome.message)
        yield from _try_other_protocol(settings, trace_id)
        return
    if outcome.rejected_spans:
        yield fault("export", f"the collector rejected the span: {outcome.message}")
        return
    shown = format_trace_id(trace_id)
    yield good(
        "export", f"a test span was taken over {settings.protocol} ({millis:.1f} ms): {shown}"
    )
    if outcome.message:
        yield note("export", f"the collector says: {outcome.message}")
    if settings.protocol == "http/protobuf":
        yield from _compare_clocks(settings)
    if query_url:
        yield _find_trace(query_url, shown)


def _export(settings: Settings, trace_id: int) -> Outcome:
    now = time.time_ns()
    span = ReadableSpan(
        "ananta-tracing doctor",
        SpanContext(
            trace_id,
            random.getrandbits(64) or 1,
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        ),
        resource=create_resource(settings),
        attributes={"test": True},
        start_time=now - 1_000_000,
        end_time=now,
    )
    encoder = SpanEncoder()
    payload = RequestEncoder(encoder).encode_request(
        [Origin(span.resource, None)], [encoder.encode_span(span)]
    )
    sender = create_sender(settings)
    try:
        return sender.send(payload, _EXPORT_TIMEOUT_SECONDS, _CONNECT_TIMEOUT_SECONDS)
    finally:
        sender.close()


def _try_other_protocol(settings: Settings, trace_id: int) -> Iterator[Finding]:
    """Whether the same port takes the same span by the other protocol."""
    url = urlsplit(settings.endpoint)
    other: Protocol = "http/protobuf" if settings.protocol == "grpc" else "grpc"
    path = TRACES_PATH if other == "http/protobuf" else ""
    endpoint = url._replace(path=path, query="").geturl()
    outcome = _export(dataclasses.replace(settings, protocol=other, endpoint=endpoint), trace_id)
    if outcome.verdict is Verdict.DELIVERED:
        yield note("export", f"{other} works there: set OTEL_EXPORTER_OTLP_PROTOCOL={other}")


def _compare_clocks(settings: Settings) -> Iterator[Finding]:
    """By the date in an answer of the collector, where it gives one; whole seconds only."""
    try:
        with urlopen(settings.endpoint, timeout=_CONNECT_TIMEOUT_SECONDS) as response:
            headers = response.headers
    except HTTPError as error:
        headers = error.headers
        error.close()
    except (OSError, HTTPException):
        return
    try:
        difference = parsedate_to_datetime(headers["Date"]).timestamp() - time.time()
    except (KeyError, TypeError, ValueError):
        return
    if abs(difference) > _LARGEST_CLOCK_DIFFERENCE_SECONDS:
        yield fault(
            "clock",
            f"the collector's clock differs by {difference:+.0f} s; synchronise both, or spans of"
            " one trace will seem to overlap wrongly",
        )
    else:
        yield good("clock", "agrees with the collector's")


def _find_trace(query_url: str, trace_id: str) -> Finding:
    """Ask the Jaeger API of the backend for the test span until it is there."""
    url = f"{query_url.rstrip('/')}/api/traces/{trace_id}"
    deadline = time.monotonic() + _QUERY_TIMEOUT_SECONDS
    reason = ""
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=_CONNECT_TIMEOUT_SECONDS) as response:
                if json.load(response).get("data"):
                    return good("query", f"the test span can be seen: {query_url}/trace/{trace_id}")
        except (OSError, HTTPException, ValueError) as error:
            reason = f" ({error})"
        time.sleep(0.2)
    return fault(
        "query",
        f"{query_url} does not show the test span within {_QUERY_TIMEOUT_SECONDS:g} s{reason}; look"
        " at the pipeline of the collector, its sampler and its exporters",
    )
