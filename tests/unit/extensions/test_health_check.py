"""The extension `health_check`: what it answers before, while and after everything runs."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import ValidationError

from ananta.component import Settings
from ananta.config.service import CollectorConfig, ServiceConfig
from ananta.extensions.health_check import HealthCheckConfig, HealthCheckExtension
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.overview import Overview

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST: Any = None


@asynccontextmanager
async def running(overview: Overview, **config: Any) -> AsyncIterator[httpx.AsyncClient]:
    log = logging.getLogger("ananta.extensions.health_check")
    settings = Settings("health_check", log, Metrics(), {"overview": overview})
    loaded = HealthCheckConfig.model_validate({"endpoint": "localhost:0"} | config)
    extension = HealthCheckExtension(loaded, settings)
    await extension.start(HOST)
    base_url = f"http://{extension.addresses['']}"
    try:
        async with httpx.AsyncClient(base_url=base_url) as client:
            yield client
    finally:
        await extension.shutdown()
        await extension.shutdown()


def overview(ready_since: float | None) -> Overview:
    return Overview(CollectorConfig(ServiceConfig()), ready_since=ready_since)


@pytest.mark.parametrize("path", ["/", "/health", "/any/other"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_when_ready_every_path_answers_200(path, method) -> None:
    async with running(overview(time.time() - 90)) as client:
        response = await client.request(method, path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    if method != "HEAD":
        answer = response.json()
        assert answer["status"] == "Server available"
        assert answer["upSince"].endswith("Z")
        assert answer["uptime"].startswith("1m30")


async def test_before_and_after_it_answers_503() -> None:
    about = overview(None)
    async with running(about) as client:
        response = await client.get("/")
        assert response.status_code == 503
        assert response.json() == {
            "status": "Server not available",
            "upSince": "0001-01-01T00:00:00Z",
            "uptime": "",
        }
        about.ready_since = time.time()
        assert (await client.get("/")).status_code == 200
        about.ready_since = None
        assert (await client.get("/")).status_code == 503


async def test_another_path_answers_alone() -> None:
    async with running(overview(time.time()), path="/live") as client:
        assert (await client.get("/live")).status_code == 200
        assert (await client.get("/")).status_code == 404


async def test_configured_texts_are_answered_instead() -> None:
    about = overview(time.time())
    async with running(about, response_body={"healthy": "fine", "unhealthy": "ill"}) as client:
        assert (await client.get("/")).text == "fine"
        about.ready_since = None
        response = await client.get("/")
        assert (response.status_code, response.text) == (503, "ill")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"endpoint": ""}, "bad config: endpoint must be specified"),
        ({"endpoint": "localhost"}, "missing port"),
        ({"path": "live"}, "bad config: path must start with /"),
        (
            {"check_collector_pipeline": {"exporter_failure_threshold": 0}},
            "bad config: exporter_failure_threshold expects a positive number",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message) -> None:
    with pytest.raises(ValidationError, match=message):
        HealthCheckConfig.model_validate(settings)


def test_the_collectors_keys_are_taken() -> None:
    config = HealthCheckConfig.model_validate(
        {"check_collector_pipeline": {"enabled": True, "interval": "5m"}}
    )
    assert config.endpoint == "localhost:13133"
