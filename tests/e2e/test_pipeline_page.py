"""What a running platform tells of itself: counts, refusals, a full queue, a test span."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from .platform import ANANTA, Platform, free_ports
from .senders import SPANS_A_REQUEST, trace_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

PIPELINE = "/api/ananta/v1/pipeline"
QUEUE_SIZE = 3
# A second way through the process, to a server that is not there.
SECOND_WAY = """
receivers:
  otlp/away:
    protocols: {{http: {{endpoint: "127.0.0.1:{receiver}"}}}}
connectors:
  forward:
exporters:
  otlp_http/away:
    endpoint: http://me:sesame@127.0.0.1:{closed}
    headers: {{authorization: Bearer sesame}}
    retry_on_failure: {{initial_interval: 50ms, max_interval: 100ms, max_elapsed_time: 0s}}
    sending_queue: {{queue_size: {queue_size}}}
service:
  pipelines:
    traces/away: {{receivers: [otlp/away], exporters: [forward]}}
    traces/further: {{receivers: [forward], exporters: [otlp_http/away]}}
"""


@pytest.fixture(scope="module")
def away_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, away_port: int) -> Iterator[Platform]:
    directory: Path = tmp_path_factory.mktemp("pipeline")
    overlay = directory / "away.yaml"
    (closed,) = free_ports(1)
    overlay.write_text(SECOND_WAY.format(receiver=away_port, closed=closed, queue_size=QUEUE_SIZE))
    running = Platform(directory / "data").start("--config", str(overlay))
    yield running
    running.stop()


def send(port: int, body: bytes) -> int:
    """The status a request to the receiver at this port is answered with."""
    url = f"http://127.0.0.1:{port}/v1/traces"
    headers = {"Content-Type": "application/x-protobuf"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as one:
            return int(one.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def component(told: dict[str, Any], component_id: str) -> dict[str, Any]:
    (one,) = [each for each in told["components"] if each["id"] == component_id]
    return dict(one)


def told_when(platform: Platform, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What the platform tells once it is so."""
    for _ in range(600):
        told: dict[str, Any] = platform.get(PIPELINE)
        if holds(told):
            return told
        threading.Event().wait(0.1)
    raise AssertionError(json.dumps(told, indent=1))


def test_spans_are_counted_from_the_receiver_to_the_store(platform: Platform) -> None:
    before = platform.get(PIPELINE)
    assert component(before, "otlp")["accepted"] == 0
    for number in range(1, 4):
        assert send(platform.ports["http"], trace_request(number.to_bytes(16, "big"))) == 200
    sent = 3 * SPANS_A_REQUEST
    assert len(platform.get("/api/traces", service="load")["data"]) == 3
    told = told_when(platform, lambda told: component(told, "clickhouse")["accepted"] == sent)
    for component_id in ("otlp", "memory_limiter", "clickhouse"):
        counts = component(told, component_id)
        assert (counts["accepted"], counts["refused"], counts["dropped"]) == (sent, 0, 0)
    assert told["stored_spans"] == sent
    assert component(told, "clickhouse")["queue_size"] == 0
    assert component(told, "clickhouse")["queue_unit"] == "bytes"
    assert component(told, "otlp")["addresses"] == {
        "grpc": f"127.0.0.1:{platform.ports['grpc']}",
        "http": f"127.0.0.1:{platform.ports['http']}",
    }
    assert 0 < told["disk_bytes"] < told["disk_free_bytes"]
    assert 0 < told["memory_bytes"] < told["memory_limit_bytes"]
    assert told["started_micros"] < told["now_micros"]


def test_a_bad_payload_is_a_refused_request(platform: Platform) -> None:
    before = component(platform.get(PIPELINE), "otlp")
    assert before["refused_requests"] == {}
    assert send(platform.ports["http"], b"\xff\xff no protobuf") == 400
    told = component(platform.get(PIPELINE), "otlp")
    assert told["refused_requests"] == {"malformed": 1}
    assert told["accepted"] == before["accepted"]


def test_a_full_queue_is_a_problem_with_its_cause(platform: Platform, away_port: int) -> None:
    assert platform.get(PIPELINE)["problems"] == []
    for number in range(1, QUEUE_SIZE + 1):
        assert send(away_port, trace_request(number.to_bytes(16, "big"))) == 200
    assert send(away_port, trace_request(b"x" * 16)) == 503
    told = told_when(platform, lambda told: len(told["problems"]) == 2)
    queue, delivery = told["problems"]
    assert f'"otlp_http/away" is 100 % full: {QUEUE_SIZE} of {QUEUE_SIZE} requests' in queue
    assert 'Exporter "otlp_http/away" cannot deliver, last at' in delivery
    assert "refused" in delivery
    exporter = component(told, "otlp_http/away")
    assert exporter["refused"] == SPANS_A_REQUEST
    assert exporter["queue_size"] == exporter["queue_capacity"] == QUEUE_SIZE
    assert component(told, "otlp/away")["refused"] == SPANS_A_REQUEST
    assert component(told, "otlp/away")["accepted"] == QUEUE_SIZE * SPANS_A_REQUEST
    times = [error["at_micros"] for error in exporter["errors"]]
    assert times == sorted(times, reverse=True)
    assert component(told, "forward")["pipelines"] == ["traces/away", "traces/further"]


def test_no_secret_is_told(platform: Platform) -> None:
    told = json.dumps(platform.get(PIPELINE))
    assert "sesame" not in told
    assert "authorization: '[REDACTED]'" in platform.get(PIPELINE)["config"]


def test_a_test_span_is_found_by_search(platform: Platform) -> None:
    url = f"http://127.0.0.1:{platform.ports['query']}{PIPELINE}/test-span"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30) as answer:
        sent = json.load(answer)
    assert sent["endpoint"] == f"{platform.http_endpoint}/v1/traces"
    (found,) = platform.get("/api/traces", service="ananta-test", operation="test span")["data"]
    assert found["traceID"] == sent["trace_id"].lstrip("0").zfill(len(found["traceID"]))


def test_a_gateway_with_the_query_extension_tells_the_same(tmp_path: Path) -> None:
    """`ananta collect`, without a journal, over a store of its own."""
    gateway = Platform(tmp_path / "data")
    config = tmp_path / "collect.yaml"
    config.write_text(f"""
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{gateway.ports["grpc"]}"}}}}}}
exporters:
  clickhouse: {{data_dir: {tmp_path / "store"}}}
extensions:
  query: {{endpoint: "127.0.0.1:{gateway.ports["query"]}"}}
service:
  extensions: [query]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [clickhouse]}}
""")
    try:
        gateway.launch([str(ANANTA), "collect", "--config", str(config)])
        url = f"http://127.0.0.1:{gateway.ports['query']}{PIPELINE}/test-span"
        request = urllib.request.Request(url, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            endpoint = json.load(answer)["endpoint"]
        assert endpoint == f"grpc://127.0.0.1:{gateway.ports['grpc']}"
        # A span is stored a moment before its exporter is told so.
        told = told_when(gateway, lambda told: component(told, "clickhouse")["accepted"] == 1)
    finally:
        gateway.kill()
    assert [each["id"] for each in told["components"]] == ["otlp", "clickhouse", "query"]
    assert told["stored_spans"] == 1
    assert told["memory_limit_bytes"] is None
    assert told["problems"] == []
