"""A running `ananta` process for the end-to-end tests: start, ask, stop, kill."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any

ANANTA = Path(sys.executable).with_name("ananta")


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


class Platform:
    """`ananta up` (or `collect`) on ports of its own. Output is kept for assertions."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        names = ("grpc", "http", "query", "health", "zpages", "metrics")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []
        self.is_ready = False
        self._ready = threading.Event()
        self._reader: threading.Thread | None = None

    @property
    def grpc_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['grpc']}"

    @property
    def http_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    def settings(self) -> list[str]:
        """`--set` arguments that move every port."""
        return [
            f"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{self.ports['grpc']}",
            f"receivers.otlp.protocols.http.endpoint=127.0.0.1:{self.ports['http']}",
            f"extensions.query.endpoint=127.0.0.1:{self.ports['query']}",
            f"extensions.health_check.endpoint=127.0.0.1:{self.ports['health']}",
            f"extensions.zpages.endpoint=127.0.0.1:{self.ports['zpages']}",
            "service.telemetry.metrics.readers="
            f"[{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {self.ports['metrics']}"
            "}}}}]",
        ]

    def start(self, *arguments: str) -> Platform:
        """Start `ananta up` and return when it is ready."""
        command = [str(ANANTA), "up", "--data-dir", str(self.data_dir), *arguments]
        for setting in self.settings():
            command += ["--set", setting]
        return self.launch(command)

    def launch(self, command: list[str], env: dict[str, str] | None = None) -> Platform:
        self._ready.clear()
        self.is_ready = False
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(env or {})},
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        if not self._ready.wait(60) or not self.is_ready:
            self.kill()
            raise AssertionError("did not get ready:\n" + "".join(self.output))
        return self

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.output.append(line)
                if re.search(r"\bready in\b", line, re.IGNORECASE):
                    self.is_ready = True
                    self._ready.set()
        self._ready.set()

    def get(self, path: str, port: str = "query", **parameters: Any) -> Any:
        """The decoded JSON answer of a GET; raises on an HTTP error."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        url = f"http://127.0.0.1:{self.ports[port]}{path}" + (f"?{query}" if query else "")
        with urllib.request.urlopen(url, timeout=60) as response:
            return json.load(response)

    def text(self, path: str, port: str) -> str:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.ports[port]}{path}", timeout=60
        ) as response:
            return str(response.read().decode())

    def trace(self, trace_id: str) -> dict[str, Any]:
        return dict(self.get(f"/api/traces/{trace_id}")["data"][0])

    def stop(self) -> int:
        """Ask it to stop as Ctrl-C does; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self._reap()

    def kill(self) -> None:
        """End it without a chance to save anything."""
        if self.process is not None:
            self.process.kill()
            self._reap()

    def _reap(self) -> int:
        assert self.process is not None
        code = self.process.wait(60)
        if self._reader is not None:
            self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
