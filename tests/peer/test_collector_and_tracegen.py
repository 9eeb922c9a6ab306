"""The OpenTelemetry Collector and Jaeger's tracegen send to us, and we send to the Collector."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.platform import ANANTA, Platform, free_ports
from tests.e2e.senders import SPANS_A_REQUEST, Load

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.peer]


class Collector:
    """The peer with an OTLP receiver and one exporter."""

    def __init__(self, program: Path, directory: Path, exporters: dict[str, Any]) -> None:
        self.grpc, self.http, self.health = free_ports(3)
        config = {
            "receivers": {
                "otlp": {
                    "protocols": {
                        "grpc": {"endpoint": f"127.0.0.1:{self.grpc}"},
                        "http": {"endpoint": f"127.0.0.1:{self.http}"},
                    }
                }
            },
            "exporters": exporters,
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": [*exporters]}},
            },
        }
        path = directory / "collector.json"
        path.write_text(json.dumps(config))
        self.log_path = directory / "collector.log"
        self.log = self.log_path.open("w")
        self.process = subprocess.Popen(
            [program, "--config", f"file:{path}"], stdout=self.log, stderr=self.log
        )

    def wait_ready(self) -> None:
        for _ in range(600):
            if "Everything is ready" in self.output():
                return
            assert self.process.poll() is None, self.output()
            threading.Event().wait(0.05)
        raise AssertionError(self.output())

    def output(self) -> str:
        return self.log_path.read_text()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


def stored(platform: Platform, expected: int, **search: Any) -> list[dict[str, Any]]:
    """The traces found once there are as many as expected: senders deliver in their own time."""
    for _ in range(600):
        found = platform.get("/api/traces", limit=10_000, **search)["data"]
        if len(found) >= expected:
            return list(found)
        threading.Event().wait(0.05)
    raise AssertionError(f"{expected} traces expected, found {len(found)}")


@pytest.mark.parametrize("protocol", ["otlp", "otlphttp"])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "snappy", "none"])
def test_the_collector_sends_to_us(
    collector: Path, platform: Platform, tmp_path: Path, protocol: str, compression: str
) -> None:
    endpoint = platform.grpc_endpoint if protocol == "otlp" else platform.http_endpoint
    exporter = {"endpoint": endpoint, "tls": {"insecure": True}, "compression": compression}
    peer = Collector(collector, tmp_path, {protocol: exporter})
    try:
        peer.wait_ready()
        load = Load(peer.http)
        load.run(until_acknowledged=20)
        found = stored(platform, len(load.acknowledged), service="load")
        assert {one["traceID"] for one in found} == load.acknowledged
        assert {len(one["spans"]) for one in found} == {SPANS_A_REQUEST}
    finally:
        peer.stop()


@pytest.mark.parametrize("protocol", ["otlp_grpc", "otlp_http"])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "snappy", "none"])
def test_we_send_to_the_collector(
    collector: Path, tmp_path: Path, protocol: str, compression: str
) -> None:
    peer = Collector(collector, tmp_path, {"debug": {"verbosity": "normal"}})
    ours = Platform(tmp_path)
    port = peer.grpc if protocol == "otlp_grpc" else peer.http
    config = {
        "receivers": {
            "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{ours.ports['http']}"}}}
        },
        "exporters": {
            protocol: {
                "endpoint": f"http://127.0.0.1:{port}",
                "tls": {"insecure": True},
                "compression": compression,
                "timeout": "60s",  # a second attempt on a slow machine would count twice
            }
        },
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": [protocol]}},
        },
    }
    path = tmp_path / "ours.json"
    path.write_text(json.dumps(config))
    try:
        peer.wait_ready()
        ours.launch([str(ANANTA), "collect", "--config", str(path)])
        load = Load(ours.ports["http"])
        load.run(until_acknowledged=20)
        assert ours.stop() == 0
        told = peer.output()
        for trace_id in load.acknowledged:
            assert told.count(trace_id) == SPANS_A_REQUEST, "".join(ours.output)
    finally:
        ours.kill()
        peer.stop()


def test_tracegen_sends_to_us(tracegen: Path, platform: Platform) -> None:
    done = subprocess.run(
        [tracegen, "-traces", "25", "-spans", "4", "-service", "generated", "-workers", "2"],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": platform.http_endpoint},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = stored(platform, 50)
    assert len(found) == 50  # 25 from each worker
    assert {len(one["spans"]) for one in found} == {5}
    with urllib.request.urlopen(f"http://127.0.0.1:{platform.ports['query']}/api/services") as got:
        assert any("generated" in service for service in json.load(got)["data"])
