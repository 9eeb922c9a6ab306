"""A component of another package, found by its entry point, at work in a running pipeline."""

from __future__ import annotations

import http.client
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .platform import ANANTA, Platform, free_ports
from .senders import trace_request

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[1] / "third_party_component"


def installed(directory: Path) -> str:
    """A `PYTHONPATH` on which the package is installed, entry points and all."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    info = directory / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return f"{directory}:{PACKAGE / 'src'}"


@pytest.fixture
def collector(tmp_path) -> Iterator[Platform]:
    """A collector whose pipeline has the package's processor before a `batch` and a `debug`."""
    platform = Platform(tmp_path / "data")
    metrics, platform.ports["http"] = free_ports(2)
    config = tmp_path / "collector.yaml"
    config.write_text(
        f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{platform.ports["http"]}"}}}}}}}}
processors: {{span_limit: {{max_spans: 5}}, batch: }}
exporters: {{debug: {{verbosity: normal}}}}
service:
  telemetry:
    metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{port: {metrics}}}}}}}}}]}}
  pipelines:
    traces: {{receivers: [otlp], processors: [span_limit, batch], exporters: [debug]}}
"""
    )
    environment = {"PYTHONPATH": installed(tmp_path / "site")}
    platform.launch([str(ANANTA), "collect", "--config", str(config)], environment)
    yield platform
    platform.kill()
    if platform.process is not None and platform.process.stdout is not None:
        platform.process.stdout.close()


def post(port: int, spans: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/x-protobuf"}
    connection.request("POST", "/v1/traces", trace_request(b"t" * 16, spans=spans), headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.e2e
def test_it_passes_spans_on_and_its_refusal_reaches_the_sender(collector) -> None:
    port = collector.ports["http"]
    assert post(port, spans=5)[0] == 200
    status, body = post(port, spans=6)
    assert status == 500
    assert b"a batch of 6 spans is over the limit of 5" in body
    assert collector.stop() == 0
    output = "".join(collector.output)
    assert output.count("step 4") == 1
    assert "step 5" not in output
    assert "Stopped: 5 spans delivered, 0 saved for the next start, 0 dropped." in output
