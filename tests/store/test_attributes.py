"""What spans can be searched by, on a real engine: keys, and values with how often they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ananta.model.filter import Comparison
from ananta.query import TraceQuery
from tests.unit.api.otlp_spans import CLIENT, ERROR, SERVER, START, event, of, request, span

if TYPE_CHECKING:
    from ananta.model.filter import Level
    from tests.store.conftest import Store

ALWAYS = TraceQuery(0, 2**63 - 1)
CART = TraceQuery(0, 2**63 - 1, where=Comparison("field", "service", "=", "cart"))


@pytest.fixture
async def shop(store: Store) -> Store:
    """Two services whose spans have the key `tenant` on different levels."""
    front = [
        span(1, "GET /", trace_id=1, kind=SERVER, attributes={"tenant": "Acme", "Http.Route": "/"}),
        span(2, "GET /", trace_id=2, kind=SERVER, attributes={"tenant": "acme", "tenant.id": 7}),
        span(3, "call", trace_id=2, kind=CLIENT, status=ERROR, attributes={"tenant": "b acme"}),
    ]
    cart = span(4, "add", trace_id=3, start=START + 1, events=[event("full", reason="x")])
    await store.write(
        request(
            of("front", *front, scope=("lib", "1")),
            of("cart", cart, resource={"tenant": "acme"}),
        )
    )
    return store


async def keys(store: Store, text: str = "", service: str = "", limit: int = 100) -> list[str]:
    found = await store.reader.attribute_keys(text, service, limit)
    return [f"{level}: {key}" for level, key in found]


async def test_keys_that_begin_with_the_text_come_first_in_any_case(shop: Store) -> None:
    assert await keys(shop, "http") == ["span: Http.Route"]
    assert await keys(shop, "ten") == ["resource: tenant", "span: tenant", "span: tenant.id"]
    assert await keys(shop, "r") == [
        "event: reason",
        "span: Http.Route",
        "scope: otel.scope.version",
        "resource: service.name",
    ]
    assert await keys(shop, "r", limit=2) == ["event: reason", "span: Http.Route"]
    assert await keys(shop, "%") == []


async def test_keys_of_a_service_are_those_its_spans_have(shop: Store) -> None:
    assert await keys(shop, "ten", service="cart") == ["resource: tenant"]
    assert await keys(shop, "ten", service="front") == ["span: tenant", "span: tenant.id"]
    assert await keys(shop, "", service="absent") == []


@pytest.mark.parametrize(
    ("level", "name", "text", "expected"),
    [
        ("field", "service", "", [("front", 3), ("cart", 1)]),
        ("field", "operation", "", [("GET /", 2), ("add", 1), ("call", 1)]),
        ("field", "kind", "", [("server", 2), ("client", 1), ("unspecified", 1)]),
        ("field", "status", "", [("unset", 3), ("error", 1)]),
        ("field", "status", "RR", [("error", 1)]),
        ("field", "duration", "", []),
        ("any", "tenant", "", [("acme", 2), ("Acme", 1), ("b acme", 1)]),
        ("any", "tenant", "B", [("b acme", 1)]),
        ("any", "tenant", "a", [("acme", 2), ("Acme", 1), ("b acme", 1)]),
        ("span", "tenant", "", [("Acme", 1), ("acme", 1), ("b acme", 1)]),
        ("resource", "tenant", "", [("acme", 1)]),
        ("scope", "tenant", "", []),
        ("scope", "otel.scope.name", "", [("lib", 3), ("", 1)]),
        ("any", "tenant.id", "", [("7", 1)]),
        ("any", "reason", "", [("x", 1)]),
        ("span", "reason", "", []),
        ("any", "event", "", [("full", 1)]),
        ("any", "absent", "", []),
    ],
)
async def test_values_are_counted_at_the_levels_asked_for(
    shop: Store, level: Level, name: str, text: str, expected: list[tuple[str, int]]
) -> None:
    assert await shop.reader.attribute_values(level, name, ALWAYS, text, 100) == expected
    assert await shop.reader.attribute_values(level, name, ALWAYS, text, 1) == expected[:1]


async def test_values_are_those_of_spans_that_match(shop: Store) -> None:
    assert await shop.reader.attribute_values("any", "tenant", CART, "", 9) == [("acme", 1)]
    late = TraceQuery(START + 1, START + 1)
    assert await shop.reader.attribute_values("field", "service", late, "", 9) == [("cart", 1)]
    never = TraceQuery(START + 2, START + 2)
    assert await shop.reader.attribute_values("field", "service", never, "", 9) == []


async def test_asking_for_values_nobody_has_hides_no_spans(shop: Store) -> None:
    """An engine that remembers where a condition failed must not mix it up with another."""
    for _ in range(2):
        assert await shop.reader.attribute_values("span", "tenant", ALWAYS, "absent", 9) == []
    assert len(await shop.reader.find_trace_ids(ALWAYS, 9)) == 3
    assert sum(spans for _, spans in await values_of_services(shop)) == 4


async def values_of_services(store: Store) -> list[tuple[str, int]]:
    return await store.reader.attribute_values("field", "service", ALWAYS, "", 9)
