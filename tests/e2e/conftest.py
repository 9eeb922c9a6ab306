"""Fixtures of the end-to-end tests: real processes on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .platform import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One running `ananta up` for the tests of a module."""
    running = Platform(tmp_path_factory.mktemp("data")).start()
    yield running
    running.stop()


@pytest.fixture
def fresh_platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform not yet started, with an empty data directory; killed at the end."""
    platform = Platform(tmp_path / "data")
    yield platform
    platform.kill()
