"""The test span: sent over a real socket to the process's own receiver."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import trustme
from tests.unit.pipeline.components import the
from tests.unit.query.running_process import running

from ananta.query.process import NotTakenError, NoWayInError

if TYPE_CHECKING:
    from pathlib import Path


def receiving(protocols: str, processors: str = "") -> str:
    return f"""
    receivers: {{otlp: {{protocols: {protocols}}}}}
    processors: {{memory_limiter: {{limit_mib: 1, check_interval: 1h}}}}
    exporters: {{plain/out: }}
    service:
      pipelines:
        traces: {{receivers: [otlp], processors: [{processors}], exporters: [plain/out]}}
    """


BOTH = '{http: {endpoint: "127.0.0.1:0"}, grpc: {endpoint: "127.0.0.1:0"}}'


@pytest.mark.parametrize(
    ("protocols", "endpoint"),
    [
        (BOTH, "http://127.0.0.1:{http}/v1/traces"),
        ('{grpc: {endpoint: "127.0.0.1:0"}}', "grpc://127.0.0.1:{grpc}"),
        (
            '{http: {endpoint: "0.0.0.0:0", traces_url_path: in/spans}}',
            "http://127.0.0.1:{http}/in/spans",
        ),
    ],
)
async def test_it_goes_the_way_all_spans_go(protocols: str, endpoint: str) -> None:
    async with running(receiving(protocols)) as process:
        sent = await process.reader.send_test_span()
        addresses = (await process.component("otlp")).addresses
        ports = {name: address.rpartition(":")[2] for name, address in addresses.items()}
        assert sent.endpoint == endpoint.format(**ports)
        assert the("plain/out").received == ["test span"]
        assert (await process.component("otlp")).accepted == 1


async def test_a_refusal_is_told_with_its_cause() -> None:
    async with running(receiving(BOTH, "memory_limiter")) as process:
        with pytest.raises(NotTakenError) as refused:
            await process.reader.send_test_span()
        assert (await process.component("otlp")).refused == 1
    message = str(refused.value)
    assert message.startswith('Receiver "otlp" did not take the test span at http://127.0.0.1:')
    assert "data refused due to high memory usage" in message
    assert "Check that" in message


async def test_a_receiver_that_is_gone_is_told() -> None:
    async with running(receiving(BOTH)) as process:
        (receiver,) = [
            node.component for node in process.service._started if node.path == "receivers::otlp"
        ]
        await receiver.shutdown()
        with pytest.raises(NotTakenError, match="did not take the test span"):
            await process.reader.send_test_span()


async def test_without_an_otlp_receiver_it_says_what_is_missing() -> None:
    text = """
    receivers: {plain/in: }
    exporters: {nop: }
    service: {pipelines: {traces: {receivers: [plain/in], exporters: [nop]}}}
    """
    async with running(text) as process:
        with pytest.raises(NoWayInError, match="Add the receiver otlp to a pipeline"):
            await process.reader.send_test_span()


async def test_tls_alone_is_not_tried_and_plain_grpc_is_taken_before_it(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    tls = json.dumps(
        {"cert_file": str(tmp_path / "both.pem"), "key_file": str(tmp_path / "both.pem")}
    )
    http = f'http: {{endpoint: "127.0.0.1:0", tls: {tls}}}'
    async with running(receiving(f"{{{http}}}")) as process:
        with pytest.raises(NoWayInError, match="listen with TLS alone"):
            await process.reader.send_test_span()
    async with running(receiving(f'{{{http}, grpc: {{endpoint: "127.0.0.1:0"}}}}')) as process:
        assert (await process.reader.send_test_span()).endpoint.startswith("grpc://")
