"""The processors beside the Collector's own, on the same spans with the same configuration."""

from __future__ import annotations

import json
import random
import re
import subprocess
import threading
import urllib.request
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from ananta.component import Kind
from ananta.components import load_table
from ananta.model import SpanBatch
from tests.e2e.platform import free_ports
from tests.unit.processors.span_requests import (
    RecordingSink,
    any_value,
    component_settings,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.peer]

URL = r"^(?P<scheme>\w+)://(?P<host>[^:/]+)(?::(?P<port>\d+))?"
MATCHERS: dict[str, dict[str, Any]] = {
    "services": {"include": {"match_type": "strict", "services": ["shop", "cart"]}},
    "services-regexp": {"exclude": {"match_type": "regexp", "services": ["^c", "nil"]}},
    "names": {"include": {"match_type": "strict", "span_names": ["GET /a/1", "query"]}},
    "kinds": {
        "include": {"match_type": "strict", "span_kinds": ["SPAN_KIND_CLIENT"]},
        "exclude": {"match_type": "regexp", "span_names": ["/[0-9]$"]},
    },
    "attributes": {
        "include": {
            "match_type": "strict",
            "attributes": [{"key": "number", "value": 1}, {"key": "flag"}],
        }
    },
    "attributes-regexp": {
        "include": {
            "match_type": "regexp",
            "attributes": [{"key": "number", "value": r"^-?1(\.5)?$"}],
        }
    },
    "resources": {
        "exclude": {
            "match_type": "strict",
            "resources": [{"key": "zone", "value": "eu"}],
        }
    },
    "libraries": {
        "include": {
            "match_type": "strict",
            "libraries": [{"name": "lib", "version": "1"}],
        }
    },
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "insert": (
        "attributes",
        {
            "actions": [
                {"key": "a", "value": "new", "action": "insert"},
                {"key": "copy", "from_attribute": "b", "action": "INSERT", "default_value": 1},
                {"key": "list", "value": [1, "x", {"k": 1.5}], "action": "insert"},
            ]
        },
    ),
    "update": (
        "attributes",
        {
            "actions": [
                {"key": "a", "value": 1, "action": "update"},
                {"key": "b", "from_attribute": "c", "action": "Update"},
                {"key": "absent", "value": True, "action": "update"},
            ]
        },
    ),
    "upsert": (
        "attributes",
        {
            "actions": [
                {"key": "a", "from_attribute": "missing", "action": "upsert"},
                {"key": "b", "value": False, "action": "upsert"},
                {"key": "c", "value": 2.5, "action": "upsert"},
                {"key": "d", "from_attribute": "c", "action": "upsert"},
            ]
        },
    ),
    "delete": (
        "attributes",
        {
            "actions": [
                {"key": "a", "action": "delete"},
                {"pattern": r"^http\.", "action": "delete"},
            ]
        },
    ),
    "hash": (
        "attributes",
        {"actions": [{"key": "a", "pattern": "b|c|number|flag|list|raw", "action": "hash"}]},
    ),
    "extract": (
        "attributes",
        {"actions": [{"key": "http.url", "pattern": URL, "action": "extract"}]},
    ),
    **{
        f"convert-{target}": (
            "attributes",
            {
                "actions": [
                    {"key": key, "action": "convert", "converted_type": target}
                    for key in ("a", "b", "c", "number", "flag", "list", "raw", "http.url")
                    + (("huge",) if target != "int" else ())
                ]
            },
        )
        for target in ("int", "double", "string")
    },
    "resource": (
        "resource",
        {
            "attributes": [
                {"key": "service.name", "action": "hash"},
                {"key": "env", "value": "staging", "action": "upsert"},
                {"key": "zone", "action": "delete"},
                {"key": "team", "from_attribute": "zone", "action": "insert"},
            ]
        },
    ),
    "name-from-attributes": (
        "span",
        {"name": {"from_attributes": ["a", "number", "flag"], "separator": "::"}},
    ),
    "name-from-any-type": ("span", {"name": {"from_attributes": ["list"]}}),
    "name-to-attributes": (
        "span",
        {
            "name": {
                "to_attributes": {
                    "rules": [r"^(?P<method>[A-Z]+) ", r"/(?P<id>\d+)(?P<rest>.*)$", "(?P<z>nix)"]
                }
            },
            "status": {"code": "Error", "description": "made so"},
        },
    ),
    "name-first-rule": (
        "span",
        {
            "name": {
                "to_attributes": {
                    "rules": [r"(?P<method>GET)", r"/(?P<first>\w+)"],
                    "break_after_match": True,
                }
            },
        },
    ),
    "name-kept": (
        "span",
        {
            "name": {
                "to_attributes": {
                    "rules": [r"(?P<method>GET|PUT)", r"/(?P<first>\w+)"],
                    "keep_original_name": True,
                }
            },
            "status": {"code": "Ok"},
        },
    ),
    **{
        f"match-{name}": (
            "attributes",
            {"actions": [{"key": "seen", "value": True, "action": "insert"}], **matcher},
        )
        for name, matcher in MATCHERS.items()
    },
    **{
        f"sample-{mode}-{percentage}-{'closed' if fail_closed else 'open'}": (
            "probabilistic_sampler",
            {
                "mode": mode,
                "sampling_percentage": percentage,
                "fail_closed": fail_closed,
                "hash_seed": 22,
            },
        )
        for mode in ("hash_seed", "equalizing", "proportional")
        for percentage, fail_closed in [
            (0, True),
            (1, True),
            (33.3, False),
            (50, True),
            (100, False),
        ]
    },
    "sample-by-default": ("probabilistic_sampler", {"sampling_percentage": 25}),
    "sample-precisely": (
        "probabilistic_sampler",
        {"sampling_percentage": 12.345, "sampling_precision": 9, "mode": "proportional"},
    ),
}


def spans(*, broken_states: bool) -> trace.TracesData:
    """Some hundred spans of what the cases look at; no key twice in one place."""
    draw = random.Random(1)
    strings = ["", "x", "42", "-1.5", "1e3", "text", 'é<&>"', "true"]
    numbers = [0, 1, -1, 2**53 + 1, -(2**63), 1.0, 1.5, -1.5, 1e-7, 0.1, 123456789.25]
    values: dict[str, list[Any]] = {
        "a": strings,
        "b": [*strings, *numbers, True],
        "c": [1, "c", False],
        "number": numbers,
        "flag": [True, False],
        # Beyond what an integer holds: the Collector's conversion depends on its machine.
        "huge": [1e21, -1e300],
        "list": [[], [1, "a", None, True], [0.5, [2]], {"b": 1, "a": {"x": b"y"}}],
        "raw": [b"", b"\xfb\xff"],
        "http.url": ["http://shop:80/a?b=c", "https://cart/", "no url"],
        "http.method": ["GET"],
        "sampling.priority": [0, 1, -1, 0.5, 0.0, "1", "0", "x"],
    }
    names = ["GET /a/1", "PUT /b/22/c", "query", "", "/a/1/b/2", "GET GET"]
    th = ["0", "8", "80", "c", "fd70a", "ffffffffffffff"]
    rv = ["00000000000000", "90000000000000", "ABCDEF01234567", "ffffffffffffff"]
    states = [
        *[""] * 8,
        *[f"ot=th:{each}" for each in th],
        *[f"ot=rv:{each}" for each in rv],
        *[f"v=1 2,ot=x:y;rv:{draw.choice(rv)};th:{draw.choice(th)},w=3" for _ in range(8)],
        "v=1,,w=2",
        "ot=th:8," + "a=b," * 30,
    ]
    if broken_states:
        states += ["ot=th:xyz", "ot=rv:12", "ot=a:b;", "broken", "ot=th:8," + "a=b," * 31]
    data = trace.TracesData()
    for index in range(12):
        container = data.resource_spans.add()
        service, zone = (
            draw.choice(["shop", "cart", "mail", None, 5]),
            draw.choice(["eu", "us", None]),
        )
        for key, value in (("service.name", service), ("zone", zone)):
            if value is not None:
                container.resource.attributes.add(key=key, value=any_value(value))
        scope = container.scope_spans.add()
        scope.scope.name, scope.scope.version = (
            draw.choice(["lib", "other"]),
            draw.choice(["", "1"]),
        )
        for number in range(40):
            trace_id = draw.choice([b"", *[draw.randbytes(16)] * 9])
            span = scope.spans.add(
                trace_id=trace_id,
                span_id=(index * 100 + number + 1).to_bytes(8, "big"),
                name=draw.choice(names),
                kind=draw.randrange(6),
                trace_state=draw.choice(states),
            )
            chosen = draw.sample(sorted(values), draw.randrange(len(values)))
            for key in chosen:
                if key != "sampling.priority" or draw.random() < 0.3:
                    span.attributes.add(key=key, value=any_value(draw.choice(values[key])))
    return data


def by_span_id(data: trace.TracesData) -> dict[bytes, tuple[Any, ...]]:
    """Each span with its resource, attributes in order of their keys."""
    rows = {}
    for container in data.resource_spans:
        for inner in container.scope_spans:
            for span in inner.spans:
                copy = trace.Span()
                copy.CopyFrom(span)
                copy.ClearField("attributes")
                if copy.status == trace.Status():
                    copy.ClearField("status")
                rows[span.span_id] = (
                    ordered(container.resource.attributes),
                    str(inner.scope),
                    ordered(span.attributes),
                    str(copy),
                )
    return rows


def ordered(attributes: Any) -> list[str]:
    return sorted(str(common.KeyValue.FromString(each.SerializeToString())) for each in attributes)


class Sink:
    """Takes OTLP over HTTP; the path says which case it is."""

    def __init__(self) -> None:
        received: dict[str, trace.TracesData] = defaultdict(trace.TracesData)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received[self.path.split("/")[1]].MergeFromString(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: a test is quiet."""

        self.received = received
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def peer(collector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    running = Peer(collector, tmp_path_factory.mktemp("collector"))
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


class Peer:
    """The Collector with a pipeline for each case."""

    def __init__(self, program: Path, directory: Path) -> None:
        self.sink = Sink()
        self.metrics_port, *ports = free_ports(len(CASES) + 1)
        self.ports = dict(zip(CASES, ports, strict=True))
        pull = {"prometheus": {"host": "127.0.0.1", "port": self.metrics_port}}
        config = {
            "receivers": {
                f"otlp/{name}": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}
                for name, port in self.ports.items()
            },
            "processors": {f"{kind}/{name}": config for name, (kind, config) in CASES.items()},
            "exporters": {
                f"otlphttp/{name}": {
                    "endpoint": f"{self.sink.url}/{name}",
                    "compression": "none",
                    "sending_queue": {"enabled": False},
                }
                for name in CASES
            },
            "service": {
                "telemetry": {"metrics": {"readers": [{"pull": {"exporter": pull}}]}},
                "pipelines": {
                    f"traces/{name}": {
                        "receivers": [f"otlp/{name}"],
                        "processors": [f"{kind}/{name}"],
                        "exporters": [f"otlphttp/{name}"],
                    }
                    for name, (kind, _) in CASES.items()
                },
            },
        }
        path = directory / "collector.json"
        path.write_text(json.dumps(config))
        self.log = (directory / "collector.log").open("w+")
        self.process = subprocess.Popen(
            [program, "--config", f"file:{path}"], stdout=self.log, stderr=self.log
        )

    def wait_ready(self) -> None:
        for _ in range(600):
            output = Path(self.log.name).read_text()
            if "Everything is ready" in output:
                return
            assert self.process.poll() is None, output
            threading.Event().wait(0.05)
        raise AssertionError(output)

    def process_spans(self, name: str, data: trace.TracesData) -> trace.TracesData:
        """What the case's processor makes of the spans; the request ends when they are sent on."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[name]}/v1/traces",
            data=data.SerializeToString(),
            headers={"Content-Type": "application/x-protobuf"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.status == 200
        return self.sink.received[name]

    def decisions(self) -> Counter[str]:
        """The labels of the sampler's metric with its value, over all cases so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as response:
            return decisions(response.read().decode())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.sink.server.shutdown()
        self.sink.server.server_close()


def decisions(exposition: str) -> Counter[str]:
    name = "otelcol_processor_probabilistic_sampler_count_traces_sampled"
    samples = re.findall(rf"^{name}{{(.*)}} (\S+)$", exposition, re.MULTILINE)
    return Counter({labels: int(float(value)) for labels, value in samples})


@pytest.mark.parametrize("name", CASES)
async def test_a_processor_makes_of_spans_what_the_collectors_does(name: str, peer: Peer) -> None:
    kind, config = CASES[name]
    # At 0 percent the Collector writes back what it could read of a broken trace state: we don't.
    data = spans(broken_states=config.get("sampling_percentage") != 0)
    decided_before = peer.decisions()
    theirs = by_span_id(peer.process_spans(name, data))

    factory = load_table().find(Kind.PROCESSOR, kind)
    assert factory is not None
    sink, settings = RecordingSink(), component_settings()
    parsed = factory.config_class().model_validate(config)
    processor = factory.component_class()(parsed, settings, sink)
    await processor.consume(SpanBatch.from_otlp(data.SerializeToString()))
    ours = by_span_id(parse(SpanBatch.concat(sink.batches)))

    assert {*ours} == {*theirs}
    different = {key.hex(): (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
    assert different == {}
    assert decisions(settings.metrics.exposition().decode()) == peer.decisions() - decided_before
    assert theirs != by_span_id(data), "the case changes nothing"
    assert theirs, "the case keeps nothing"
