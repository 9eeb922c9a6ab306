"""The server the demo sends to: the one that runs, or one started for it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ananta.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
_PATIENCE_SECONDS = 60


@contextmanager
def server(endpoint: str) -> Iterator[subprocess.Popen[bytes] | None]:
    """A server that listens on an OTLP/HTTP endpoint; it stops with the block if it was started.

    Raises:
        StartupError: nothing listens there, and it is not where `ananta up` would.
    """
    if _listens(endpoint):
        yield None
        return
    if endpoint != DEFAULT_ENDPOINT:
        message = f"nothing listens on {endpoint}; start `ananta up`, or give another --endpoint"
        raise StartupError(message)
    process = subprocess.Popen([sys.executable, "-m", "ananta", "up"])
    try:
        _wait(endpoint, process)
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    patience = time.monotonic() + _PATIENCE_SECONDS
    while not _listens(endpoint):
        if process.poll() is not None:
            message = "`ananta up` ended before it listened; what it said above tells why"
            raise StartupError(message)
        if time.monotonic() > patience:
            message = f"`ananta up` does not listen on {endpoint} after {_PATIENCE_SECONDS} s"
            raise StartupError(message)
        time.sleep(0.1)


def _listens(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"--endpoint: {endpoint!r} is no URL; write one such as {DEFAULT_ENDPOINT}"
        raise StartupError(message)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname, port), timeout=2):
            return True
    except OSError:
        return False
