"""What every test is given: logging as it was, however the test before configured it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Take back what a configuration's `service.telemetry.logs` did to the process."""
    ours, root = logging.getLogger("ananta"), logging.getLogger()
    level, handlers = ours.level, list(root.handlers)
    yield
    ours.setLevel(level)
    for handler in root.handlers[:]:
        if handler not in handlers and type(handler).__module__.startswith("ananta."):
            root.removeHandler(handler)
            handler.close()
