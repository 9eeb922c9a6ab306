"""The wheel, installed where there is nothing else, sends a trace."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .sink import Sink

PACKAGE = Path(__file__).parents[2]

CODE = """
import sys
from ananta_tracing import create_span, init_tracing, shutdown_tracing
init_tracing(service_name="empty", otlp_endpoint=sys.argv[1])
with create_span("first"):
    with create_span("second", attributes={"bom.id": "b-1"}):
        pass
assert shutdown_tracing()
"""


def run(*command: str | Path, directory: Path, **environ: str) -> str:
    """What a program says that is started without a word about this repository."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=directory,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built, directory=PACKAGE)
    [path] = built.iterdir()
    return path


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and what it needs."""
    directory = tmp_path_factory.mktemp("empty")
    beside = Path(sys.executable).parent
    uv = shutil.which("uv", path=os.pathsep.join([str(beside), os.environ["PATH"]]))
    assert uv is not None
    run(uv, "venv", "--python", sys.executable, "venv", directory=directory)
    environment = directory / "venv"
    # The versions that are tested here, which are also those uv has at hand.
    installed = [f"{each.name}=={each.version}\n" for each in importlib.metadata.distributions()]
    versions = directory / "versions.txt"
    versions.write_text("".join(installed))
    run(uv, "pip", "install", "-p", environment, "-c", versions, wheel, directory=directory)
    return environment / "bin"


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    sources = {str(path.relative_to(PACKAGE / "src")) for path in (PACKAGE / "src").rglob("*.py*")}
    packed = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert packed == {name for name in sources if not name.endswith(".pyc")} | {
        "ananta_tracing/py.typed"
    }


def check_trace(sink: Sink, programs: Path, directory: Path, protocol: str) -> None:
    command = [programs / "python", "-c", CODE, sink.endpoint]
    assert run(*command, directory=directory, OTEL_EXPORTER_OTLP_PROTOCOL=protocol) == ""
    second, first = sink.spans
    assert (first.name, second.name) == ("first", "second")
    assert (second.trace_id, second.parent_span_id) == (first.trace_id, first.span_id)
    assert sink.resources[0]["service.name"] == "empty"


def test_it_sends_a_trace_by_http(http: Sink, programs: Path, tmp_path: Path) -> None:
    check_trace(http, programs, tmp_path, "http/protobuf")


def test_it_sends_a_trace_by_grpc(grpc_server: Sink, programs: Path, tmp_path: Path) -> None:
    check_trace(grpc_server, programs, tmp_path, "grpc")


def test_its_doctor_finds_the_way(http: Sink, programs: Path, tmp_path: Path) -> None:
    command = ["doctor", "--endpoint", http.endpoint, "--service-name", "empty"]
    assert http.endpoint in run(programs / "ananta-tracing", *command, directory=tmp_path)
    assert len(http.spans) == 1
