"""The same battery on the full build of ClickHouse, which some install instead of the small one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# `make test` puts it there.
FULL_ENGINE = Path(sys.prefix) / "full-engine"
IS_INSIDE = "ANANTA_TEST_FULL_ENGINE"


@pytest.mark.skipif(IS_INSIDE in os.environ, reason="this is the battery on the full engine")
def test_the_battery_passes_on_the_full_engine() -> None:
    if not (FULL_ENGINE / "chdb").is_dir():
        pytest.skip(f"the full engine is not installed in {FULL_ENGINE}")
    path = os.pathsep.join([str(FULL_ENGINE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            str(Path(__file__).parent),
        ],
        env={**os.environ, "PYTHONPATH": path, IS_INSIDE: "yes"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


@pytest.mark.skipif(IS_INSIDE not in os.environ, reason="for the battery on the full engine")
def test_this_is_the_full_engine() -> None:
    import chdb

    assert Path(chdb.__file__).is_relative_to(FULL_ENGINE)
