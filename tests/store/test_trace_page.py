"""What the page of one trace asks for, through the API over the real store."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from starlette.routing import Mount

from ananta.api import ananta_v1
from ananta.api.jaeger_v1 import JaegerV1
from ananta.api.web import create_app
from ananta.model import SpanBatch
from ananta.query import QueryService
from tests.unit.api.otlp_spans import (
    CLIENT,
    ERROR,
    MILLISECOND,
    SERVER,
    START,
    event,
    link,
    of,
    raw_trace_id,
    request,
    span,
)
from tests.unit.api.trace_columns import (
    ARRAY,
    BOOL,
    BYTES,
    DOUBLE,
    INT,
    IS_CUT_BELOW,
    IS_ERROR,
    IS_ORPHAN,
    MAP,
    MEDIA_TYPE,
    STRING,
    TraceColumns,
    decode,
)
from tests.unit.store.stored_spans import spans_with_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

    from ananta.query.process import ProcessReader
    from tests.store.conftest import Store

SECOND = 1000 * MILLISECOND
HOUR = 3600 * SECOND
MAX_SKEW_SECONDS = 60.0


class Page:
    """Asks about traces in one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        service = QueryService(lambda: store.reader, self._flush)
        own = ananta_v1.create_api(
            service, cast("ProcessReader", None), max_clock_skew_seconds=MAX_SKEW_SECONDS
        )
        jaeger = JaegerV1(service, max_clock_skew_seconds=MAX_SKEW_SECONDS)
        app = create_app([Mount(ananta_v1.PATH, own), *jaeger.routes()])
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://query", timeout=60
        )

    async def _flush(self) -> None:
        """What is written is stored."""

    async def write(self, *resource_spans: ResourceSpans) -> None:
        await self.store.write(request(*resource_spans))

    async def get(self, path: str, status: int = 200, **parameters: Any) -> httpx.Response:
        answer = await self.client.get(f"{ananta_v1.PATH}/traces/{path}", params=parameters)
        assert answer.status_code == status, answer.text
        return answer

    async def trace(self, trace_id: int, **parameters: Any) -> TraceColumns:
        answer = await self.get(f"{trace_id:032x}", **parameters)
        assert answer.headers["content-type"] == MEDIA_TYPE
        trace = decode(answer.content)
        assert trace.header["trace_id"] == f"{trace_id:032x}"
        return trace

    async def problem(self, path: str, status: int, **parameters: Any) -> str:
        body = (await self.get(path, status, **parameters)).json()
        assert body["data"] is None
        return str(body["errors"][0]["msg"])

    async def jaeger(self, trace_id: int, **parameters: Any) -> dict[str, Any]:
        answer = await self.client.get(f"/api/traces/{trace_id:032x}", params=parameters)
        return dict(answer.json()["data"][0])


@pytest.fixture
async def page(store: Store) -> AsyncIterator[Page]:
    page = Page(store)
    async with page.client:
        yield page


async def test_a_row_says_all_of_a_span(page: Page) -> None:
    attributes = {
        "text": "größe",
        "yes": True,
        "number": -(2**60),
        "half": 0.5,
        "data": b"\x00\xff",
        "list": [1, "a", None],
        "map": {"b": 1, "a": [True]},
        "nothing": None,
    }
    root = span(
        0xA1,
        "GET /",
        trace_id=7,
        kind=SERVER,
        duration=5 * MILLISECOND,
        attributes=attributes,
        status=ERROR,
        status_message="broken",
        trace_state="a=b",
        events=[event("later", START + 9, n=1), event("first", START + 3)],
        links=[link(8, 0xB, {"why": "batch"})],
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
    )
    child = span(0xA2, "", trace_id=7, parent=0xA1, start=START + 1, kind=CLIENT)
    await page.write(
        of("shop", root, resource={"host.name": "h"}, scope=("lib", "2")),
        of(None, child),
    )
    trace = await page.trace(7)
    assert trace.header["base_unix_nano"] == str(START)
    assert (trace.header["count"], trace.header["total"]) == (2, 2)
    assert trace.ids("span_id") == ["00000000000000a1", "00000000000000a2"]
    assert trace.ids("parent_span_id") == ["0" * 16, "00000000000000a1"]
    assert (trace["parent"], trace["next"]) == ((-1, 0), (2, 2))
    assert trace["start"] == (0, 1)
    assert trace["duration"] == (5 * MILLISECOND, MILLISECOND)
    assert trace.strings("service") == ["shop", "missing-service-name"]
    assert trace.strings("name") == ["GET /", "empty-span-name"]
    assert (trace["kind"], trace["status"]) == ((SERVER, CLIENT), (ERROR, 0))
    assert trace["flags"] == (IS_ERROR, 0)
    assert trace.strings("status_message") == ["broken", ""]
    assert trace.strings("trace_state") == ["a=b", ""]
    assert trace["dropped"] == (1, 2, 3, 0, 0, 0)
    assert trace.attributes("attribute", 0) == [
        ("text", STRING, "größe"),
        ("yes", BOOL, "true"),
        ("number", INT, str(-(2**60))),
        ("half", DOUBLE, "0.5"),
        ("data", BYTES, "00ff"),
        ("list", ARRAY, '[1,"a",null]'),
        ("map", MAP, '{"a":[true],"b":1}'),
        ("nothing", STRING, ""),
    ]
    assert list(trace.range("event_begin", 0)) == [0, 1]
    assert trace.strings("event_name") == ["first", "later"]
    assert trace["event_time"] == (3, 9)
    assert trace.attributes("event_attribute", 1) == [("n", INT, "1")]
    assert list(trace.range("link_begin", 0)) == [0]
    assert trace.ids("link_trace_id", 16) == [f"{8:032x}"]
    assert trace.ids("link_span_id") == [f"{0xB:016x}"]
    assert trace.attributes("link_attribute", 0) == [("why", STRING, "batch")]
    resource, other = trace["resource"]
    assert trace.attributes("resource_attribute", resource) == [
        ("service.name", STRING, "shop"),
        ("host.name", STRING, "h"),
    ]
    assert trace.attributes("resource_attribute", other) == []
    scope = trace["scope"][0]
    assert (trace.strings("scope_name")[scope], trace.strings("scope_version")[scope]) == (
        "lib",
        "2",
    )


def mixed_trace(seed: int) -> list[ResourceSpans]:
    """Skewed clocks, orphans, duplicates, cycles, shared ids and bad links, by chance."""
    generator = random.Random(seed)
    spans: dict[str, list[Any]] = {"front": [], "cart": [], "pay": []}
    for number in range(1, 60):
        one = span(
            number,
            f"step {number % 7}",
            trace_id=9,
            parent=generator.choice([0, generator.randint(1, 70), max(number - 1, 1)]),
            start=START + generator.randint(-5, 90) * MILLISECOND,
            duration=generator.randint(-1, 50) * MILLISECOND,
            kind=generator.choice([SERVER, CLIENT]),
            status=generator.choice([0, 1, ERROR]),
            attributes={"n": number, "telemetry.sdk.name": generator.choice("ab")},
            events=[event("e", START + number, k="v")],
            links=[link(generator.choice([0, 5]), 6)],
        )
        host = generator.choice(list(spans))
        spans[host] += [one] * generator.choice([1, 1, 1, 2])
        if generator.random() < 0.1:
            spans["cart"].append(span(number, "shared", trace_id=9, kind=SERVER))
    return [of(name, *found, resource={"host.name": name}) for name, found in spans.items()]


@pytest.mark.parametrize("raw", ["true", "false"])
@pytest.mark.parametrize("seed", range(6))
async def test_it_is_the_trace_that_jaegers_api_shows(page: Page, seed: int, raw: str) -> None:
    await page.write(*mixed_trace(seed))
    trace = await page.trace(9, raw=raw)
    expected = await page.jaeger(9, raw=raw)
    base = int(trace.header["base_unix_nano"])
    shown = [
        (
            trace.ids("span_id")[row],
            trace.strings("service")[row],
            trace.strings("name")[row],
            (base + int(trace["start"][row])) // 1000,
            int(trace["duration"][row]) // 1000,
            {key: text for key, _, text in trace.attributes("attribute", row)},
            [one for one in trace.warnings(row) if "own descendants" not in one],
            len(trace.range("link_begin", row)),
            [
                (base + int(trace["event_time"][place])) // 1000
                for place in trace.range("event_begin", row)
            ],
        )
        for row in range(trace.header["count"])
    ]
    fields = ("n", "telemetry.sdk.name")
    wanted = [
        (
            one["spanID"],
            expected["processes"][one["processID"]]["serviceName"],
            one["operationName"],
            one["startTime"],
            one["duration"],
            {tag["key"]: str(tag["value"]) for tag in one["tags"] if tag["key"] in fields},
            one["warnings"] or [],
            sum(1 for reference in one["references"] if int(reference["traceID"], 16) != 9),
            [log["timestamp"] for log in one["logs"]],
        )
        for one in expected["spans"]
    ]
    assert sorted(map(repr, shown)) == sorted(map(repr, wanted))
    assert len(shown) > 50
    assert any(trace["shift"]) is (raw == "false")


async def test_deep_and_wide_traces_are_shown_whole(page: Page) -> None:
    deep = [span(n, trace_id=1, parent=n - 1, start=START + n) for n in range(1, 2_001)]
    wide = [span(n, trace_id=2, parent=min(n - 1, 1), start=START + n) for n in range(1, 10_001)]
    await page.write(of("shop", *deep, *wide))
    assert (await page.trace(1))["depth"] == tuple(range(2_000))
    assert set((await page.trace(2))["parent"][1:]) == {0}


async def test_orphans_and_cycles_are_roots(page: Page) -> None:
    spans = [
        span(1, trace_id=3, parent=99),
        span(2, trace_id=3, parent=3, start=START + 2),
        span(3, trace_id=3, parent=2, start=START + 1),
    ]
    await page.write(of("shop", *spans))
    trace = await page.trace(3)
    assert trace["parent"] == (-1, -1, 1)
    assert [flags & IS_ORPHAN for flags in trace["flags"]] == [IS_ORPHAN, 0, 0]
    assert "own descendants" in trace.warnings(1)[-1]


def large_trace(count: int) -> list[Any]:
    """Spans 1 to `count`, each under an earlier one; every hundredth failed."""
    generator = random.Random(5)
    return [
        span(
            number,
            trace_id=4,
            parent=generator.randrange(1, number) if number > 1 else 0,
            start=START + number * MILLISECOND,
            duration=generator.randrange(1, 10**9),
            status=ERROR if number % 100 == 50 else 0,
            attributes={"n": number},
        )
        for number in range(1, count + 1)
    ]


async def test_a_cut_trace_tells_what_it_hides_and_opens_it(page: Page) -> None:
    count, limit = 3_000, 400
    await page.write(of("shop", *large_trace(count)))
    whole = await page.trace(4)
    cut = await page.trace(4, limit=limit)
    assert (cut.header["count"], cut.header["total"]) == (limit, count)
    assert cut["hidden"][0] == count - limit
    errors = [row for row, flags in enumerate(cut["flags"]) if flags & IS_ERROR]
    assert len(errors) == count // 100
    below = dict(zip(whole.ids("span_id"), subtree_sizes(whole), strict=True))
    for row, (span_id, shown) in enumerate(
        zip(cut.ids("span_id"), subtree_sizes(cut), strict=True)
    ):
        assert cut["hidden"][row] == below[span_id] - shown
    row = max(range(1, limit), key=lambda row: cut["hidden"][row])
    top = cut.ids("span_id")[row]
    opened = await page.trace(4, root=top, limit=limit)
    assert opened.header["total"] == below[top]
    assert opened.ids("span_id")[0] == top
    assert opened["depth"][0] == 0
    assert not opened["flags"][0] & IS_ORPHAN
    again = await page.trace(4, root=top)
    assert again.header["count"] == again.header["total"] == below[top]
    assert not any(flags & IS_CUT_BELOW for flags in again["flags"])
    assert [again.attributes("attribute", row) for row in range(3)] == [
        [("n", INT, str(int(span_id, 16)))] for span_id in again.ids("span_id")[:3]
    ]
    assert "no span 00000000000f4240" in await page.problem("4", 404, root="f4240", limit=limit)


def subtree_sizes(trace: TraceColumns) -> list[int]:
    return [after - row for row, after in enumerate(trace["next"])]


async def test_ids_are_taken_in_any_case_and_mistakes_are_told(page: Page) -> None:
    await page.write(of("shop", span(1, trace_id=0xABCDEF)))
    assert (await page.get("ABCDEF")).content == (await page.get("abcdef")).content
    assert await page.problem("abcd", 404) == "trace not found"
    for path in ("xyz", "xyz/otlp", "xyz/typical", "xyz/linked-from"):
        assert "is not a trace id" in await page.problem(path, 400)
    assert "'root'" in await page.problem("abcdef", 400, root="q")
    assert "'limit'" in await page.problem("abcdef", 400, limit=0)
    assert "'limit'" in await page.problem("abcdef", 400, limit=1_000_001)
    assert "'raw'" in await page.problem("abcdef", 400, raw="maybe")
    assert "'format'" in await page.problem("abcdef/otlp", 400, format="xml")
    assert await page.problem("abcd/otlp", 404) == "trace not found"


async def test_an_answer_is_compressed_for_clients_that_take_it(page: Page) -> None:
    await page.write(of("shop", *large_trace(100)))
    path = f"{ananta_v1.PATH}/traces/4"
    async with page.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        packed = b"".join([part async for part in answer.aiter_raw()])
    plain = await page.client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 2


@pytest.mark.parametrize("form", ["json", "protobuf"])
@pytest.mark.parametrize("at_once", [200_000, 20])
async def test_a_download_holds_the_trace_as_it_was_sent(
    page: Page, monkeypatch: pytest.MonkeyPatch, form: str, at_once: int
) -> None:
    monkeypatch.setattr("ananta.store.traces._SPANS_AT_ONCE", at_once)
    sent = request(*mixed_trace(3))
    await page.store.write(sent, request(of("other", span(1, trace_id=77))))
    answer = await page.get("9/otlp", format=form)
    assert f"trace-{9:032x}.otlp." in answer.headers["content-disposition"]
    if form == "json":
        first = json.loads(answer.content)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        assert (first["traceId"], type(first["startTimeUnixNano"])) == (f"{9:032x}", str)
        assert type(first["kind"]) is int
        again = SpanBatch.from_otlp_json(answer.content)
    else:
        again = SpanBatch.from_otlp(answer.content)
    assert sorted(spans_with_headers(again.to_otlp())) == sorted(spans_with_headers(sent))


async def test_what_is_typical_is_told_by_the_roots_of_the_day(page: Page) -> None:
    def root(trace_id: int, seconds: int, start: int = START, name: str = "buy") -> Any:
        return span(1, name, trace_id=trace_id, start=start, duration=seconds * SECOND)

    child = span(2, "buy", trace_id=5, parent=1, duration=900 * SECOND)
    spans = [root(number, seconds=number) for number in range(1, 11)]
    others = [root(20, 500, START + 13 * HOUR), root(21, 500, name="look"), child]
    await page.write(of("shop", *spans, *others), of("else", root(22, 500)))
    typical = (await page.get("7/typical")).json()
    assert typical == {
        "traces": 9,
        "p50_nanos": 5 * SECOND,
        "p95_nanos": 10 * SECOND,
        "share_slower": 3 / 9,
        "trace_id": f"{5:032x}",
    }
    alone = {"traces": 0, "p50_nanos": 0, "p95_nanos": 0, "share_slower": 0, "trace_id": ""}
    assert (await page.get("20/typical")).json() == alone
    assert (await page.get("abcdef/typical")).json() == alone


async def test_links_from_other_traces_are_found_whenever_they_were(page: Page) -> None:
    await page.write(of("shop", span(0xA, trace_id=1, links=[link(1, 0xB)])))
    linking = [
        span(n, "take", trace_id=10 + n, start=START + n * HOUR, links=[link(2, 3), link(1, 0xA)])
        for n in range(1, 4)
    ]
    await page.write(of("worker", *linking, span(9, trace_id=30, links=[link(2, 3)])))
    found = (await page.get("1/linked-from")).json()
    assert found == [
        {
            "trace_id": raw_trace_id(10 + n).hex(),
            "span_id": f"{n:016x}",
            "target_span_id": f"{0xA:016x}",
            "service": "worker",
            "operation": "take",
            "start_micros": (START + n * HOUR) // 1000,
        }
        for n in (3, 2, 1)
    ]
    assert (await page.get("30/linked-from")).json() == []


async def test_of_many_links_the_newest_are_told(page: Page) -> None:
    linking = [
        span(1, trace_id=1_000 + n, start=START + n * SECOND, links=[link(1, 1)])
        for n in range(300)
    ]
    await page.write(of("worker", *linking))
    found = (await page.get("1/linked-from")).json()
    expected = [raw_trace_id(1_000 + n).hex() for n in range(299, 199, -1)]
    assert [one["trace_id"] for one in found] == expected
