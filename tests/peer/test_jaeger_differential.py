"""The same spans sent to Jaeger and to us give the same answers.

The peer is Jaeger 2.2, the newest that can be built from its module; where 2.20 differs, 2.20 is
followed. `docs/api.md` lists what differs and why; here each difference is one line of `alike` or a
case that is not asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest
from bench import peers

from ananta.api.jaeger_v1 import JaegerV1
from ananta.api.web import create_app
from ananta.model import SpanBatch
from ananta.query import QueryService
from tests.e2e.platform import Platform, free_ports
from tests.peer.generated_spans import OPERATIONS, SECOND, SERVICES, traces
from tests.unit.api.otlp_spans import CLIENT, MILLISECOND, SERVER, of, request, span
from tests.unit.query.memory_reader import MemoryReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

pytestmark = [pytest.mark.e2e, pytest.mark.peer]

GOLDEN = Path(__file__).parents[1] / "golden" / "jaeger"
MAX_SKEW_SECONDS = 1  # what Jaeger 2.2 allows; it does not read the setting


class Side(Protocol):
    """One of the two programs that are compared."""

    def send(self, *resource_spans: ResourceSpans) -> None: ...

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and decoded answer."""


class Model:
    """Our API over the in-memory reader."""

    def __init__(self) -> None:
        self.reader = MemoryReader()
        self.app = create_app(
            JaegerV1(
                QueryService(lambda: self.reader, self.flush),
                max_clock_skew_seconds=MAX_SKEW_SECONDS,
            ).routes()
        )

    async def flush(self) -> None:
        pass

    def send(self, *resource_spans: ResourceSpans) -> None:
        self.reader.add(SpanBatch.from_otlp(request(*resource_spans)))

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        async def answer() -> tuple[int, Any]:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://ours") as client:
                method = "GET" if body is None else "POST"
                answered = await client.request(method, f"http://ours{path}", content=body)
            return answered.status_code, answered.json()

        return asyncio.run(answer())


class Running:
    """`ananta up`."""

    def __init__(self, data_dir: Path) -> None:
        self.platform = Platform(data_dir)
        self.platform.start("--set", f"extensions.query.max_clock_skew_adjust={MAX_SKEW_SECONDS}s")

    def send(self, *resource_spans: ResourceSpans) -> None:
        post_spans(self.platform.ports["http"], resource_spans)

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        return ask(self.platform.ports["query"], path, body)


class Jaeger:
    """The peer with one storage backend."""

    def __init__(self, program: Path, backend: str, directory: Path) -> None:
        self.backend = backend
        self.otlp, self.query, grpc = free_ports(3)
        storage: dict[str, Any] = {"memory": {"max_traces": 100_000}}
        if backend == "badger":
            folders = {name: str(directory / name) for name in ("keys", "values")}
            storage = {"badger": {"directories": folders, "ephemeral": False}}
        endpoint = {"endpoint": f"127.0.0.1:{self.otlp}"}
        config = {
            "receivers": {"otlp": {"protocols": {"http": endpoint}}},
            "exporters": {"jaeger_storage_exporter": {"trace_storage": "store"}},
            "extensions": {
                "jaeger_storage": {"backends": {"store": storage}},
                "jaeger_query": {
                    "storage": {"traces": "store"},
                    "http": {"endpoint": f"127.0.0.1:{self.query}"},
                    "grpc": {"endpoint": f"127.0.0.1:{grpc}"},
                },
            },
            "service": {
                "extensions": ["jaeger_storage", "jaeger_query"],
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {
                    "traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}
                },
            },
        }
        path = directory / "jaeger.json"
        path.write_text(json.dumps(config))
        self.log = directory / "jaeger.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [program, "--config", f"file:{path}"], stdout=log, stderr=log
            )

    def wait_ready(self) -> None:
        for _ in range(1200):
            if "Everything is ready" in self.log.read_text():
                return
            assert self.process.poll() is None, self.log.read_text()
            threading.Event().wait(0.05)
        raise AssertionError(self.log.read_text())

    def send(self, *resource_spans: ResourceSpans) -> None:
        """The exporter writes before the receiver answers."""
        post_spans(self.otlp, resource_spans)

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        return ask(self.query, path, body)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def post_spans(port: int, resource_spans: tuple[ResourceSpans, ...]) -> None:
    posted = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/traces",
        data=request(*resource_spans),
        headers={"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(posted, timeout=60) as answer:
        assert answer.status == 200


def ask(port: int, path: str, body: bytes | None) -> tuple[int, Any]:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


class Pair:
    """Both sides, holding the same spans."""

    def __init__(self, ours: Side, jaeger: Jaeger) -> None:
        self.ours, self.jaeger = ours, jaeger
        self.now = time.time_ns()
        self.traces = traces(self.now - 3600 * SECOND)
        self.with_inner_links = traces(self.now - 30 * 3600 * SECOND, count=20, inner_links=True)
        for resource_spans in [*self.traces.values(), *self.with_inner_links.values()]:
            self.send(*resource_spans)

    def send(self, *resource_spans: ResourceSpans) -> None:
        self.ours.send(*resource_spans)
        self.jaeger.send(*resource_spans)

    def ask(self, path: str, **parameters: Any) -> tuple[Any, Any]:
        """The data both answer with; both must succeed."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        answers = []
        for side in (self.ours, self.jaeger):
            status, body = side.ask(path + (f"?{query}" if query else ""))
            assert status == 200, body
            assert {"data", "total", "limit", "offset", "errors"} == body.keys()
            answers.append(body["data"])
        return answers[0], answers[1]

    def raw(self, trace: dict[str, Any]) -> dict[str, Any]:
        """A raw trace in the form both agree on; Badger keeps one of two equal spans."""
        trace = alike(trace, raw=True)
        if self.jaeger.backend == "badger":
            different = {json.dumps(one, sort_keys=True): one for one in trace["spans"]}
            trace["spans"] = [*different.values()]
        return trace


@pytest.fixture(scope="module", params=["model-memory", "model-badger", "platform-memory"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Our model and our platform, each beside a Jaeger of its own."""
    program = peers.jaeger_path()
    if program is None:
        pytest.skip("Jaeger is not built: run python -m bench.peers build")
    side, backend = request.param.split("-")
    directory = tmp_path_factory.mktemp("pair")
    with contextlib.ExitStack() as running:
        jaeger = Jaeger(program, backend, directory)
        running.callback(jaeger.stop)
        jaeger.wait_ready()
        if side == "model":
            yield Pair(Model(), jaeger)
        else:
            ours = Running(directory / "ananta")
            running.callback(ours.platform.kill)
            yield Pair(ours, jaeger)


def alike(trace: dict[str, Any], *, raw: bool = False) -> dict[str, Any]:
    """A trace in the form both sides agree on.

    Jaeger 2.2 gives spans in any order (so processes have any number), sorts tags after the kind,
    status and scope became tags, and writes null for an empty binary value.
    """
    trace = json.loads(json.dumps(trace), object_hook=without_null_value)
    processes = {
        name: {"serviceName": process["serviceName"], "tags": in_order(process["tags"])}
        for name, process in trace["processes"].items()
    }
    spans = []
    for one in trace["spans"]:
        one = {key: value for key, value in one.items() if key != "flags"}
        one["process"] = processes[one.pop("processID")]
        if not raw:
            one["tags"] = in_order(one["tags"])
            for log in one["logs"]:
                log["fields"] = in_order(log["fields"])
        one["logs"] = sorted(one["logs"], key=lambda log: json.dumps(log, sort_keys=True))
        one["warnings"] = sorted(map(warning, one["warnings"] or []))
        spans.append(one)
    spans.sort(key=lambda one: json.dumps(one, sort_keys=True))
    return {"traceID": trace["traceID"], "spans": spans, "warnings": trace["warnings"]}


def without_null_value(tag: dict[str, Any]) -> dict[str, Any]:
    return tag | {"value": ""} if tag.get("value", "") is None else tag


def in_order(tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(tags, key=lambda tag: (tag["key"], tag["type"], str(tag["value"])))


def warning(text: str) -> str:
    """2.20 words two warnings differently."""
    missing = re.match(r"(?:invalid parent span IDs|parent span ID)=(\w+)[ ;]", text)
    if missing:
        return f"no parent {missing[1]}"
    return re.sub(r"^Invalid span (reference|link) removed.*", "Invalid span link removed", text)


def hex_id(trace_id: int) -> str:
    return f"{trace_id:016x}" if trace_id < 1 << 64 else f"{trace_id:032x}"


def test_services_are_the_same(pair: Pair) -> None:
    ours, theirs = pair.ask("/api/services")
    assert set(ours) == set(theirs)
    assert set(SERVICES) <= set(ours)


def test_operations_are_the_same(pair: Pair) -> None:
    for service in SERVICES:
        ours, theirs = pair.ask("/api/operations", service=service)
        if pair.jaeger.backend == "badger":  # knows no kinds
            assert {one["name"] for one in ours} == {one["name"] for one in theirs}
        else:
            assert kinds(ours) == kinds(theirs)
            ours, theirs = pair.ask("/api/operations", service=service, spanKind="client")
            assert kinds(ours) == kinds(theirs)


def kinds(operations: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(one["name"], one["spanKind"]) for one in operations}


def test_every_trace_is_the_same(pair: Pair) -> None:
    for trace_id in pair.traces:
        ours, theirs = pair.ask(f"/api/traces/{hex_id(trace_id)}")
        assert len(ours) == len(theirs) == 1
        assert alike(ours[0]) == alike(theirs[0])


def test_every_raw_trace_is_the_same(pair: Pair) -> None:
    """Jaeger 2.2 takes a link inside the trace for a parent when it adjusts, 2.20 does not."""
    for trace_id in [*pair.traces, *pair.with_inner_links]:
        ours, theirs = pair.ask(f"/api/traces/{hex_id(trace_id)}", raw="true")
        assert len(ours) == len(theirs) == 1
        assert pair.raw(ours[0]) == pair.raw(theirs[0])


def test_many_traces_are_the_same(pair: Pair) -> None:
    ids = [hex_id(trace_id) for trace_id in pair.traces]
    ours, theirs = pair.ask("/api/traces", traceID=ids)
    assert [one["traceID"] for one in ours] == [one["traceID"] for one in theirs] == ids
    assert [alike(one) for one in ours] == [alike(one) for one in theirs]


def searches(now: int) -> Iterator[dict[str, Any]]:
    """Every parameter alone and together; each with a service, which Jaeger insists on."""
    for service in SERVICES:
        yield {"service": service}
        for operation in OPERATIONS[:3]:
            yield {"service": service, "operation": operation}
        middle = (now - 3570 * SECOND) // 1000
        yield {"service": service, "start": middle}
        yield {"service": service, "end": middle}
        yield {"service": service, "start": middle - 5_000_000, "end": middle + 5_000_000}
        yield {"service": service, "start": 0, "end": middle}


def span_searches() -> Iterator[dict[str, Any]]:
    """What Jaeger's memory matches on one span and Badger on the whole trace."""
    for service in SERVICES[:2]:
        for least, most in (("1ms", ""), ("", "1us"), ("999ns", "41ms"), ("1s", "2s")):
            yield {"service": service, "minDuration": least, "maxDuration": most}
        for tags in (
            {"text": "plain"},
            {"text": ""},
            {"text": "größe 😀"},
            {"text": "a:b", "flag": "true"},
            {"flag": "false"},
            {"small": "7"},
            {"large": str(-(2**63))},
            {"ratio": "0.1"},
            {"ratio": "1"},
            {"res_text": "plain"},
            {"error": "true"},
            {"span.kind": "server"},
            {"absent": "x"},
        ):
            yield {"service": service, "tags": json.dumps(tags)}
        yield {"service": service, "tag": ["text:a:b", "flag:true"]}
        yield {
            "service": service,
            "operation": "query",
            "minDuration": "1ms",
            "tag": "flag:true",
        }


def test_searches_find_the_same(pair: Pair) -> None:
    cases = [*searches(pair.now)]
    if pair.jaeger.backend == "memory":
        cases += span_searches()
    sizes = Counter[bool]()
    for case in cases:
        ours, theirs = pair.ask("/api/traces", limit=1000, raw="true", **case)
        found, expected = ({one["traceID"]: one for one in side} for side in (ours, theirs))
        assert found.keys() == expected.keys(), case
        for trace_id, trace in found.items():
            assert pair.raw(trace) == pair.raw(expected[trace_id]), case
        sizes[bool(found)] += 1
    assert sizes[True] > len(cases) / 2, "most searches must find something to compare"


def test_a_limit_cuts_both_alike(pair: Pair) -> None:
    query = urllib.parse.urlencode({"service": SERVICES[0], "limit": 3})
    for side in (pair.ours, pair.jaeger):
        status, body = side.ask(f"/api/traces?{query}")
        assert status == 200
        assert len(body["data"]) == 3


def test_shared_ids_and_skewed_clocks_are_corrected_alike(pair: Pair) -> None:
    trace_id, start = 0x5EED, pair.now - 7200 * SECOND
    of_trace: dict[str, Any] = {"trace_id": trace_id, "start": start}
    skewed = of_trace | {"start": start + 600 * MILLISECOND}
    pair.send(
        of(
            "web",
            span(1, "root", duration=SECOND, **of_trace),
            span(2, "call", parent=1, duration=100 * MILLISECOND, kind=CLIENT, **of_trace),
        ),
        of(
            "db",
            span(2, "serve", parent=1, duration=40 * MILLISECOND, kind=SERVER, **skewed),
            span(3, "inside", parent=2, duration=10 * MILLISECOND, **skewed),
            span(4, "much later", parent=1, trace_id=trace_id, start=start + 100 * SECOND),
        ),
    )
    ours, theirs = pair.ask(f"/api/traces/{trace_id:x}")
    assert alike(ours[0]) == alike(theirs[0])
    warnings = [text for one in ours[0]["spans"] for text in one["warnings"] or []]
    assert any("were adjusted by -570ms" in text for text in warnings)
    assert any("max clock skew adjustment delta of 1s exceeded" in text for text in warnings)


def test_services_without_names_are_called_alike(pair: Pair) -> None:
    start = pair.now - 7200 * SECOND
    pair.send(
        of(None, span(1, trace_id=0xAA, start=start)),
        of("", span(2, trace_id=0xAA, start=start, parent=1)),
        of(None, span(3, trace_id=0xAA, start=start), resource={"service.name": 5}),
        of(None, span(4, trace_id=0xAA, start=start), resource={"host": "x"}),
    )
    ours, theirs = pair.ask("/api/traces/aa")
    assert alike(ours[0]) == alike(theirs[0])
    ours, theirs = pair.ask("/api/traces", service="service-name-wrong-type")
    assert alike(ours[0]) == alike(theirs[0])


def test_addresses_and_library_attributes_are_shown_alike(pair: Pair) -> None:
    start = pair.now - 7200 * SECOND
    pair.send(
        of(
            "shop",
            span(
                1,
                trace_id=0xBB,
                start=start,
                attributes={
                    "ip": 0x7F000001,
                    "peer.ipv4": 167772161.0,
                    "telemetry.sdk.name": "otel",
                    "telemetry.sdk.version": "1",
                    "a": 1,
                },
            ),
        )
    )
    ours, theirs = pair.ask("/api/traces/bb")
    assert alike(ours[0]) == alike(theirs[0])


def test_dependencies_are_the_same(pair: Pair) -> None:
    """Jaeger 2.2 leaves out calls of a service to itself; Badger counts equal spans once."""
    ours, theirs = pair.ask("/api/dependencies", lookback=90 * 60 * 1000)
    found, expected = (
        {(edge["parent"], edge["child"]): edge["callCount"] for edge in edges}
        for edges in (ours, theirs)
    )
    between = {edge: calls for edge, calls in found.items() if edge[0] != edge[1]}
    assert len(between) > len(SERVICES)
    if pair.jaeger.backend == "badger":
        assert between.keys() == expected.keys()
    else:
        assert between == expected


def test_transform_is_the_same(pair: Pair) -> None:
    body = (GOLDEN / "transform-in.json").read_bytes()
    (status, ours), (_, theirs) = (side.ask("/api/transform", body) for side in both(pair))
    assert status == 200
    assert [alike(one, raw=True) for one in ours["data"]] == [
        alike(one, raw=True) for one in theirs["data"]
    ]


def both(pair: Pair) -> tuple[Side, Side]:
    return pair.ours, pair.jaeger


PARSING = "unable to parse param"
MISTAKES = {
    "/api/traces/xyz!": "",
    "/api/traces/" + "a" * 33: "TraceID cannot be longer than 32 hex characters: ",
    "/api/traces/ffffffff": "trace not found",
    "/api/traces/1?start=x": f"{PARSING} 'start': ",
    "/api/traces/1?raw=x": f"{PARSING} 'raw': ",
    "/api/operations": "parameter 'service' is required",
    "/api/traces?service=cart&start=x": f"{PARSING} 'start': ",
    "/api/traces?service=cart&end=1.5": f"{PARSING} 'end': ",
    "/api/traces?service=cart&limit=x": "",
    "/api/traces?service=cart&minDuration=20": f"{PARSING} 'minDuration': ",
    "/api/traces?service=cart&minDuration=2s&maxDuration=1s": (
        "'maxDuration' should be greater than 'minDuration'"
    ),
    "/api/traces?service=cart&tag=x": "malformed 'tag' parameter, expecting key:value, received: x",
    "/api/traces?service=cart&tags=%7B": "malformed 'tags' parameter, cannot unmarshal JSON: ",
    "/api/traces?service=cart&tags=%7B%22a%22%3A1%7D": (
        "malformed 'tags' parameter, cannot unmarshal JSON: "
    ),
    "/api/traces?service=cart&raw=x": f"{PARSING} 'raw': ",
    "/api/traces?traceID=xyz!": "cannot parse traceID param: ",
    "/api/dependencies?endTs=x": f"{PARSING} 'endTs': ",
    "/api/dependencies?lookback=x": f"{PARSING} 'lookback': ",
}


@pytest.mark.parametrize(("path", "message"), MISTAKES.items())
def test_mistakes_have_the_same_status_shape_and_message(
    pair: Pair, path: str, message: str
) -> None:
    (our_status, ours), (their_status, theirs) = (side.ask(path) for side in both(pair))
    assert our_status == their_status
    for body in (ours, theirs):
        assert body["errors"][0].pop("msg").startswith(message)
    assert ours == theirs


def test_archiving_fails_alike(pair: Pair) -> None:
    (our_status, ours), (their_status, theirs) = (
        side.ask("/api/archive/1", b"") for side in both(pair)
    )
    assert (our_status, ours) == (their_status, theirs)


def test_what_is_missing_of_several_is_told_alike(pair: Pair) -> None:
    known = hex_id(next(iter(pair.traces)))
    path = f"/api/traces?traceID={known}&traceID=abcdef"
    (_, ours), (_, theirs) = (side.ask(path) for side in both(pair))
    assert ours["errors"] == theirs["errors"] != []
