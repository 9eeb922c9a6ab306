"""Every Python snippet of docs/usage.md runs, and does what the page says."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from ananta_tracing.logs import correlate, uncorrelate
from ananta_tracing.testing import RecordedSpans, record_spans

from .conftest import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "usage.md"
SECTIONS = {
    section.partition("\n")[0]: found[1]
    for section in PAGE.read_text().split("\n## ")
    if (found := re.search(r"```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
}


def run(section: str) -> tuple[dict, RecordedSpans]:
    names: dict = {}
    with record_spans() as spans:
        exec(compile(SECTIONS[section], f"{PAGE.name}: {section}", "exec"), names)
    return names, spans


def test_every_snippet_is_run_here():
    assert set(SECTIONS) == {
        "Spans", "Functions", "Threads", "Messages", "Web applications", "Logs", "Tests",
    }  # fmt: skip
    assert PAGE.read_text().count("```python") == len(SECTIONS)


def test_spans():
    _, spans = run("Spans")
    span = spans.assert_span("process_bom", status="ERROR")
    assert [event.name for event in span.events] == ["bom_loaded", "exception"]
    assert span.attributes["bom.owner"] == '{"tenant": "acme", "users": ["ann", "bob"]}'


def test_functions():
    names, _ = run("Functions")
    with record_spans() as spans:
        assert asyncio.run(names["enrich"](" r1", "hunter2")) == "R1"
    spans.assert_trace("enrich\n  normalize")
    spans.assert_span("enrich", attributes={"code.argument.mpn": " r1"})
    spans.assert_no_secrets("hunter2")

    async def read():
        return [page async for page in names["pages"](7)]

    with record_spans() as spans:
        assert asyncio.run(read()) == [0, 1, 2]
    spans.assert_span("pages", attributes={"bom.id": 7})


def test_threads_and_messages():
    names, spans = run("Threads")
    assert names["results"] == ["R1", "R2"]
    assert asyncio.run(names["total"]([1, 2])) == 3
    spans.assert_trace("enrich_lines")
    _, spans = run("Messages")
    spans.assert_trace("publish bom.created\n  handle bom.created")


def test_web_applications(serve):
    names, _ = run("Web applications")
    with record_spans() as spans:
        client = serve(names["app"])
        client.get("/health")
        client.get("/nowhere")
        wait_until(lambda: spans.finished)
    assert spans.names == ["GET"]


def test_logs(monkeypatch):
    import logging

    import structlog

    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    correlate()
    try:
        run("Logs")
        (handler,) = logging.getLogger().handlers
        record = logging.getLogger().makeRecord("a", 20, "f", 1, "done", (), None)
        assert handler.format(record) == "INFO done trace_id="
    finally:
        uncorrelate()
        structlog.reset_defaults()


def test_tests():
    names, _ = run("Tests")
    with record_spans() as spans:
        names["test_processing_a_bom"](spans)
        with pytest.raises(AssertionError) as failure:
            spans.assert_span("load_bom", attributes={"bom.id": 8})
    shown = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert f"AssertionError: {failure.value}" == shown[0].rstrip()
