"""What must be on the machine before anything starts: installed where we can, named where not.

Each step says what it does before it does it, and does nothing when everything is there.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from stack.process import ExampleError

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).resolve().parent.parent
REPOSITORY = EXAMPLES.parent
BUILD = EXAMPLES / ".build"
TEMPORAL = "github.com/temporalio/cli/cmd/temporal@v1.3.0"
PYTHON_MODULES = ("ananta_tracing", "fastapi", "uvicorn", "sqlalchemy", "asyncpg", "httpx")


def need_python_modules() -> None:
    """ExampleError that names every missing Python package."""
    missing = [name for name in PYTHON_MODULES if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise ExampleError(f"this Python lacks {names}; start the example with: make example")


def need_databases() -> None:
    """PostgreSQL and Redis, from Debian's packages."""
    _run(["bash", str(REPOSITORY / "scripts/need.sh"), "example"], "installing system packages")


def need_node_services(say: Callable[[str], None]) -> None:
    """The Node.js services, installed and compiled."""
    if shutil.which("npm") is None:
        raise ExampleError("npm is needed for the Node.js services; start with: make example")
    lock = EXAMPLES / "package-lock.json"
    stamp = EXAMPLES / "node_modules/.package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        say("installing the packages of the Node.js services")
        _run(["npm", "ci", "--silent"], "npm ci", EXAMPLES)
        stamp.touch()
    say("compiling the Node.js services")
    _run(["npm", "run", "--silent", "build"], "the TypeScript compiler", EXAMPLES)


def need_temporal(say: Callable[[str], None]) -> Path | None:
    """Temporal's command: the machine's, ours, or built with Go; None where there is no Go."""
    on_path = shutil.which("temporal")
    if on_path is not None:
        return Path(on_path)
    ours = BUILD / "bin/temporal"
    if ours.exists():
        return ours
    if shutil.which("go") is None:
        return None
    say(f"building the Temporal server with Go, some minutes the first time ({TEMPORAL})")
    _run(["go", "install", TEMPORAL], "go install", environment={"GOBIN": str(ours.parent)})
    return ours


def _run(
    command: list[str],
    name: str,
    directory: Path | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Run to the end; ExampleError with what it said when it fails."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ExampleError(f"{name} failed (exit code {done.returncode}):\n{done.stdout.strip()}")
