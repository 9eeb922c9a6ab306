"""How the services reach each other and what they lean on, with the spans such calls leave.

Names and attributes follow the semantic conventions of OpenTelemetry 1.38 for HTTP, databases and
messaging.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, Status, StatusCode

from ananta.demo.story import DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.trace import Span, SpanContext
    from opentelemetry.util.types import AttributeValue

    from ananta.demo.story import Attributes, Story

_SERVER_ERROR = 500
_ATTEMPTS = 3


@contextmanager
def request(
    story: Story, service: str, method: str, route: str, path: str, attributes: Attributes | None
) -> Iterator[Span]:
    """A service answers an HTTP request; what fails within is a 500."""
    told: dict[str, AttributeValue] = {
        "http.request.method": method,
        "http.route": route,
        "url.path": path,
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        **(attributes or {}),
    }
    with story.span(service, f"{method} {route}", SpanKind.SERVER, told) as span:
        story.spend(0.3, 2)
        try:
            yield span
        except DependencyError:
            span.set_attribute("http.response.status_code", 502)
            raise
        span.set_attribute("http.response.status_code", 201 if method == "POST" else 200)
        story.spend(0.1, 1)


@contextmanager
def call(
    story: Story, caller: str, callee: str, method: str, route: str, path: str, **attributes: str
) -> Iterator[Span]:
    """A service asks another by HTTP: the client's span around the server's."""
    told: dict[str, AttributeValue] = {
        "http.request.method": method,
        "url.full": f"http://{callee}.ananta.svc:8080{path}",
        "server.address": f"{callee}.ananta.svc",
        "server.port": 8080,
    }
    with story.span(caller, method, SpanKind.CLIENT, told) as client:
        story.spend(0.4, 3)
        try:
            with request(story, callee, method, route, path, attributes) as server:
                yield server
        except DependencyError:
            client.set_attribute("http.response.status_code", 502)
            raise
        client.set_attribute("http.response.status_code", 201 if method == "POST" else 200)
        story.spend(0.3, 2)


def statement(
    story: Story,
    service: str,
    operation: str,
    table: str,
    text: str,
    longest_ms: float = 12,
    namespace: str = "ananta",
) -> None:
    """A statement in PostgreSQL; it times out when the database is very slow.

    The span is named by operation and table alone; which tenant's it is, the namespace says.
    """
    told: dict[str, AttributeValue] = {
        "db.system.name": "postgresql",
        "db.namespace": namespace,
        "db.collection.name": table,
        "db.operation.name": operation,
        "db.query.text": text,
        "server.address": "postgres.ananta.svc",
        "server.port": 5432,
    }
    with story.span(service, f"{operation} {table}", SpanKind.CLIENT, told):
        slow = story.database_slowness
        if slow > 1:
            story.event("db.client.connection.wait", {"db.client.connection.pool.name": "main"})
            story.spend(5 * slow, 20 * slow)
        story.spend(0.6 * slow, longest_ms * slow)
        if slow > 1 and story.likely(0.06):
            story.wait(5000)
            message = f"canceling statement due to statement timeout: {operation} {table}"
            raise DependencyError(message)


def cache(story: Story, service: str, key: str, *, hit: bool) -> None:
    """A look into Redis."""
    told: dict[str, AttributeValue] = {
        "db.system.name": "redis",
        "db.operation.name": "GET",
        "db.query.text": f"GET {key}",
        "server.address": "redis.ananta.svc",
        "cache.hit": hit,
    }
    with story.span(service, "GET", SpanKind.CLIENT, told):
        story.spend(0.1, 1.2)


def publish(story: Story, service: str, topic: str, key: str) -> SpanContext:
    """Send a message to Kafka; the context is what its consumers link to."""
    told: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "messaging.kafka.message.key": key,
        "server.address": "kafka.ananta.svc",
    }
    with story.span(service, f"send {topic}", SpanKind.PRODUCER, told) as span:
        story.spend(0.5, 4)
        return span.get_span_context()


@contextmanager
def consume(
    story: Story, service: str, topic: str, messages: Sequence[SpanContext]
) -> Iterator[Span]:
    """A service works on messages, which began elsewhere: linked, not children."""
    told: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.batch.message_count": len(messages),
        "messaging.consumer.group.name": service,
    }
    with story.span(service, f"process {topic}", SpanKind.CONSUMER, told, links=messages) as span:
        story.spend(0.5, 3)
        yield span


def supplier(story: Story, service: str, host: str, path: str, *, failing: float) -> None:
    """Ask a supplier's API, again when it fails; a span for each attempt.

    Args:
        story: in which it is asked.
        service: who asks.
        host: of the supplier.
        path: what is asked for.
        failing: probability that an attempt fails.

    Raises:
        DependencyError: the last attempt failed, too.
    """
    for attempt in range(_ATTEMPTS):
        told: dict[str, AttributeValue] = {
            "http.request.method": "GET",
            "url.full": f"https://{host}{path}",
            "server.address": host,
            "server.port": 443,
        }
        if attempt:
            told["http.request.resend_count"] = attempt
        with story.span(service, "GET", SpanKind.CLIENT, told) as span:
            story.spend(20, 220)
            if not story.likely(failing):
                span.set_attribute("http.response.status_code", 200)
                return
            if story.likely(0.4):
                story.wait(1500)
                span.set_attribute("error.type", "timeout")
                span.set_status(Status(StatusCode.ERROR, f"no answer from {host} within 1.5 s"))
            else:
                span.set_attribute("http.response.status_code", 503)
                span.set_attribute("error.type", "503")
                span.set_status(Status(StatusCode.ERROR, "503 Service Unavailable"))
        story.event("retry", {"attempt": attempt + 1, "backoff_ms": 100 * 2**attempt})
        story.wait(100 * 2**attempt)
    message = f"{host} failed {_ATTEMPTS} times: GET {path}"
    raise DependencyError(message)
