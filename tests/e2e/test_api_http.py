"""The `query` extension on a real socket, asked as Grafana and browsers ask."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from ananta.api.extension import QueryConfig, QueryExtension
from ananta.component import Settings
from ananta.config.service import CollectorConfig, ServiceConfig
from ananta.errors import StartupError
from ananta.model import SpanBatch
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.overview import Overview
from tests.unit.api.otlp_spans import MILLISECOND, SERVER, START, event, of, request, span
from tests.unit.query.memory_reader import MemoryReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TRACE = "0af7651916cd43dd8448eb211c80319c"


class HostedExporter:
    """What the extension sees of the exporter."""

    def __init__(self, host: StoreHost) -> None:
        self._host = host

    @property
    def reader(self) -> MemoryReader:
        return self._host.reader


class StoreHost:
    """A host whose one exporter keeps spans in memory."""

    def __init__(self) -> None:
        self.reader = MemoryReader()
        self.flushed: list[str] = []
        self.store = HostedExporter(self)

    def exporter(self, component_id: str) -> Any:
        assert component_id == "clickhouse"
        return self.store

    def extension(self, component_id: str) -> Any:
        raise StartupError(component_id)

    async def flush(self, exporter_id: str) -> None:
        self.flushed.append(exporter_id)

    def report_fatal(self, component_id: str, error: BaseException) -> None:
        raise error


def extension_of(**config: Any) -> QueryExtension:
    overview = Overview(CollectorConfig(service=ServiceConfig()))
    extra = {"overview": overview}
    settings = Settings("query", logging.getLogger("query"), Metrics(), extra)
    return QueryExtension(QueryConfig(**({"endpoint": "127.0.0.1:0"} | config)), settings)


@pytest.fixture
def host() -> StoreHost:
    host = StoreHost()
    host.reader.add(
        SpanBatch.from_otlp(
            request(
                of(
                    "team/checkout",
                    span(
                        1,
                        "POST /buy",
                        kind=SERVER,
                        duration=2 * MILLISECOND,
                        attributes={"tenant.id": "12345", "http.response.status_code": 200},
                        events=[event("cache.miss", START + MILLISECOND, key="cart")],
                    ),
                    span(2, "SELECT", parent=1, start=START + 1000, duration=MILLISECOND),
                    resource={"host.name": "web-1"},
                )
            )
        )
    )
    return host


@pytest.fixture
async def url(host: StoreHost) -> AsyncIterator[str]:
    extension = extension_of()
    await extension.start(host)
    yield extension.addresses[""]
    await extension.shutdown()
    await extension.shutdown()


async def fetch(url: str, **options: Any) -> tuple[int, dict[str, str], bytes]:
    def blocking() -> tuple[int, dict[str, str], bytes]:
        context = options.pop("context", None)
        asked = urllib.request.Request(url, **options)
        try:
            answer = urllib.request.urlopen(asked, timeout=30, context=context)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()

    return await asyncio.to_thread(blocking)


async def test_grafana_save_and_test(url: str, host: StoreHost) -> None:
    status, headers, body = await fetch(f"{url}/api/services")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)["data"] == ["team/checkout"]
    assert host.flushed == ["clickhouse"]


async def test_grafana_lists_operations_of_a_service_with_a_slash(url: str) -> None:
    _, _, body = await fetch(f"{url}/api/services/team/checkout/operations")
    assert json.loads(body)["data"] == ["POST /buy", "SELECT"]


async def test_grafana_searches_in_microseconds_with_tags_as_json(url: str) -> None:
    start, end = START // 1000 - 1_000_000, START // 1000 + 1_000_000
    tags = "%7B%22tenant.id%22%3A%2212345%22%7D"
    query = (
        f"service=team%2Fcheckout&operation=POST%20%2Fbuy&tags={tags}"
        f"&minDuration=1.5ms&maxDuration=&limit=20&start={start}&end={end}&lookback=custom"
    )
    status, _, body = await fetch(f"{url}/api/traces?{query}")
    assert status == 200
    (trace,) = json.loads(body)["data"]
    assert (trace["traceID"], len(trace["spans"])) == (TRACE, 2)
    earliest = min(trace["spans"], key=lambda one: one["startTime"])
    assert earliest["operationName"] == "POST /buy"


async def test_grafana_reads_a_trace_with_hints_in_milliseconds(url: str) -> None:
    hints = f"start={START // MILLISECOND}&end={START // MILLISECOND + 1}"
    status, _, body = await fetch(f"{url}/api/traces/{TRACE}?{hints}")
    assert status == 200
    (trace,) = json.loads(body)["data"]
    root, child = trace["spans"]
    assert child["references"] == [
        {"refType": "CHILD_OF", "traceID": TRACE, "spanID": root["spanID"]}
    ]
    assert root["logs"] == [
        {
            "timestamp": START // 1000 + 1000,
            "fields": [
                {"key": "event", "type": "string", "value": "cache.miss"},
                {"key": "key", "type": "string", "value": "cart"},
            ],
        }
    ]
    assert trace["processes"][root["processID"]] == {
        "serviceName": "team/checkout",
        "tags": [{"key": "host.name", "type": "string", "value": "web-1"}],
    }


async def test_head_sends_the_headers_alone(url: str) -> None:
    status, headers, body = await fetch(f"{url}/api/services", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 10


async def test_transform_over_http(url: str) -> None:
    otlp = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {"spans": [{"traceId": TRACE, "spanId": "00000000000000aa", "name": "x"}]}
                ]
            }
        ]
    }
    status, _, body = await fetch(f"{url}/api/transform", data=json.dumps(otlp).encode())
    assert status == 200
    (trace,) = json.loads(body)["data"]
    assert trace["spans"][0]["spanID"] == "00000000000000aa"


async def test_a_wrong_method_and_an_unknown_path_are_404(url: str) -> None:
    assert (await fetch(f"{url}/api/services", method="DELETE"))[0] == 404
    status, headers, body = await fetch(f"{url}/api/nothing")
    assert (status, body) == (404, b"404 page not found\n")
    assert headers["x-content-type-options"] == "nosniff"


async def test_every_other_path_is_the_ui(url: str) -> None:
    for path in ("/", "/search", f"/trace/{TRACE}"):
        status, headers, _ = await fetch(url + path)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_until_the_store_is_open_the_answer_is_503(host: StoreHost) -> None:
    reader, host.reader = host.reader, None  # type: ignore[assignment]
    extension = extension_of()
    await extension.start(host)
    url = extension.addresses[""]
    try:
        status, _, body = await fetch(f"{url}/api/services")
        assert status == 503
        assert "has not opened its store yet" in json.loads(body)["errors"][0]["msg"]
        assert host.flushed == []
        host.reader = reader
        assert (await fetch(f"{url}/api/services"))[0] == 200
    finally:
        await extension.shutdown()


async def test_a_taken_port_names_the_setting(url: str, host: StoreHost) -> None:
    taken = extension_of(endpoint=url.removeprefix("http://"))
    with pytest.raises(StartupError, match="extensions::query::endpoint: cannot listen on"):
        await taken.start(host)


async def test_https_with_a_client_certificate(host: StoreHost, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    files = {name: str(tmp_path / name) for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    certificate.cert_chain_pems[0].write_to_path(files["cert"])
    certificate.private_key_pem.write_to_path(files["key"])
    tls = {"cert_file": files["cert"], "key_file": files["key"], "client_ca_file": files["ca"]}
    extension = extension_of(tls=tls)
    await extension.start(host)
    context = ssl.create_default_context(cafile=files["ca"])
    try:
        with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            await fetch(f"{extension.addresses['']}/api/services", context=context)
        authority.issue_cert("client@example.com").configure_cert(context)
        status, _, _ = await fetch(f"{extension.addresses['']}/api/services", context=context)
        assert status == 200
    finally:
        await extension.shutdown()


async def test_certificates_may_be_given_as_text(host: StoreHost) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    tls = {
        "cert_pem": certificate.cert_chain_pems[0].bytes().decode(),
        "key_pem": certificate.private_key_pem.bytes().decode(),
    }
    extension = extension_of(tls=tls)
    await extension.start(host)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        status, _, _ = await fetch(f"{extension.addresses['']}/api/services", context=context)
        assert status == 200
    finally:
        await extension.shutdown()


async def test_a_certificate_that_is_not_there_names_the_setting(host: StoreHost) -> None:
    extension = extension_of(tls={"cert_file": "/absent/cert", "key_file": "/absent/key"})
    with pytest.raises(StartupError, match="extensions::query::tls: cannot use the certificate"):
        await extension.start(host)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"endpoint": "16686"}, "missing port"),
        ({"base_path": "tracing"}, 'write "/tracing"'),
        ({"max_clock_skew_adjust": "-1s"}, "must not be negative"),
        (
            {"tls": {"cert_file": "c", "key_file": "k", "cipher_suites": ["X"]}},
            "cipher_suites is not supported",
        ),
    ],
)
def test_a_setting_that_cannot_be_followed_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QueryConfig(**config)
