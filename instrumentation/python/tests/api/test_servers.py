"""Applications under the servers of production: every request is one span, whatever the worker."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.core.sink import attributes, http_sink

from .conftest import HERE, Client, wait_until

if TYPE_CHECKING:
    from pathlib import Path

FLASK = """
import time
from pathlib import Path
from flask import Flask
from ananta_tracing import create_span, init_tracing, instrument_app

init_tracing("shop")
app = Flask("shop")
instrument_app(app)

@app.get("/parts/<mpn>")
def part(mpn):
    with create_span("load"):
        return mpn

@app.get("/slow")
def slow():
    print("working", flush=True)
    with create_span("load"):
        while not Path("may_end").exists():
            time.sleep(0.05)
    return "done"

@app.get("/health")
def health():
    return "ok"
"""
FASTAPI = """
import asyncio
from pathlib import Path
from fastapi import FastAPI
from ananta_tracing import create_span, init_tracing, instrument_app

init_tracing("shop")
app = FastAPI()
instrument_app(app)

@app.get("/parts/{mpn}")
async def part(mpn: str):
    with create_span("load"):
        return mpn

@app.get("/slow")
async def slow():
    print("working", flush=True)
    with create_span("load"):
        while not Path("may_end").exists():
            await asyncio.sleep(0.05)
    return "done"

@app.get("/health")
async def health():
    return "ok"
"""
REQUESTS = 30


@contextlib.contextmanager
def served(tmp_path: Path, source: str, command: list[str], endpoint: str):
    (tmp_path / "application.py").write_text(source)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env={
            **clean,
            "PYTHONPATH": os.pathsep.join([str(HERE / "src"), *sys.path]),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_SERVICE_NAME": "shop",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    listening = threading.Event()
    port: list[int] = []

    def read() -> None:
        for line in process.stdout:
            said.append(line)
            address = line.partition("http://127.0.0.1:")[2]
            if address and not port:
                port.append(int("".join(c for c in address[:5] if c.isdigit())))
                listening.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert listening.wait(30), "".join(said)
        client = Client(port[0])
        wait_for_answer(port[0])
        yield client, said
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        reader.join(10)
        process.stdout.close()


def ask_until_it_ends(client: Client, answered: list[int]) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        while True:
            answer = client.get(f"/parts/{len(answered)}")
            if answer.status == 200:
                answered.append(1)


def wait_for_answer(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
            return
        threading.Event().wait(0.1)
    raise AssertionError("the server does not answer")


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (FLASK, ["gunicorn", "--preload", "--workers", "2", "--no-control-socket"]),
        (FLASK, ["gunicorn", "--worker-class", "gthread", "--threads", "4", "--no-control-socket"]),
        (FASTAPI, ["uvicorn", "--workers", "2"]),
        (FASTAPI, ["uvicorn"]),
    ],
    ids=["gunicorn preload", "gunicorn threads", "uvicorn workers", "uvicorn"],
)
def test_every_request_is_one_span_of_its_worker(tmp_path, source, command):
    bind = (
        ["--bind", "127.0.0.1:0", "application:app"]
        if command[0] == "gunicorn"
        else ["--port", "0", "application:app"]
    )
    with http_sink() as sink:
        with served(tmp_path, source, [*command, *bind], sink.endpoint) as (client, said):
            for number in range(REQUESTS):
                assert client.get(f"/parts/{number}").status == 200
        spans = sink.spans
    assert "Traceback" not in "".join(said)
    names = [span.name for span in spans]
    assert len(names) == 2 * REQUESTS
    assert names.count("load") == REQUESTS
    servers = [span for span in spans if span.parent_span_id == b""]
    assert {attributes(span.attributes)["http.response.status_code"] for span in servers} == {200}
    assert {attributes(span.attributes)["url.path"] for span in servers} == {
        f"/parts/{number}" for number in range(REQUESTS)
    }
    assert {resource["service.name"] for resource in sink.resources} == {"shop"}
    assert {span.parent_span_id for span in spans if span.name == "load"} == {
        span.span_id for span in servers
    }


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (FASTAPI, ["uvicorn", "--port", "0", "application:app"]),
        (FLASK, ["gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", "application:app"]),
    ],
    ids=["uvicorn", "gunicorn"],
)
def test_sigterm_under_load_loses_no_answered_request(tmp_path, source, command):
    answered: list[int] = []
    with http_sink() as sink:
        with served(tmp_path, source, command, sink.endpoint) as (client, said):
            threads = [
                threading.Thread(target=ask_until_it_ends, args=(client, answered))
                for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            wait_until(lambda: len(answered) > 50)
        for thread in threads:
            thread.join(20)
        names = [span.name for span in sink.spans]
    assert "Traceback" not in "".join(said)
    assert len(answered) > 50
    assert names.count("load") >= len(answered)
    assert len(names) == 2 * names.count("load")


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (FASTAPI, ["uvicorn", "--port", "0"]),
        (FASTAPI, ["uvicorn", "--port", "0", "--workers", "2"]),
        (FLASK, ["gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", "--threads", "20"]),
    ],
    ids=["uvicorn", "uvicorn workers", "gunicorn threads"],
)
def test_sigterm_cuts_no_request_that_is_worked_on(tmp_path, source, command):
    answers: list[tuple[int, bytes]] = []

    def ask(client: Client) -> None:
        answer = client.get("/slow")
        answers.append((answer.status, answer.body.strip(b'"')))

    with http_sink() as sink:
        command = [*command, "application:app"]
        with served(tmp_path, source, command, sink.endpoint) as (client, said):
            threads = [threading.Thread(target=ask, args=(client,)) for _ in range(12)]
            for thread in threads:
                thread.start()
            wait_until(lambda: "".join(said).count("working") == 12)
            assert "".join(said).count("working") == 12
            threading.Timer(1.0, (tmp_path / "may_end").touch).start()
        for thread in threads:
            thread.join(20)
        names = sorted(span.name for span in sink.spans)
    assert answers == [(200, b"done")] * 12
    assert names == ["GET /slow"] * 12 + ["load"] * 12
