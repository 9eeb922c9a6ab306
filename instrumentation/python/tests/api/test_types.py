"""The types a user's checker sees: decorated functions keep theirs, mistakes are found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
GOOD = """
from collections.abc import AsyncIterator, Iterator
from fastapi import FastAPI
from opentelemetry.trace import Span, Tracer
from typing_extensions import assert_type
from ananta_tracing import (
    create_span, current_trace_id, init_tracing, instrument_app, trace_function, traced_thread_pool,
)

@trace_function
def plain(a: int) -> str:
    return str(a)

@trace_function(name="x", arguments=["a"])
async def coroutine(a: int) -> str:
    return str(a)

@trace_function
def generator() -> Iterator[bytes]:
    yield b""

@trace_function()
async def async_generator() -> AsyncIterator[int]:
    yield 1

class Service:
    @trace_function
    def method(self, b: str) -> bytes:
        return b.encode()

    @classmethod
    @trace_function()
    def above(cls) -> int:
        return 1

    @trace_function(name="z")
    @staticmethod
    def below(a: int) -> int:
        return a

async def main() -> None:
    assert_type(await coroutine(1), str)
    async for number in async_generator():
        assert_type(number, int)
    async with create_span("x", {"any": object()}, kind="client") as span:
        assert_type(span, Span)

assert_type(plain(1), str)
assert_type(list(generator()), list[bytes])
assert_type(Service().method("x"), bytes)
assert_type(Service.above(), int)
assert_type(Service.below(1), int)
assert_type(current_trace_id(), str | None)
assert_type(init_tracing("shop", sampling_ratio=0.1), Tracer)
assert_type(traced_thread_pool().submit(plain, 1).result(), str)
instrument_app(FastAPI(), exclude_urls=["/internal"])
"""
BAD = """
plain("text")
create_span(7)
traced_thread_pool().submit(plain, "text")
"""


def check(tmp_path: Path, text: str) -> str:
    (tmp_path / "service.py").write_text(text)
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-ananta_tracing.*]\nfollow_imports = silent\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "service.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(SOURCE)},
    )
    return done.stdout + done.stderr


def test_types_are_kept_and_mistakes_found(tmp_path):
    pytest.importorskip("mypy")
    assert "Success: no issues found" in check(tmp_path, GOOD)
    found = check(tmp_path, GOOD + BAD)
    assert found.count("error:") == 3, found
