"""Peers are real programs built by `python -m bench.peers build`; without them a test skips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench import peers

from tests.e2e.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _path(path: Path | None, name: str) -> Path:
    if path is None:
        pytest.skip(f"{name} is not built: run python -m bench.peers build")
    return path


@pytest.fixture(scope="session")
def collector() -> Path:
    return _path(peers.collector_path(), "the OpenTelemetry Collector")


@pytest.fixture(scope="session")
def tracegen() -> Path:
    return _path(peers.tracegen_path(), "tracegen")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    running = Platform(tmp_path / "data").start()
    yield running
    running.kill()
