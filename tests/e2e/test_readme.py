"""What the README tells a newcomer to do works as printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .platform import Platform

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found
    return found


def test_the_first_trace(platform: Platform) -> None:
    """The program is run as printed; only the default ports are replaced by this platform's."""
    (program,) = blocks("python")
    subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": platform.http_endpoint},
        check=True,
        timeout=60,
    )
    (question,) = [block for block in blocks("sh") if block.startswith("curl")]
    answer = subprocess.run(
        question.replace("localhost:16686", f"127.0.0.1:{platform.ports['query']}"),
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (found,) = json.loads(answer.stdout)["data"]
    assert [span["operationName"] for span in found["spans"]] == ["checkout"]


def test_links_and_commands_exist() -> None:
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`?make ([a-z-]+)", text))
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
