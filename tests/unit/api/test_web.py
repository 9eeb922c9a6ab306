"""Every path that is not the API's: the web UI's place."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from ananta.config.shared import CorsConfig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.api.conftest import Api


@pytest.fixture
def built_ui(tmp_path: Path) -> Path:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "app-1a2b.js").write_text("run()")
    (assets / "app-1a2b.js.gz").write_bytes(gzip.compress(b"run()", mtime=0))
    (assets / "app-1a2b.js.br").write_bytes(b"as brotli")
    (assets / "plain-3c4d.css").write_text("body{}")
    (tmp_path / "icon.svg").write_text("<svg/>")
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
        assert (await client.get("/assets/app-1a2b.js")).text == "run()"
        assert (await client.get("/assets/absent.js")).status_code == 404
        assert (await client.get("/assets/../../etc/passwd")).status_code in (200, 404)
        for path in ("/", "/search", "/trace/abc", "/index.html"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert '<base href="/"' in answer.text
        assert (await client.get("/api/services")).json()["data"] == []


async def test_assets_are_kept_for_good_and_everything_else_is_asked_for(
    api: Api, built_ui: Path
) -> None:
    async with api.client_of(static_directory=built_ui) as client:
        asset = await client.get("/assets/app-1a2b.js")
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        for path in ("/", "/search", "/index.html", "/icon.svg"):
            assert (await client.get(path)).headers["cache-control"] == "no-cache"
        assert "cache-control" not in (await client.get("/assets/absent.js")).headers
        again = {"If-None-Match": asset.headers["etag"]}
        kept = await client.get("/assets/app-1a2b.js", headers=again)
    assert kept.status_code == 304
    assert kept.headers["cache-control"] == asset.headers["cache-control"]


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br", "br", b"as brotli"),
        ("gzip", "gzip", gzip.compress(b"run()", mtime=0)),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.compress(b"run()", mtime=0)),
        ("identity", None, b"run()"),
    ],
)
async def test_an_asset_comes_as_it_was_compressed_where_the_client_takes_that(
    api: Api, built_ui: Path, accepted: str, coding: str | None, body: bytes
) -> None:
    headers = {"Accept-Encoding": accepted}
    async with (
        api.client_of(static_directory=built_ui) as client,
        client.stream("GET", "/assets/app-1a2b.js", headers=headers) as answer,
    ):
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert raw[10:] == body[10:]
    assert len(raw) == len(body)


async def test_an_asset_without_a_compressed_form_comes_as_it_is(api: Api, built_ui: Path) -> None:
    async with api.client_of(static_directory=built_ui) as client:
        answer = await client.get("/assets/plain-3c4d.css", headers={"Accept-Encoding": "br, gzip"})
    assert answer.text == "body{}"
    assert "content-encoding" not in answer.headers


async def test_the_document_may_load_our_own_files_alone(api: Api, built_ui: Path) -> None:
    for directory in (built_ui, built_ui / "absent"):
        async with api.client_of(static_directory=directory) as client:
            document = await client.get("/search")
        rules = dict(
            rule.split(" ", 1) for rule in document.headers["content-security-policy"].split("; ")
        )
        assert rules["default-src"] == "'self'"
        assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
        assert rules["frame-ancestors"] == "*"
        assert document.headers["x-content-type-options"] == "nosniff"


async def test_the_ui_is_only_read(api: Api, built_ui: Path) -> None:
    async with api.client_of(static_directory=built_ui) as client:
        assert (await client.post("/search")).status_code == 405


async def test_files_outside_the_ui_are_never_served(api: Api, built_ui: Path) -> None:
    (built_ui.parent / "secret.txt").write_text("secret")
    async with api.client_of(static_directory=built_ui) as client:
        for path in ("/%2e%2e/secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "//secret.txt"):
            assert "secret" not in (await client.get(f"http://query{path}")).text


async def test_a_base_path_comes_before_everything(api: Api, built_ui: Path) -> None:
    async with api.client_of(static_directory=built_ui, base_path="/tracing") as client:
        assert (await client.get("/tracing/api/services")).json()["data"] == []
        assert (await client.get("/tracing/api/unknown")).status_code == 404
        for path in ("/tracing/", "/tracing/search", "/tracing/index.html"):
            assert '<base href="/tracing/"' in (await client.get(path)).text
        assert (await client.get("/tracing/assets/app-1a2b.js")).text == "run()"
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
