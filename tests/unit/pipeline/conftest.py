"""Fixtures of the pipeline tests."""

from __future__ import annotations

import pytest

from tests.unit.pipeline import components


@pytest.fixture(autouse=True)
def fresh_components() -> None:
    """No test sees another's components."""
    components.EVENTS.clear()
    components.INSTANCES.clear()
