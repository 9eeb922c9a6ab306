"""More than it can take: refused with the right code, memory within its limit."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from .platform import ANANTA, Platform
from .senders import Load

pytestmark = pytest.mark.e2e

LIMIT_MIB = 300


def resident_mib(process_id: int) -> float:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def test_memory_stays_within_the_limit_while_senders_are_refused(tmp_path: Path) -> None:
    """The exporter's peer is absent and its queue endless: only the limiter can stop the flood."""
    platform = Platform(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(f"""
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{platform.ports["http"]}"}}}}}}
processors:
  memory_limiter: {{check_interval: 20ms, limit_mib: {LIMIT_MIB}, spike_limit_mib: 60}}
exporters:
  otlp_grpc:
    endpoint: 127.0.0.1:1
    tls: {{insecure: true}}
    sending_queue: {{queue_size: 100000000}}
service:
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{port: {platform.ports["metrics"]}}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp_grpc]}}
""")
    platform.launch([str(ANANTA), "collect", "--config", str(config)])
    try:
        assert platform.process is not None
        load = Load(platform.ports["http"], senders=6, padding=50_000)
        sending = threading.Thread(target=load.run, kwargs={"until_acknowledged": 10**9})
        sending.start()
        highest = 0.0
        while sum(load.refused.values()) < 2000 and sending.is_alive():
            highest = max(highest, resident_mib(platform.process.pid))
            threading.Event().wait(0.01)
        load.enough.set()
        sending.join(60)
        assert set(load.refused) == {503}
        assert load.broken == 0
        assert highest < LIMIT_MIB * 1.2
        metrics = platform.text("/metrics", port="metrics")
        refused = "otelcol_processor_memory_limiter_refused_spans{"
        assert any(line.startswith(refused) for line in metrics.splitlines())
    finally:
        platform.kill()
