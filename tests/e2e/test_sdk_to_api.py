"""The promise of the product: a real SDK sends, Jaeger's API answers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

if TYPE_CHECKING:
    from .platform import Platform

pytestmark = pytest.mark.e2e

NODE = Path(__file__).parents[1] / "node"


def tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def send_trace(exporter: SpanExporter, service: str) -> str:
    """Three spans: a root with an error, a child with an event, a grandchild with a link."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    processor = BatchSpanProcessor(exporter)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("python-client", "1.0.0")
    with tracer.start_as_current_span("provision_tenant", kind=trace.SpanKind.SERVER) as root:
        root.set_attributes({"tenant.id": "12345", "tenant.premium": True, "retries": 3})
        with tracer.start_as_current_span("insert", kind=trace.SpanKind.CLIENT) as child:
            child.add_event("tenant_created", {"tenant_id": "12345"})
            link = trace.Link(root.get_span_context())
            with tracer.start_as_current_span("commit", links=[link]) as grandchild:
                grandchild.set_attribute("ratio", 0.5)
        root.set_status(trace.Status(trace.StatusCode.ERROR, "refused"))
    assert provider.force_flush(30_000)
    provider.shutdown()
    return f"{root.get_span_context().trace_id:032x}"


@pytest.mark.parametrize("protocol", ["grpc", "grpc+gzip", "http", "http+gzip"])
def test_python_sdk_to_jaeger_api(platform: Platform, protocol: str) -> None:
    service = f"python-{protocol}"
    exporter: SpanExporter
    if protocol.startswith("grpc"):
        from grpc import Compression as GrpcCompression

        compression = GrpcCompression.Gzip if "gzip" in protocol else GrpcCompression.NoCompression
        exporter = GrpcExporter(
            endpoint=platform.grpc_endpoint, insecure=True, compression=compression
        )
    else:
        exporter = HttpExporter(
            endpoint=f"{platform.http_endpoint}/v1/traces",
            compression=Compression.Gzip if "gzip" in protocol else Compression.NoCompression,
        )
    trace_id = send_trace(exporter, service)

    found = platform.trace(trace_id)
    spans = {span["operationName"]: span for span in found["spans"]}
    assert set(spans) == {"provision_tenant", "insert", "commit"}
    assert {process["serviceName"] for process in found["processes"].values()} == {service}
    root, child, grandchild = spans["provision_tenant"], spans["insert"], spans["commit"]
    assert root["references"] == []
    assert child["references"][0] == {
        "refType": "CHILD_OF",
        "traceID": trace_id,
        "spanID": root["spanID"],
    }
    assert [ref["refType"] for ref in grandchild["references"]] == ["CHILD_OF", "FOLLOWS_FROM"]
    expected = {"tenant.id": "12345", "tenant.premium": True, "retries": 3, "span.kind": "server"}
    assert expected.items() <= tags(root).items()
    assert tags(root)["error"] is True
    assert tags(root)["otel.status_description"] == "refused"
    assert child["logs"][0]["fields"][0] == {
        "key": "event",
        "type": "string",
        "value": "tenant_created",
    }

    assert service in platform.get("/api/services")["data"]
    operations = platform.get(f"/api/services/{service}/operations")["data"]
    assert set(operations) == set(spans)
    found_ids = [
        one["traceID"]
        for one in platform.get("/api/traces", service=service, tags='{"tenant.id":"12345"}')[
            "data"
        ]
    ]
    assert found_ids == [trace_id]


def test_search_needs_no_service(platform: Platform) -> None:
    exporter = HttpExporter(endpoint=f"{platform.http_endpoint}/v1/traces")
    trace_id = send_trace(exporter, "without-service")
    found = platform.get("/api/traces", tag="tenant.premium:true", limit=1)["data"]
    assert [one["traceID"] for one in found] == [trace_id]
    assert len(found[0]["spans"]) == 3


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf", "http/json"])
def test_node_sdk_to_jaeger_api(platform: Platform, protocol: str) -> None:
    endpoint = platform.grpc_endpoint if protocol == "grpc" else platform.http_endpoint
    service = f"node-{protocol.replace('/', '-')}"
    sent = subprocess.run(
        ["node", "send.mjs", protocol, endpoint, service, "40"],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr
    found = platform.trace(sent.stdout.strip())
    assert len(found["spans"]) == 40
    roots = [span for span in found["spans"] if not span["references"]]
    assert [root["operationName"] for root in roots] == ["provision_tenant"]
    assert tags(roots[0])["tenant.id"] == "12345"


def test_the_guides_checks_answer(platform: Platform) -> None:
    """The health, zpages and metric checks users were promised."""
    exporter = GrpcExporter(endpoint=platform.grpc_endpoint, insecure=True)
    send_trace(exporter, "guide")
    assert platform.get("/health", port="health")["status"] == "Server available"
    assert platform.get("/", port="health")["status"] == "Server available"
    assert "otlp" in platform.text("/debug/tracez", port="zpages")
    metrics = platform.text("/metrics", port="metrics")
    lines = [line for line in metrics.splitlines() if not line.startswith("#")]
    rss = [line for line in lines if line.startswith("otelcol_process_memory_rss ")]
    assert len(rss) == 1
    assert float(rss[0].split()[1]) > 10 * 2**20
    accepted = [line for line in lines if line.startswith("otelcol_receiver_accepted_spans{")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in accepted) >= 3
