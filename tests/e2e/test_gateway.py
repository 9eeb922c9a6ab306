"""A gateway (`ananta collect`) before a platform: what it does when the platform is not there."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from .platform import ANANTA, Platform
from .senders import SPANS_A_REQUEST, Load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e


class Gateway(Platform):
    """`ananta collect` that forwards to an endpoint, with a journal as its sending queue."""

    def __init__(self, directory: Path, forward_to: str, queue: str) -> None:
        super().__init__(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "gateway.yaml"
        self.config.write_text(f"""
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{self.ports["grpc"]}"}}
      http: {{endpoint: "127.0.0.1:{self.ports["http"]}"}}
exporters:
  otlp_grpc:
    endpoint: {forward_to}
    tls: {{insecure: true}}
    timeout: 2s
    retry_on_failure: {{initial_interval: 50ms, max_interval: 200ms, max_elapsed_time: 0s}}
    sending_queue: {queue}
extensions:
  file_storage:
    directory: {directory / "journal"}
    create_directory: true
service:
  extensions: [file_storage]
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{port: {self.ports["metrics"]}}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp_grpc]}}
""")

    def start(self, *arguments: str) -> Platform:
        return self.launch([str(ANANTA), "collect", "--config", str(self.config), *arguments])


@contextlib.contextmanager
def running(platform: Platform) -> Iterator[Platform]:
    try:
        yield platform
    finally:
        platform.kill()


def wait_for_traces(platform: Platform, expected: set[str]) -> None:
    """Ask until all are there: the gateway delivers in its own time."""
    for _ in range(600):
        found = platform.get("/api/traces", service="load", limit=10_000, raw="true")["data"]
        if expected <= {one["traceID"] for one in found}:
            assert {len(one["spans"]) for one in found} == {SPANS_A_REQUEST}
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"{len(expected)} traces expected, {len(found)} there")


def test_a_journal_carries_spans_over_a_dead_store_and_a_killed_gateway(tmp_path: Path) -> None:
    store = Platform(tmp_path / "store")
    gateway = Gateway(tmp_path / "gateway", store.grpc_endpoint, "{storage: file_storage}")
    with running(store), running(gateway):
        gateway.start()
        load = Load(gateway.ports["http"])
        load.run(until_acknowledged=100)
        gateway.kill()
        gateway.start()
        load.run(until_acknowledged=200)
        store.start()
        wait_for_traces(store, load.acknowledged)
        store.kill()
        load.run(until_acknowledged=300)
        store.start()
        wait_for_traces(store, load.acknowledged)
        assert gateway.stop() == 0


def test_a_full_memory_queue_refuses_with_503_and_recovers(tmp_path: Path) -> None:
    store = Platform(tmp_path / "store")
    gateway = Gateway(
        tmp_path / "gateway", store.grpc_endpoint, "{queue_size: 20, sizer: requests}"
    )
    with running(store), running(gateway):
        gateway.start()
        load = Load(gateway.ports["http"])
        sending = threading.Thread(target=load.run, kwargs={"until_acknowledged": 10**9})
        sending.start()
        while load.refused.get(503, 0) < 20 and sending.is_alive():
            threading.Event().wait(0.01)
        load.enough.set()
        sending.join(60)
        assert set(load.refused) == {503}
        store.start()
        wait_for_traces(store, load.acknowledged)
        again = Load(gateway.ports["http"])
        again.run(until_acknowledged=20)
        wait_for_traces(store, again.acknowledged)
        metrics = gateway.text("/metrics", port="metrics")
        assert "otelcol_receiver_refused_spans{" in metrics
        assert "otelcol_exporter_enqueue_failed_spans{" in metrics


def test_a_store_that_hangs_is_felt_as_back_pressure_and_not_as_loss(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        gateway = Gateway(
            tmp_path / "gateway",
            f"127.0.0.1:{silent.getsockname()[1]}",
            "{queue_size: 5, num_consumers: 1}",
        )
        with running(gateway):
            gateway.start()
            load = Load(gateway.ports["http"], senders=2)
            sending = threading.Thread(target=load.run, kwargs={"until_acknowledged": 10**9})
            sending.start()
            while load.refused.get(503, 0) < 5 and sending.is_alive():
                threading.Event().wait(0.01)
            load.enough.set()
            sending.join(60)
            assert set(load.refused) == {503}
            assert gateway.stop() == 0
            assert any("dropped" in line.lower() for line in gateway.output), gateway.output[-20:]
