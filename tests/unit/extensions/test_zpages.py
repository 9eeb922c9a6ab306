"""The extension `zpages`: what each page shows."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import ValidationError

from ananta.config.load import load_config
from ananta.extensions.zpages import ZpagesConfig, create_app
from ananta.telemetry.overview import Overview
from tests.unit.pipeline.components import table

if TYPE_CHECKING:
    from ananta.config.service import CollectorConfig

PIPELINES = """
    receivers: {plain/in: }
    processors: {batch: {send_batch_size: 512}}
    exporters: {debug: , queued/<b>: }
    extensions: {zpages: , plain/e: }
    service:
      extensions: [zpages, plain/e]
      pipelines:
        traces/main: {receivers: [plain/in], processors: [batch], exporters: [debug]}
        traces/other: {receivers: [plain/in], exporters: [debug]}
"""


def configuration(*overrides: str) -> CollectorConfig:
    text = textwrap.dedent(PIPELINES).replace(", queued/<b>: ", "")
    return load_config([f"yaml:{text}"], table=table(), overrides=overrides)


@pytest.fixture
def overview() -> Overview:
    return Overview(configuration())


async def ask(overview: Overview, path: str, *, with_variables: bool = False) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(overview, with_variables=with_variables))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://process", follow_redirects=True
    ) as client:
        return await client.get(path)


async def test_servicez_says_what_runs_and_leads_to_the_other_pages(overview) -> None:
    text = (await ask(overview, "/debug/servicez")).text
    assert overview.version in text
    assert "<td>Ready</td><td>no</td>" in text
    for page in ("pipelinez", "extensionz", "featurez", "tracez"):
        assert f"/debug/{page}" in text
        assert (await ask(overview, f"/debug/{page}")).status_code == 200
    assert (await ask(overview, "/")).url.path == "/debug/servicez"


async def test_pipelinez_shows_every_pipeline_with_its_components(overview) -> None:
    text = (await ask(overview, "/debug/pipelinez")).text
    for shown in ("traces/main", "traces/other", "plain/in", "batch", "debug"):
        assert shown in text
    one = (await ask(overview, "/debug/pipelinez?pipelinenamez=traces/other")).text
    assert "traces/main" not in one


async def test_pipelinez_shows_the_settings_of_a_component(overview) -> None:
    asked = "?pipelinenamez=traces/main&componentkindz=processor&componentnamez=batch"
    text = (await ask(overview, f"/debug/pipelinez{asked}")).text
    assert "<td>send_batch_size</td><td>512</td>" in text
    missing = await ask(overview, "/debug/pipelinez?componentkindz=processor&componentnamez=<b>")
    assert missing.status_code == 404
    assert "&lt;b&gt;" in missing.text


async def test_a_password_in_a_url_is_not_shown() -> None:
    endpoint = "exporters={otlp_http: {endpoint: 'http://me:sesame@localhost:1'}}"
    used = "service.pipelines={traces: {receivers: [plain/in], exporters: [otlp_http]}}"
    asked = "?componentkindz=exporter&componentnamez=otlp_http"
    overview = Overview(configuration(endpoint, used))
    text = (await ask(overview, f"/debug/pipelinez{asked}")).text
    assert "<td>http://me:[REDACTED]@localhost:1</td>" in text


async def test_extensionz_shows_the_extensions_and_their_settings(overview) -> None:
    assert "plain/e" in (await ask(overview, "/debug/extensionz")).text
    text = (await ask(overview, "/debug/extensionz?zextensionname=zpages")).text
    assert "<td>endpoint</td><td>localhost:55679</td>" in text


async def test_tracez_tells_whether_spans_arrive_and_what_goes_wrong(overview) -> None:
    operation = overview.operations.operation("receiver/otlp")
    operation.end(operation.begin(), 42)
    failing = overview.operations.operation("exporter/otlp")
    failing.fail(failing.begin(), 7, ConnectionError("<refused>"))
    text = (await ask(overview, "/debug/tracez")).text
    assert "receiver/otlp</a></td><td><span class=n>42</span></td>" in text
    assert "<span class=n>1</span></td></tr>" in text
    details = (await ask(overview, "/debug/tracez?zspanname=exporter/otlp")).text
    assert "<td>7</td><td>&lt;refused&gt;</td>" in details
    assert (await ask(overview, "/debug/tracez?zspanname=nothing")).status_code == 404


async def test_tracez_says_when_own_spans_are_switched_off() -> None:
    overview = Overview(configuration("service.telemetry.traces.level=none"))
    assert "traces::level is none" in (await ask(overview, "/debug/tracez")).text


async def test_expvarz_is_there_only_when_enabled(overview) -> None:
    assert (await ask(overview, "/debug/expvarz")).status_code == 404
    variables = (await ask(overview, "/debug/expvarz", with_variables=True)).json()
    assert variables["memory"]["resident_bytes"] > 0


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match='"endpoint" is required when using the "zpages"'):
        ZpagesConfig.model_validate({"endpoint": ""})
    config: dict[str, Any] = {"endpoint": "0.0.0.0:55679", "expvar": {"enabled": True}}
    assert ZpagesConfig.model_validate(config).expvar.enabled
