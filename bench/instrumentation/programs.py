"""The programs that are measured: how the FastAPI and Express services and the probes are started.

The stock packages for Node.js and ours, packed as it would be published, are installed into a
project in the cache; those for Python are in the environment this runs in.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cases import working_directory
from bench.peers import cache_directory
from bench.runner import SYSTEM_CORE, BenchError, System, free_port
from bench.systems import ANANTA, BARE, STOCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HERE = Path(__file__).parent
_PACKAGE = _HERE.parents[1] / "instrumentation" / "node"
_PYTHON = _HERE / "python"


@functools.cache
def install_node_project() -> None:
    """Install the project of the Node programs when it or our package has changed."""
    if not shutil.which("npm"):
        raise BenchError("the services for Node.js need npm on PATH")
    project = cache_directory() / "instrumentation-node"
    project.mkdir(parents=True, exist_ok=True)
    packed = _npm(_PACKAGE, "pack", "--silent", "--pack-destination", project)
    tarball, sources = project / packed.splitlines()[-1], sorted((_HERE / "node").iterdir())
    shas = [hashlib.sha256(path.read_bytes()).hexdigest() for path in [tarball, *sources]]
    stamp, state = project / "installed", "\n".join(shas)
    if not stamp.exists() or stamp.read_text() != state:
        for source in sources:
            shutil.copy(source, project)
        _npm(project, "ci", "--no-audit", "--no-fund")
        _npm(project, "install", "--no-save", "--no-audit", "--no-fund", tarball)
        stamp.write_text(state)


def _npm(directory: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        ["npm", *map(str, arguments)], cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = f"npm {arguments[0]} in {directory} failed:\n{done.stderr.strip()}"
        raise BenchError(message)
    return done.stdout


def _in_project(*parts: str) -> str:
    return str(cache_directory().joinpath("instrumentation-node", *parts))


def _uvicorn(_: str, port: int) -> list[str]:
    serve = [sys.executable, "-m", "uvicorn", "service:app", f"--app-dir={_PYTHON}"]
    return [*serve, f"--port={port}", "--log-level=warning", "--no-access-log"]


def _gunicorn(_: str, port: int) -> list[str]:
    serve = [sys.executable, "-m", "gunicorn", "service:app", f"--chdir={_PYTHON}"]
    workers = ["--workers=2", "--worker-class=uvicorn_worker.UvicornWorker"]
    recycling = [f"--max-requests={RECYCLED_AFTER}", "--graceful-timeout=10"]
    return [*serve, *workers, *recycling, f"--bind=127.0.0.1:{port}", "--log-level=warning"]


def _express(side: str, _: int) -> list[str]:
    required = {
        BARE: [],
        STOCK: ["--require", _in_project("stock.cjs")],
        ANANTA: ["--require", _in_project("node_modules/@ananta/tracing/dist/register.js")],
    }[side]
    return ["node", *required, _in_project("service.cjs")]


FASTAPI, EXPRESS, GUNICORN = "FastAPI", "Express", "FastAPI under gunicorn"
RECYCLED_AFTER = 200
"""Requests after which a worker of gunicorn ends and another takes its place."""
PATH = "/items/7"

_COMMANDS = {FASTAPI: _uvicorn, EXPRESS: _express, GUNICORN: _gunicorn}


@contextmanager
def running_service(
    framework: str, side: str, environment: Mapping[str, str]
) -> Iterator[tuple[System, int]]:
    """A service on the core of what is measured, and its port; SIGTERM ends it."""
    port = free_port()
    command = _COMMANDS[framework](side, port)
    with (
        working_directory() as directory,
        System(command, [port], directory, {**environment, "PORT": str(port)}) as running,
    ):
        yield running, port


def probe_command(language: str, *arguments: str) -> list[str]:
    """A probe's command; what it does is told in `python/probe.py` and `node/probe.cjs`."""
    if language == "Python":
        return [sys.executable, str(_PYTHON / "probe.py"), *arguments]
    return ["node", _in_project("probe.cjs"), *arguments]


class Probe:
    """A probe that runs, on the core of what is measured."""

    def __init__(self, language: str, environment: Mapping[str, str], *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", str(SYSTEM_CORE), *probe_command(language, *arguments)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def printed(self) -> dict[str, float]:
        """Wait for what it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"a probe failed:\n{self._process.communicate()[1]}")
        return dict(json.loads(line))

    def end(self, signal_number: int | None = None) -> float:
        """Wait for its end, after a signal if one is given; the seconds that took."""
        begun = time.monotonic()
        if signal_number is not None:
            self._process.send_signal(signal_number)
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise BenchError("a probe did not end within a minute") from None
        return time.monotonic() - begun


def run_probe(language: str, environment: Mapping[str, str], *arguments: str) -> dict[str, float]:
    """Run a probe to its end; what it printed."""
    probe = Probe(language, environment, *arguments)
    printed = probe.printed()
    probe.end()
    return printed
