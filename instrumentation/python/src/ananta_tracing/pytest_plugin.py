"""Fixtures for pytest: `spans` records in memory, `ananta_platform` is a whole running platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta_tracing.testing import RecordedSpans
    from ananta_tracing.testing_platform import AnantaPlatform


@pytest.fixture
def spans() -> Iterator[RecordedSpans]:
    """The spans made during the test; see `ananta_tracing.testing.RecordedSpans`."""
    from ananta_tracing.testing import record_spans

    with record_spans() as recorded:
        yield recorded


@pytest.fixture(scope="session")
def ananta_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnantaPlatform]:
    """A running platform of this test session, on ports of its own; skips where it is missing."""
    from ananta_tracing.testing_platform import AnantaPlatform, find_command

    command = find_command()
    if command is None:
        pytest.skip("the command `ananta` is not installed, so there is no platform to send to")
    platform = AnantaPlatform(command, tmp_path_factory.mktemp("ananta"))
    platform.start()
    yield platform
    platform.stop()
