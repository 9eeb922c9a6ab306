"""Peers are found in the cache once built, and only then."""

from __future__ import annotations

import yaml
from bench import peers
from bench.peers.build import collector_manifest


def test_a_peer_that_was_not_built_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = [peers.collector_path(), peers.jaeger_path(), peers.tracegen_path()]
    assert [*found, peers.rotel_path()] == [None] * 4


def test_a_built_peer_is_found_by_its_version(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = tmp_path / "ananta-bench" / "bin" / f"otelcol-{peers.COLLECTOR_VERSION}"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    assert peers.collector_path() == program


def test_the_collector_is_built_from_one_version_with_all_that_is_compared(tmp_path):
    manifest = yaml.safe_load(collector_manifest(tmp_path))
    modules = [part["gomod"] for kind in manifest if kind != "dist" for part in manifest[kind]]
    assert all(module.endswith(f" v{peers.COLLECTOR_VERSION}") for module in modules)
    names = {module.split()[0].rpartition("/")[2] for module in modules}
    assert names >= {"otlpreceiver", "attributesprocessor", "probabilisticsamplerprocessor"}
