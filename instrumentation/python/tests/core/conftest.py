"""What the tests of the core are given: sinks, and child processes with a clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from ananta_tracing.assembly import create_export_processor
from ananta_tracing.encoding import SpanEncoder
from ananta_tracing.provider import AnantaTracerProvider

from .sink import Sink, grpc_sink, http_sink

if TYPE_CHECKING:
    from ananta_tracing.export import ExportProcessor
    from ananta_tracing.settings import Settings

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


def wait_until(condition: Callable[[], bool], timeout_seconds: float = 20) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def create_provider(sampler: Sampler = ALWAYS_ON, **resource: str) -> AnantaTracerProvider:
    return AnantaTracerProvider(
        resource=Resource(resource), sampler=sampler, span_limits=SpanLimits(), id_generator=None
    )


def export_spans(
    settings: Settings, encoder: SpanEncoder | None = None, sampler: Sampler = ALWAYS_ON
) -> tuple[Any, ExportProcessor]:
    """A tracer whose spans go where the settings say, and its processor."""
    processor = create_export_processor(settings, encoder or SpanEncoder())
    assert processor is not None
    provider = create_provider(sampler, **{"service.name": settings.service_name})
    provider.add_span_processor(processor)
    return provider.get_tracer("t"), processor


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
