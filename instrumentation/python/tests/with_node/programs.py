"""Programs in either language that use its package, and are told by variables where spans go."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.api.conftest import HERE

if TYPE_CHECKING:
    from pathlib import Path

NODE_PACKAGE = HERE.parent / "node"


def start_program(
    language: str, path: Path, endpoint: str, **environ: str
) -> subprocess.Popen[str]:
    """Start the file under tracing."""
    assert (NODE_PACKAGE / "dist").exists(), f"first: cd {NODE_PACKAGE} && npm ci && npm run build"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = (
        [sys.executable, str(path)]
        if language == "python"
        else ["node", "--require", str(NODE_PACKAGE / "dist/register.js"), str(path)]
    )
    return subprocess.Popen(
        command,
        env={
            **clean,
            "PYTHONPATH": os.pathsep.join([str(HERE / "src"), str(HERE), *sys.path]),
            # The program stands elsewhere than the packages it requires.
            "NODE_PATH": str(NODE_PACKAGE / "node_modules"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_SERVICE_NAME": f"{language}-service",
            **environ,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
