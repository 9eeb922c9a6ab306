"""`make test` runs the store's tests twice: the second time on the full build of ClickHouse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FULL_ENGINE = "ANANTA_TEST_FULL_ENGINE"


@pytest.mark.skipif(FULL_ENGINE not in os.environ, reason=f"{FULL_ENGINE} names no folder")
def test_this_is_the_full_engine() -> None:
    import chdb

    assert Path(chdb.__file__).is_relative_to(os.environ[FULL_ENGINE])
