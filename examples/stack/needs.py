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
    from collections.abc import Callable, Iterable

EXAMPLES = Path(__file__).resolve().parent.parent
REPOSITORY = EXAMPLES.parent
NODE_PACKAGE = REPOSITORY / "instrumentation/node"
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
    """The Node.js services, installed and compiled, with the tracing package as it is now."""
    if shutil.which("npm") is None:
        raise ExampleError("npm is needed for the Node.js services; start with: make example")
    built = NODE_PACKAGE / "dist/index.js"
    if _is_older(built, [*(NODE_PACKAGE / "src").rglob("*.ts"), NODE_PACKAGE / "package.json"]):
        say("building @ananta/tracing")
        _run(["npm", "ci", "--silent"], "npm ci", NODE_PACKAGE)
        _run(["npm", "run", "--silent", "build"], "building @ananta/tracing", NODE_PACKAGE)
    installed = EXAMPLES / "node_modules/.package-lock.json"
    if _is_older(installed, [EXAMPLES / "package-lock.json", built]):
        say("installing the packages of the Node.js services")
        _run(["npm", "ci", "--silent"], "npm ci", EXAMPLES)
        installed.touch()
    say("compiling the Node.js services")
    _run(["npm", "run", "--silent", "build"], "the TypeScript compiler", EXAMPLES)


def _is_older(made: Path, sources: Iterable[Path]) -> bool:
    """Is it not there, or has one of its sources changed since it was made?"""
    if not made.exists():
        return True
    made_at = made.stat().st_mtime
    return any(source.stat().st_mtime > made_at for source in sources)


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
    try:
        _run(["go", "install", TEMPORAL], "go install", environment={"GOBIN": str(ours.parent)})
    except ExampleError as error:
        raise ExampleError(f"{error}\ngo on without workflows: --without-workflows") from error
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
