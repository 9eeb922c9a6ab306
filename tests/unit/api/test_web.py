"""Every path that is not the API's: the web UI's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ananta.config.shared import CorsConfig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.api.conftest import Api


@pytest.fixture
def built_ui(tmp_path: Path) -> Path:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "app.js").write_text("run()")
    (tmp_path / "index.html").write_text('<head><base href="/" data-x></head>')
    return tmp_path


@pytest.mark.parametrize("path", ["/", "/search", "/trace/1", "/deep/er?x=1"])
async def test_without_a_ui_a_plain_page_leads_to_the_api(
    api: Api, tmp_path: Path, path: str
) -> None:
    async with api.client_of(static_directory=tmp_path / "absent") as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'href="/api/services"' in answer.text


async def test_a_ui_is_served_with_its_document_for_every_page(api: Api, built_ui: Path) -> None:
    async with api.client_of(static_directory=built_ui) as client:
        assert (await client.get("/static/app.js")).text == "run()"
        assert (await client.get("/static/absent.js")).status_code == 404
        assert (await client.get("/static/../../etc/passwd")).status_code in (200, 404)
        for path in ("/", "/search", "/trace/abc", "/index.html"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert '<base href="/"' in answer.text
        assert (await client.get("/api/services")).json()["data"] == []


async def test_files_outside_the_ui_are_never_served(api: Api, built_ui: Path) -> None:
    (built_ui.parent / "secret.txt").write_text("secret")
    async with api.client_of(static_directory=built_ui) as client:
        for path in ("/%2e%2e/secret.txt", "/static/%2e%2e/%2e%2e/secret.txt", "//secret.txt"):
            assert "secret" not in (await client.get(f"http://query{path}")).text


async def test_a_base_path_comes_before_everything(api: Api, built_ui: Path) -> None:
    async with api.client_of(static_directory=built_ui, base_path="/tracing") as client:
        assert (await client.get("/tracing/api/services")).json()["data"] == []
        assert (await client.get("/tracing/api/unknown")).status_code == 404
        assert '<base href="/tracing/"' in (await client.get("/tracing/search")).text
        assert (await client.get("/tracing")).headers["location"] == "/tracing/"
        assert (await client.get("/api/services")).status_code == 404
        assert (await client.get("/")).status_code == 404


async def test_other_origins_ask_only_where_cors_allows(api: Api) -> None:
    cors = CorsConfig(allowed_origins=["https://*.example.com"])
    async with api.client_of(cors=cors) as client:
        allowed = await client.get(
            "/api/services", headers={"Origin": "https://grafana.example.com"}
        )
        refused = await client.get("/api/services", headers={"Origin": "https://example.org"})
    assert allowed.headers["access-control-allow-origin"] == "https://grafana.example.com"
    assert "access-control-allow-origin" not in refused.headers
    without = await api.client.get("/api/services", headers={"Origin": "https://x.example.com"})
    assert "access-control-allow-origin" not in without.headers
