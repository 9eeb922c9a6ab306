"""What the tests of the core are given: sinks, and child processes with a clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .sink import Sink, grpc_sink, http_sink

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def http() -> Iterator[Sink]:
    with http_sink() as sink:
        yield sink


@pytest.fixture
def grpc_server() -> Iterator[Sink]:
    with grpc_sink() as sink:
        yield sink


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "AWS_", "ECS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


Run = Callable[..., subprocess.CompletedProcess[str]]


def start_python(code: str, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """A Python process of its own that runs this code."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "OTEL_PYTHON_LOG_CORRELATION": "false",
            "PYTHONWARNINGS": "ignore::DeprecationWarning",  # of forks beside threads
            **environ,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def run_python() -> Run:
    """Run code in a process of its own; what it wrote, and its return code."""

    def run(code: str, *arguments: str, timeout: float = 60, **environ: str):
        process = start_python(code, *arguments, **environ)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"still running after {timeout} s:\n{out}\n{err}") from None
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run
