"""Two gateways in a row, over mutual TLS and two codings: from SDK to sink as configured."""

from __future__ import annotations

import http.server
import subprocess
import threading
from typing import TYPE_CHECKING, ClassVar

import pytest
import trustme
import yaml
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .platform import ANANTA, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.e2e


class Gateway(Platform):
    """`ananta collect` with one OTLP receiver and one exporter."""

    def __init__(self, directory: Path, receiver: dict[str, Any], exporter: dict[str, Any]) -> None:
        super().__init__(directory)
        directory.mkdir()
        reader = {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self.ports["metrics"]}}}
        grpc = {"endpoint": f"127.0.0.1:{self.ports['grpc']}", **receiver}
        pipeline = {"receivers": ["otlp"], "exporters": list(exporter)}
        config = {
            "receivers": {"otlp": {"protocols": {"grpc": grpc}}},
            "exporters": exporter,
            "service": {
                "telemetry": {"metrics": {"readers": [{"pull": reader}]}},
                "pipelines": {"traces": pipeline},
            },
        }
        self.config = directory / "gateway.yaml"
        self.config.write_text(yaml.safe_dump(config))

    def start(self, *arguments: str) -> Platform:
        return self.launch([str(ANANTA), "collect", "--config", str(self.config), *arguments])


class Sink(http.server.BaseHTTPRequestHandler):
    """Keeps the requests it is sent."""

    requests: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []
    arrived = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.requests.append((self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        self.arrived.set()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def sink() -> Iterator[str]:
    Sink.requests.clear()
    Sink.arrived.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def tls_files(directory: Path) -> dict[str, dict[str, str]]:
    """The `tls:` sections of a server that wants to know its clients, and of one it knows."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(directory / "ca.pem")
    sections = {}
    for side in ("server", "client"):
        identity = ca.issue_cert("localhost", "127.0.0.1")
        identity.cert_chain_pems[0].write_to_path(directory / f"{side}.pem")
        identity.private_key_pem.write_to_path(directory / f"{side}.key")
        sections[side] = {
            "cert_file": str(directory / f"{side}.pem"),
            "key_file": str(directory / f"{side}.key"),
        }
    sections["server"]["client_ca_file"] = str(directory / "ca.pem")
    sections["client"]["ca_file"] = str(directory / "ca.pem")
    return sections


def test_spans_pass_two_gateways_over_mutual_tls(tmp_path: Path, sink: str) -> None:
    tls = tls_files(tmp_path)
    to_sink = {"otlp_http": {"endpoint": sink, "compression": "none"}}
    last = Gateway(tmp_path / "last", {"tls": tls["server"]}, to_sink)
    to_last = {
        "endpoint": f"127.0.0.1:{last.ports['grpc']}",
        "tls": tls["client"],
        "compression": "zstd",
    }
    first = Gateway(tmp_path / "first", {}, {"otlp_grpc": to_last})
    try:
        last.start()
        first.start()
        provider = TracerProvider()
        exporter = OTLPSpanExporter(endpoint=first.grpc_endpoint, insecure=True)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracer = provider.get_tracer("test")
        for number in range(20):
            tracer.start_span(f"span {number}").end()
        provider.shutdown()
        assert Sink.arrived.wait(60)
        assert (first.stop(), last.stop()) == (0, 0)
    finally:
        first.kill()
        last.kill()
    names = []
    for path, headers, body in Sink.requests:
        assert path == "/v1/traces"
        assert headers["content-type"] == "application/x-protobuf"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names += [span.name for scope in resource.scope_spans for span in scope.spans]
    assert sorted(names) == sorted(f"span {number}" for number in range(20))


def test_a_taken_port_ends_the_process_with_one_line_that_names_the_setting(
    tmp_path: Path, sink: str
) -> None:
    taken = sink.removeprefix("http://")
    gateway = Gateway(tmp_path / "gateway", {"endpoint": taken}, {"otlp_http": {"endpoint": sink}})
    command = [str(ANANTA), "collect", "--config", str(gateway.config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    output = ended.stdout + ended.stderr
    assert (
        f"receivers::otlp::protocols::grpc::endpoint: {taken} is taken by another process;"
        " set another port there or stop that process"
    ) in " ".join(output.split())
    assert "Traceback" not in output
