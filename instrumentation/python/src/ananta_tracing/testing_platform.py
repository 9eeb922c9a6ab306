"""A running Ananta Tracing platform for tests: send spans to it and ask for the trace."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_START_SECONDS = 60.0
_PORTS = ("grpc", "http", "query", "health", "zpages", "metrics")


def find_command() -> str | None:
    """The path of the command `ananta`, beside this interpreter or on the path."""
    beside = Path(sys.executable).with_name("ananta")
    return str(beside) if beside.exists() else shutil.which("ananta")


class AnantaPlatform:
    """One `ananta up` with data and ports of its own.

    Attributes:
        grpc_endpoint: where OTLP over gRPC goes.
        http_endpoint: where OTLP over HTTP goes.
        url: the web page, and the query API below it.
    """

    def __init__(self, command: str, data_directory: Path) -> None:
        self._command = command
        self._data_directory = data_directory
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.grpc_endpoint = f"http://127.0.0.1:{self._ports['grpc']}"
        self.http_endpoint = f"http://127.0.0.1:{self._ports['http']}"
        self.url = f"http://127.0.0.1:{self._ports['query']}"

    def start(self) -> None:
        """Start it and return when it takes spans.

        Raises:
            RuntimeError: it did not start; the message ends with what it said.
        """
        log = self._data_directory / "platform.log"
        command = [self._command, "up", "--data-dir", str(self._data_directory / "data")]
        for setting in self._settings():
            command += ["--set", setting]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        self.stop()
        message = f"{self._command} did not get ready:\n{log.read_text(errors='replace')[-4000:]}"
        raise RuntimeError(message)

    def stop(self) -> None:
        """Stop it, as Ctrl-C does."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def get(self, path: str, **parameters: Any) -> Any:
        """The decoded answer of the query API."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        url = self.url + path + (f"?{query}" if query else "")
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)

    def trace(
        self, trace_id: str, *, span_count: int = 1, timeout_seconds: float = 15.0
    ) -> dict[str, Any]:
        """The trace in the JSON of the Jaeger API, as soon as it has this many spans.

        Raises:
            TimeoutError: it has fewer after the timeout; the message says how many.
        """
        deadline = time.monotonic() + timeout_seconds
        found: dict[str, Any] = {"spans": []}
        while True:
            with contextlib.suppress(urllib.error.HTTPError):
                found = self.get(f"/api/traces/{trace_id}")["data"][0]
            if len(found["spans"]) >= span_count:
                return found
            if time.monotonic() > deadline:
                message = (
                    f"trace {trace_id} has {len(found['spans'])} of {span_count} spans"
                    f" after {timeout_seconds:g} s"
                )
                raise TimeoutError(message)
            time.sleep(0.1)

    def _settings(self) -> list[str]:
        places = {
            "grpc": "receivers.otlp.protocols.grpc.endpoint",
            "http": "receivers.otlp.protocols.http.endpoint",
            "query": "extensions.query.endpoint",
            "health": "extensions.health_check.endpoint",
            "zpages": "extensions.zpages.endpoint",
        }
        return [
            *(f"{place}=127.0.0.1:{self._ports[name]}" for name, place in places.items()),
            "service.telemetry.metrics.readers=[{pull: {exporter: {prometheus: "
            f"{{host: 127.0.0.1, port: {self._ports['metrics']}}}}}}}}}]",
        ]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._ports['health']}/", timeout=1
            ) as answer:
                return int(answer.status) == 200
        except OSError:
            return False


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now; all different.

    Below those of outgoing connections, one of which could else take a port before it is used.
    """
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            port = random.randrange(10_000, 20_000)
            with contextlib.suppress(OSError):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
                ports.append(port)
        return ports
