"""The collector snippets of the users' guide do what the guide says they do."""

from __future__ import annotations

import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from .platform import ANANTA
from .test_sdk_to_api import tags

if TYPE_CHECKING:
    from pathlib import Path

    from .platform import Platform

pytestmark = pytest.mark.e2e

# The snippets as the guide prints them, under one `processors:`.
SNIPPETS = """
processors:
  # sampling strategies: staging
  probabilistic_sampler:
    sampling_percentage: 50  # 50%

  # sensitive data filtering
  span:
    attributes:
      - key: http.request.header.authorization
        action: delete
      - key: http.request.header.cookie
        action: delete
      - key: db.statement
        action: delete  # Or hash sensitive queries

  # high memory usage: reduce batch size, increase memory limit trigger
  batch:
    send_batch_size: 512  # Down from 1024
    timeout: 5s
  memory_limiter:
    limit_mib: 768  # Up from 512
    spike_limit_mib: 192

  # trace enrichment
  resource:
    attributes:
      - key: deployment.environment
        value: staging
        action: upsert
service:
  pipelines:
    traces:
      processors: [memory_limiter, resource, probabilistic_sampler, span, batch]
"""


def request(trace_id: bytes) -> bytes:
    data = trace.TracesData()
    container = data.resource_spans.add()
    container.resource.attributes.add(key="service.name").value.string_value = "tenants"
    scope = container.scope_spans.add()
    for index in range(3):
        span = scope.spans.add(
            trace_id=trace_id, span_id=bytes([0] * 7 + [index + 1]), name="POST /tenants"
        )
        span.start_time_unix_nano = 1_700_000_000_000_000_000 + index
        span.end_time_unix_nano = 1_700_000_000_000_001_000 + index
        for key in ("http.request.header.authorization", "db.statement", "tenant.id"):
            span.attributes.add(key=key).value.string_value = "secret"
    return data.SerializeToString()


def test_sampler_resource_span_batch_and_limiter_do_what_they_say(
    fresh_platform: Platform, tmp_path: Path
) -> None:
    config = tmp_path / "guide.yaml"
    config.write_text(SNIPPETS)
    platform = fresh_platform.start("--config", str(config))
    sent = 200
    for number in range(sent):
        post = urllib.request.Request(
            f"{platform.http_endpoint}/v1/traces",
            request((number * 0x9E3779B97F4A7C15 % 2**128 + 1).to_bytes(16, "big")),
            {"Content-Type": "application/x-protobuf"},
        )
        with urllib.request.urlopen(post, timeout=30) as answer:
            assert answer.status == 200
    # The batch processor holds spans for up to five seconds: a stop sends them on.
    assert platform.stop() == 0
    platform.start("--config", str(config))
    found = platform.get("/api/traces", service="tenants", limit=1000, start=0)["data"]
    # Half, give or take: four standard deviations are 28 traces.
    assert sent / 2 - 28 < len(found) < sent / 2 + 28
    for one in found:
        assert len(one["spans"]) == 3
        for span in one["spans"]:
            kept = tags(span)
            assert kept["tenant.id"] == "secret"
            assert "db.statement" not in kept
            assert "http.request.header.authorization" not in kept
        (process,) = one["processes"].values()
        assert {"key": "deployment.environment", "type": "string", "value": "staging"} in process[
            "tags"
        ]


def test_a_collector_file_with_the_snippets_validates(tmp_path: Path) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text(
        SNIPPETS.replace(
            "      processors:",
            "      receivers: [otlp]\n      exporters: [debug]\n      processors:",
        )
        + """
receivers:
  otlp:
    protocols:
      grpc:
      http:
exporters:
  debug:
"""
    )
    done = subprocess.run(
        [str(ANANTA), "validate", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_key_is_named_with_its_place_and_the_right_one(tmp_path: Path) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text(SNIPPETS.replace("sampling_percentage", "sampling_percent"))
    done = subprocess.run(
        [str(ANANTA), "validate", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    told = done.stdout + done.stderr
    assert "probabilistic_sampler" in told
    assert "sampling_percent" in told
    assert "did you mean" in told
    assert "Traceback" not in told
