"""The Python of the users' guide runs inside cns-service as it is printed, its import line too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stack.needs import EXAMPLES, REPOSITORY

from .conftest import wait_for_trace
from .headers import FORMATS, new_ids

if TYPE_CHECKING:
    from stack.example import Example

pytestmark = pytest.mark.e2e

# What the snippet takes for granted: settings, an application, and its data.
BEFORE = """
import asyncio, sys
from types import SimpleNamespace
from fastapi import FastAPI

settings = SimpleNamespace(OTEL_EXPORTER_OTLP_ENDPOINT=sys.argv[1])
app = FastAPI()

async def lookup_component(mpn, manufacturer):
    return {"mpn": mpn}

async def load_bom_from_db(bom_id):
    return SimpleNamespace(lines=["RC0603FR-0710KL", "GRM188R71H104KA93D"])

async def enrich_all_lines(lines):
    found = [await enrich_component(mpn, "Yageo") for mpn in lines]
    return SimpleNamespace(matched_count=len(found))
"""
AFTER = """
from ananta_tracing import extract, flush_tracing

async def request():
    with create_span("request", parent=extract({"traceparent": sys.argv[2]})):
        await process_bom("bom-1")

asyncio.run(request())
assert flush_tracing()
"""


def test_the_import_line_and_all_below_it_work_as_printed(running: Example) -> None:
    guide = (REPOSITORY / "docs/guide.md").read_text()
    [snippet] = re.findall(r"```python\n(from app\.observability\.tracing.*?)```", guide, re.DOTALL)
    trace_id, span_id = new_ids()
    endpoint = f"http://localhost:{running.ports.otlp_grpc}"
    traceparent = FORMATS["w3c"].write(trace_id, span_id)["traceparent"]
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + snippet + AFTER, endpoint, traceparent],
        cwd=EXAMPLES / "cns-service",
        env={**os.environ, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trace = wait_for_trace(running.platform_url, trace_id)
    [root] = trace.roots
    assert [child.name for child in root.children] == ["load_bom", "enrich_lines"]
    load, enrich = root.children
    assert load.attributes["bom.id"] == "bom-1"
    assert load.attributes["bom.line_count"] == 2
    assert enrich.attributes["enrichment.matched"] == 2
    for component in enrich.children:
        assert component.name == "enrich_component"
        assert component.attributes["component.type"] == "resistor"
        assert component.attributes["component.found"] is True
    assert len(enrich.children) == 2
