"""A test span: sent to the process's own OTLP receiver as any other program would send it.

So the whole way is tried, from the socket on: what answers 200 here is accepted like every span.
HTTP is taken where a receiver speaks it, else gRPC. A receiver with TLS is not tried: its
certificate is for its name, not for this process's loopback, and it may ask for one of the sender.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

from ananta import __version__
from ananta._native import OtlpGrpcClient, OtlpHttpClient
from ananta.component import Kind
from ananta.config.shared.endpoint import parse_endpoint
from ananta.errors import AnantaError
from ananta.exporters import otlp_grpc, otlp_http
from ananta.exporters.otlp_delivery import Deliveries
from ananta.model import SpanBatch
from ananta.query.answers import TestSpan
from ananta.query.process.components import running_components
from ananta.receivers.otlp import OtlpConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta._native import Delivery
    from ananta.config.shared import GrpcServerConfig, HttpServerConfig
    from ananta.telemetry.overview import Overview

SERVICE = "ananta-test"
OPERATION = "test span"
TIMEOUT_SECONDS = 10.0

_DURATION_NANOS = 1_000_000
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class NoWayInError(AnantaError):
    """There is no receiver a test span could be sent to; the message says why."""


class NotTakenError(AnantaError):
    """The test span was sent and not accepted; the message says why and what to check."""


class Way(NamedTuple):
    """A protocol of an OTLP receiver that listens.

    Attributes:
        receiver: its id.
        protocol: http or grpc.
        address: where it can be reached from here, `host:port`.
        config: the settings of the protocol.
    """

    receiver: str
    protocol: str
    address: str
    config: HttpServerConfig | GrpcServerConfig

    @property
    def endpoint(self) -> str:
        """Where spans are sent to."""
        if self.protocol == "grpc":
            return f"grpc://{self.address}"
        path = getattr(self.config, "traces_url_path", "")
        return f"http://{self.address}/{path.lstrip('/')}"


async def send_test_span(overview: Overview) -> TestSpan:
    """Send a span named `test span` of the service `ananta-test`.

    Raises:
        NoWayInError: no OTLP receiver without TLS listens on a port.
        NotTakenError: the span was not accepted.
    """
    way = _choose(overview)
    trace_id = secrets.token_hex(16)
    delivery = await _deliver(way, SpanBatch.from_otlp_json(_request(trace_id)))
    cause = delivery.error or (delivery.warning if delivery.rejected_spans else None)
    if cause is not None:
        message = (
            f'Receiver "{way.receiver}" did not take the test span at {way.endpoint}: {cause}.'
            " Check that nothing on this machine keeps the process from its own port, and look at"
            " the problems and the last errors of the components behind this receiver."
        )
        raise NotTakenError(message)
    return TestSpan(trace_id=trace_id, endpoint=way.endpoint)


def _choose(overview: Overview) -> Way:
    ways = sorted(_ways(overview), key=lambda way: way.protocol != "http")
    if not ways:
        message = (
            "There is no OTLP receiver that listens on a port, so no test span can be sent. Add"
            " the receiver otlp to a pipeline, or wait until the process is ready."
        )
        raise NoWayInError(message)
    for way in ways:
        if way.config.tls is None:
            return way
    message = (
        f"The OTLP receivers listen with TLS alone ({', '.join(way.address for way in ways)}), and"
        " a test span cannot be sent from inside: the certificate is for their names. Send one"
        " from a program that trusts it."
    )
    raise NoWayInError(message)


def _ways(overview: Overview) -> Iterator[Way]:
    for kind, receiver_id in running_components(overview.config):
        config = overview.config.receivers.get(receiver_id)
        if kind is not Kind.RECEIVER or not isinstance(config, OtlpConfig):
            continue
        addresses = overview.addresses.get(f"{kind.value}::{receiver_id}", {})
        for protocol, section in (("http", config.protocols.http), ("grpc", config.protocols.grpc)):
            if section is not None and section.transport != "unix" and protocol in addresses:
                yield Way(receiver_id, protocol, _reachable(addresses[protocol]), section)


def _reachable(address: str) -> str:
    """Where a listening address is reached from this machine."""
    host, port = parse_endpoint(address)
    host = _EVERYWHERE.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _deliver(way: Way, batch: SpanBatch) -> Delivery:
    client: OtlpGrpcClient | OtlpHttpClient
    if way.protocol == "http":
        given = {"traces_endpoint": way.endpoint, "compression": "none"}
        client = OtlpHttpClient(
            otlp_http.client_options(otlp_http.OtlpHttpConfig.model_validate(given))
        )
    else:
        target = {"endpoint": way.address, "tls": {"insecure": True}, "compression": "none"}
        client = OtlpGrpcClient(
            otlp_grpc.client_options(otlp_grpc.OtlpGrpcConfig.model_validate(target))
        )
    deliveries = Deliveries(client)
    try:
        return await deliveries.deliver(batch, TIMEOUT_SECONDS)
    finally:
        deliveries.close()


def _request(trace_id: str) -> bytes:
    """The span as an OTLP request in JSON."""
    now = time.time_ns()
    span = {
        "traceId": trace_id,
        "spanId": secrets.token_hex(8),
        "name": OPERATION,
        "kind": 1,
        "startTimeUnixNano": str(now - _DURATION_NANOS),
        "endTimeUnixNano": str(now),
        "attributes": [_attribute("test", "sent from the web UI to try the way in")],
    }
    resource = {"attributes": [_attribute("service.name", SERVICE)]}
    scope = {"name": "ananta.test", "version": __version__}
    scope_spans = [{"scope": scope, "spans": [span]}]
    return json.dumps(
        {"resourceSpans": [{"resource": resource, "scopeSpans": scope_spans}]}
    ).encode()


def _attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}
