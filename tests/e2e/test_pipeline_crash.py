"""A process killed again and again: nothing acknowledged is lost, and nothing is stored twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("journal_process.py")
KILLED_AFTER = (1, 7, 50, 233, 2, 300, 120, 41)


@pytest.mark.e2e
def test_a_killed_process_delivers_each_acknowledged_span_exactly_once(tmp_path) -> None:
    acknowledged: list[int] = []
    for count in KILLED_AFTER:
        first = acknowledged[-1] + 1000 if acknowledged else 0
        command = [sys.executable, "-P", str(PROGRAM), str(tmp_path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            acknowledged += [int(process.stdout.readline()) for _ in range(count)]
            process.kill()
            acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
    subprocess.run(
        [sys.executable, "-P", str(PROGRAM), str(tmp_path), "drain"], check=True, timeout=60
    )

    delivered: dict[str, str] = {}
    for line in (tmp_path / "store").read_text().splitlines():
        token, numbers = line.split()
        assert delivered.setdefault(token, numbers) == numbers, "one token for different spans"
    stored = [int(number) for numbers in delivered.values() for number in numbers.split(",")]
    assert len(stored) == len(set(stored)), "stored twice"
    assert len(acknowledged) >= sum(KILLED_AFTER)
    assert set(acknowledged) <= set(stored), "acknowledged and missing"
