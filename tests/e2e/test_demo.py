"""`ananta demo` against a running platform, and with one it starts itself."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .platform import Platform

pytestmark = pytest.mark.e2e

COMMAND = [sys.executable, "-m", "ananta", "demo"]


def demo(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False, **options
    )


def test_what_the_demo_tells_is_found(platform: Platform) -> None:
    ran = demo(
        "--history", "1h", "--duration", "1s", "--rate", "20", "--endpoint", platform.http_endpoint
    )
    assert ran.returncode == 0, ran.stderr
    services = platform.get("/api/services")["data"]
    assert {"api-gateway", "cns-service", "temporal-worker"} <= set(services)
    found = platform.get(
        "/api/traces", service="orchestrator", operation="RunWorkflow:RebuildIndex"
    )
    assert [len(trace["spans"]) for trace in found["data"]] == [10_000]


def test_nothing_that_listens_is_an_error_that_says_what_to_do() -> None:
    ran = demo("--endpoint", "http://127.0.0.1:9")
    assert ran.returncode == 1
    assert "nothing listens on http://127.0.0.1:9; start `ananta up`" in ran.stderr
    assert os.linesep not in ran.stderr.strip()
