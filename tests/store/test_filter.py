"""Filters of the query language on a real engine: what is found is what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ananta.query import TraceQuery, parse_filter
from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    MILLISECOND,
    OK,
    SERVER,
    START,
    event,
    link,
    of,
    request,
    span,
)

if TYPE_CHECKING:
    from tests.store.conftest import Store

SECOND = 1000 * MILLISECOND


async def found(store: Store, text: str) -> str:
    query = TraceQuery(0, 2**64 - 1, where=parse_filter(text))
    ids = await store.reader.find_trace_ids(query, 100)
    return "".join(sorted(str(int.from_bytes(trace_id, "big")) for trace_id in ids))


def one(
    number: int,
    name: str,
    milliseconds: int,
    *,
    kind: int = 0,
    status: int = 0,
    events: Any = (),
    **attributes: Any,
) -> Any:
    """A span in a trace of its own, a second after the one before."""
    return span(
        number,
        name,
        trace_id=number,
        start=START + number * SECOND,
        duration=milliseconds * MILLISECOND,
        kind=kind,
        status=status,
        events=list(events),
        attributes=attributes,
    )


@pytest.fixture
async def five(store: Store) -> Store:
    """Five traces of one span each, which differ in everything that can be asked for."""
    full = event("e", reason="full")
    spans = [
        ("front", one(1, "GET /", 5, kind=SERVER, status=OK, tenant="a", code=200)),
        ("front", one(2, "GET /x", 50, kind=SERVER, status=ERROR, tenant="b", code=500)),
        ("cart", one(3, "add", 500, kind=CLIENT, tenant="a", code=404, note="50%_off")),
        ("cart", one(4, "add", 5000, events=[full], tenant="")),
        ("store", one(5, "SELECT", 1, kind=CLIENT, tenant="c\\d")),
    ]
    for service, its_span in spans:
        await store.write(request(of(service, its_span)))
    return store


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "12345"),
        ("service=front", "12"),
        ("service!=front", "345"),
        ("service=f* OR service=st*", "125"),
        ("kind=server", "12"),
        ("kind=client status=unset", "35"),
        ("-kind=server", "345"),
        ("error", "2"),
        ("NOT error", "1345"),
        ("name=GET*", "12"),
        ("tenant=a", "13"),
        ("tenant!=a", "245"),
        ("tenant=*", "12345"),
        ("note", "3"),
        ("-note", "1245"),
        ('note="50%_off"', "3"),
        ("note=50%_*", "3"),
        ("note=5*x*", ""),
        ("code>=404", "23"),
        ("code<404 code>100", "1"),
        ("tenant>1", ""),
        ("reason=full", "4"),
        ('tenant=""', "4"),
        (r'tenant="c\\d"', "5"),
        ("resource.service.name=cart", "34"),
        ("resource.service.name=c*", "34"),
        ("span.service.name=cart", ""),
        ("resource.service.name", "12345"),
        ("service=front (tenant=b OR tenant=c)", "2"),
        ("(service=front tenant=a) OR (service=cart tenant=a)", "13"),
        ("NOT (service=front OR tenant=a)", "45"),
        ("resource.service.name=cart OR tenant=b", "234"),
        ("-resource.service.name=cart", "125"),
    ],
)
async def test_a_filter_finds_what_it_says(five: Store, text: str, expected: str) -> None:
    assert await found(five, text) == expected


@pytest.fixture
async def eventful(store: Store) -> Store:
    """Spans with events and links, with values of each type, short and long."""
    retry = event("retry", attempt=3, pool="main", share=0.25, last=True, owed=-300)
    failure: dict[str, Any] = {"exception.type": "an.Error", "exception.stack": "at x\n" * 9000}
    dated = event("dated", at="2026-01-01T00:00:00Z")
    other = link(9, 9, {"pool": "linked"})
    nul = event("re\0try", START, pool="m\0n", **{"k" * 200: "wide"})
    spans = [
        one(1, "a", 1, events=[retry]),
        one(2, "b", 1, status=ERROR, events=[event("exception", START, **failure), retry]),
        one(3, "c", 1, pool="own", event="own"),
        span(4, "d", trace_id=4, links=[other], events=[dated, event("retry later")]),
        one(5, "e", 1, events=[nul]),
        one(6, "f", 1, note="\n\x04pool\x12\x06\n\x04main"),
    ]
    await store.write(request(of("shop", *spans)))
    return store


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pool", "12345"),
        ("-pool", "6"),
        ("pool=m*", "125"),
        ("pool!=m*", "346"),
        ("pool=*n*", "12345"),
        ("pool=main", "12"),
        ("pool=li*", "4"),
        ("span.pool", "3"),
        ("resource.pool", ""),
        ("attempt>=3", "12"),
        ("attempt>3", ""),
        ("owed<-299", "12"),
        ("share<0.3", "12"),
        ("last=t*", "12"),
        ("exception.type=an*", "2"),
        ("exception.stack=at*x*", "2"),
        ("at=*Z", "4"),
        ("k" * 200 + "=wi*", "5"),
        ("event", "12345"),
        ("event=retry", "12"),
        ("event=retr*", "124"),
        ("event=re*y", "125"),
        ("event=exc*", "2"),
        ("event=own", "3"),
        ("event!=retr*", "356"),
        ("error pool=m*", "2"),
        ("event=ret* OR pool=own", "1234"),
        ("absent=*x*", ""),
    ],
)
async def test_events_and_links_are_found_by_every_comparison(
    eventful: Store, text: str, expected: str
) -> None:
    assert await found(eventful, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("duration>=5ms", "1234"),
        ("duration>5ms", "234"),
        ("duration<=5ms", "15"),
        ("duration=50ms", "2"),
        ("duration>5ms duration<1s", "23"),
        ("service=cart duration>1s", "4"),
        ("-duration>5ms", "15"),
    ],
)
async def test_durations_are_compared(five: Store, text: str, expected: str) -> None:
    assert await found(five, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("peer=db.svc", "136"),
        ("peer=mail", "2"),
        ("peer=redis", "4"),
        ('peer="db*"', ""),
        ("peer=db*", "136"),
        ("kind=client -peer=db.svc", "24"),
        ('peer=""', "5"),
        ("service=b peer=db.svc", "6"),
        ("error peer=db.svc", "3"),
        ("peer=db.svc OR peer=mail", "1236"),
        ("peer=5432", ""),
    ],
)
async def test_the_peer_is_whom_a_client_says_it_calls(
    store: Store, text: str, expected: str
) -> None:
    told: list[tuple[str, int, dict[str, Any]]] = [
        ("a", CLIENT, {"server.address": "db.svc", "server.port": 5432, "db.system.name": "x"}),
        ("a", CLIENT, {"server.address": "db.svc", "peer.service": "mail"}),
        ("a", CLIENT, {"net.peer.name": "db.svc", "status": ERROR}),
        ("a", CLIENT, {"db.system": "redis", "db.name": "db.svc"}),
        ("b", SERVER, {"server.address": "db.svc"}),
        ("b", CLIENT, {"server.address": "db.svc", "peer.service": ""}),
    ]
    for number, (service, kind, attributes) in enumerate(told, 1):
        await store.write(request(of(service, one(number, "call", 5, kind=kind, **attributes))))
    assert await found(store, text) == expected
