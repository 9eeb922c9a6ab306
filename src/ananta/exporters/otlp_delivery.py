"""What the exporters `otlp_grpc` and `otlp_http` share: awaiting a native client's deliveries.

Encoding, compression and the connections are the native clients' (`ananta._native`); a batch
nobody changed is sent as the bytes it came in as. Which failures are worth another try is OTLP's
own rule ("Failures" in its specification), per protocol.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ananta import __version__
from ananta.config.model import mask_url_passwords
from ananta.errors import DeliveryError, PermanentError, RetryableError, StartupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ananta._native import Delivery, OtlpGrpcClient, OtlpHttpClient
    from ananta.component import Host, Settings
    from ananta.model import SpanBatch

    Client = OtlpGrpcClient | OtlpHttpClient

USER_AGENT = f"ananta/{__version__}"

_GRPC_RESOURCE_EXHAUSTED = 8
_GRPC_RETRYABLE = frozenset({1, 4, 10, 11, 14, 15})
_HTTP_RETRYABLE = frozenset({0, 429, 502, 503, 504})  # 0 is no answer at all
_HTTP_THROTTLING = frozenset({429, 503})
_HTTP_TO_GRPC = {400: 3, 401: 16, 403: 7, 404: 12, 429: 8, 502: 14, 503: 14, 504: 14}
_GRPC_UNKNOWN = 2
_GRPC_UNAVAILABLE = 14


class Deliveries:
    """Deliveries under way over one native client, awaited on the running event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Delivery]] = {}
        self._loop.add_reader(client.fileno(), self._take_finished)

    async def deliver(self, batch: SpanBatch, timeout_seconds: float) -> Delivery:
        """Attempt one delivery; a timeout of 0 is none.

        Raises:
            RetryableError: closed before there was an answer; a failed delivery raises nothing.
        """
        ticket = self._client.export(batch, timeout_seconds)
        waiting: asyncio.Future[Delivery] = self._loop.create_future()
        self._waiting[ticket] = waiting
        try:
            return await waiting
        except asyncio.CancelledError:
            self._client.cancel(ticket)
            raise
        finally:
            del self._waiting[ticket]

    def close(self) -> None:
        """Give up what is under way."""
        self._loop.remove_reader(self._client.fileno())
        for waiting in self._waiting.values():
            waiting.set_exception(RetryableError("the exporter is shutting down"))

    def _take_finished(self) -> None:
        for ticket, delivery in self._client.take_finished():
            waiting = self._waiting.get(ticket)
            if waiting is not None and not waiting.done():
                waiting.set_result(delivery)


class OtlpExporter:
    """Delivers each batch in one request; base of both exporters."""

    def __init__(
        self,
        settings: Settings,
        timeout_seconds: float,
        connect: Callable[[], Client],
        error_of: Callable[[Delivery], DeliveryError],
    ) -> None:
        self._settings = settings
        self._timeout_seconds = timeout_seconds
        self._connect = connect
        self._error_of = error_of
        self._deliveries: Deliveries | None = None

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Prepare the client; it connects at the first delivery.

        Raises:
            StartupError: a certificate or another setting can't be used.
        """
        try:
            client = self._connect()
        except ValueError as error:
            message = f"exporters::{self._settings.id}::{error}"
            raise StartupError(message) from error
        self._deliveries = Deliveries(client)

    async def consume(self, batch: SpanBatch) -> None:
        """Deliver the batch, in one attempt.

        Raises:
            RetryableError: the server, or the way to it, is not up to it now.
            PermanentError: the server will not have this batch.
        """
        if self._deliveries is None:
            message = f"{self._settings.id} is not running"
            raise RetryableError(message)
        delivery = await self._deliveries.deliver(batch, self._timeout_seconds)
        if delivery.error is not None:
            raise self._error_of(delivery)
        if delivery.rejected_spans or delivery.warning:
            self._settings.log.warning(
                "The server accepted the batch but rejected %d spans: %s",
                delivery.rejected_spans,
                delivery.warning or "no reason given",
            )

    async def shutdown(self) -> None:
        """Close the connections; deliveries still under way are given up."""
        if self._deliveries is not None:
            self._deliveries.close()
            self._deliveries = None


def grpc_error(delivery: Delivery) -> DeliveryError:
    """The error of a failed delivery over gRPC."""
    message = _message(delivery)
    code, delay = delivery.status, delivery.retry_after_seconds
    throttled = code == _GRPC_RESOURCE_EXHAUSTED and delay is not None
    if throttled or code in _GRPC_RETRYABLE:
        return RetryableError(message, grpc_status=code, retry_after_seconds=delay)
    return PermanentError(message, grpc_status=code)


def http_error(delivery: Delivery) -> DeliveryError:
    """The error of a failed delivery over HTTP, with the gRPC status that stands for its status."""
    message = _message(delivery)
    if delivery.status in _HTTP_RETRYABLE:
        throttled = delivery.status in _HTTP_THROTTLING
        return RetryableError(
            message,
            grpc_status=_HTTP_TO_GRPC.get(delivery.status, _GRPC_UNAVAILABLE),
            retry_after_seconds=delivery.retry_after_seconds if throttled else None,
        )
    return PermanentError(message, grpc_status=_HTTP_TO_GRPC.get(delivery.status, _GRPC_UNKNOWN))


def _message(delivery: Delivery) -> str:
    """What went wrong; it may name the URL, and that may have a password."""
    return mask_url_passwords(delivery.error or "no reason given")
