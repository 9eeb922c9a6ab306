"""The Python of the users' guide, taken from the guide itself, sends the spans it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.core.sink import attributes, grpc_sink, http_sink

from .conftest import HERE

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = HERE.parents[1] / "docs" / "guide.md"

# What a service has around the snippet: settings, an application, its data.
BEFORE = """
import sys
from types import SimpleNamespace
from fastapi import FastAPI

settings = SimpleNamespace(OTEL_EXPORTER_OTLP_ENDPOINT=sys.argv[1])
app = FastAPI()


async def lookup_component(mpn, manufacturer):
    return {"mpn": mpn} if mpn != "unknown" else None


async def load_bom_from_db(bom_id):
    return SimpleNamespace(id=bom_id, lines=["R1", "R2", "unknown"])


async def enrich_all_lines(lines):
    found = [await enrich_component(mpn, "Yageo") for mpn in lines]
    return SimpleNamespace(matched_count=sum(each is not None for each in found))
"""
AFTER = """

@app.post("/boms/{bom_id}/process")
async def process(bom_id: str):
    await process_bom(bom_id)


from ananta_tracing import flush_tracing
from tests.api.conftest import serve_asgi

with serve_asgi(app) as client:
    for number in range(int(sys.argv[2])):
        trace_id = f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
        headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"} if sys.argv[3] else {}
        assert client.request("POST", f"/boms/{number}/process", headers).status == 200
assert flush_tracing()
"""


def snippets() -> list[tuple[str, str]]:
    """Language and text of each block of the guide between fences."""
    return re.findall(r"^```(.*)\n([\s\S]*?)^```$", GUIDE.read_text(), re.MULTILINE)


def python_snippets() -> list[str]:
    return [text for language, text in snippets() if language == "python"]


def run(script: Path, *arguments: str, **environ: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=script.parent,
        env={**clean, "PYTHONPATH": os.pathsep.join([str(script.parent), str(HERE), *sys.path])}
        | environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


@pytest.fixture
def service(tmp_path) -> Path:
    """A service with the module the guide imports from."""
    observability = tmp_path / "app" / "observability"
    observability.mkdir(parents=True)
    for package in (tmp_path / "app", observability):
        (package / "__init__.py").touch()
    (observability / "tracing.py").write_text("from ananta_tracing import *\n")
    return tmp_path


def test_every_program_of_the_guide_is_run():
    """Python below, TypeScript by guide.test.ts of the package for Node.js, which checks it."""
    fences = re.findall(r"^\s*(?:```|~~~)", GUIDE.read_text(), re.MULTILINE)
    assert len(fences) == 2 * len(snippets())
    no_programs = {"", "bash", "json", "promql", "yaml"}
    assert {language for language, _ in snippets()} - no_programs == {"python", "typescript"}
    assert len(python_snippets()) == 1


@pytest.mark.parametrize("module", ["app.observability.tracing", "ananta_tracing"])
def test_the_snippet_sends_nested_spans(service, module):
    (snippet,) = python_snippets()
    imported = "from app.observability.tracing import"
    assert imported in snippet
    script = service / "main.py"
    script.write_text(BEFORE + snippet.replace(imported, f"from {module} import") + AFTER)
    with grpc_sink() as sink:
        # The guide's port 4317 says so by itself.
        said = run(script, sink.endpoint, "1", "sampled", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        spans = sink.wait_for(6)
    assert said == ""
    assert len(spans) == 6
    by_id = {span.span_id: span for span in spans}
    names = {
        (span.name, by_id[span.parent_span_id].name if span.parent_span_id in by_id else None)
        for span in spans
    }
    assert names == {
        ("POST /boms/{bom_id}/process", None),
        ("load_bom", "POST /boms/{bom_id}/process"),
        ("enrich_lines", "POST /boms/{bom_id}/process"),
        ("enrich_component", "enrich_lines"),
    }
    assert len({span.trace_id for span in spans}) == 1
    found = {span.name: attributes(span.attributes) for span in spans}
    assert found["load_bom"] == {"bom.id": "0", "bom.line_count": 3}
    assert found["enrich_lines"] == {"enrichment.matched": 2}
    parts = [attributes(span.attributes) for span in spans if span.name == "enrich_component"]
    assert [(each["component.mpn"], each["component.found"]) for each in parts] == [
        ("R1", True),
        ("R2", True),
        ("unknown", False),
    ]
    assert {each["component.type"] for each in parts} == {"resistor"}
    assert sink.resources[0]["service.name"] == "cns-service"


def test_one_trace_in_ten_is_kept_as_the_snippet_asks(service):
    (snippet,) = python_snippets()
    script = service / "main.py"
    script.write_text(BEFORE + snippet + AFTER)
    with http_sink() as sink:
        run(script, sink.endpoint, "200", "")
        kept = len({span.trace_id for span in sink.spans})
    assert 0 < kept < 60  # 20 expected; nine standard deviations are 39 more
