"""One program of the example: start it, wait until it answers, end it, and show its last words.

Output goes to a file for each program, so that a program that fails to start can be explained by
what it said itself.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

STOP_TIMEOUT_SECONDS = 20.0


class ExampleError(Exception):
    """The example cannot go on; the message says why and what to do."""


class Program:
    """A running program with its output in a file.

    `user` starts it as that user, which only root can do. `environment` is laid over our own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        try:
            with log.open("ab") as output:
                # A session of its own: Ctrl-C in the terminal is ours, and we end each in order.
                self.process: subprocess.Popen[bytes] = subprocess.Popen(
                    list(command),
                    cwd=directory,
                    env={**os.environ, **(environment or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=user,
                    group=user,
                    extra_groups=None if user is None else [],
                )
        except OSError as error:
            raise ExampleError(f"{name} cannot be started: {error}") from error

    def wait_until(self, answers: Callable[[], bool], timeout_seconds: float = 60.0) -> None:
        """Return when `answers()` is true; ExampleError with the last output otherwise."""
        deadline = time.monotonic() + timeout_seconds
        while not answers():
            code = self.process.poll()
            if code is not None:
                raise ExampleError(f"{self.name} ended at once (exit code {code})\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ExampleError(
                    f"{self.name} did not answer within {timeout_seconds:.0f} s\n{self.tail()}"
                )
            time.sleep(0.05)

    def stop(self) -> int:
        """Ask it to end, and insist after a while; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(self._stop_signal)
        try:
            return self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def tail(self, lines: int = 25) -> str:
        """The last lines of its output, indented."""
        said = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(["  its last output:", *(f"    {line}" for line in said)])


def port_answers(port: int) -> Callable[[], bool]:
    """A question: does anybody listen on this loopback port?"""

    def answers() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    return answers


def url_answers(url: str) -> Callable[[], bool]:
    """A question: does this URL answer with success?"""

    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return True
        except OSError:
            return False

    return answers


def log_says(log: Path, text: str) -> Callable[[], bool]:
    """A question: has the program written this?"""
    return lambda: text in log.read_text(errors="replace")


def free_ports(count: int) -> list[int]:
    """Loopback ports nobody listens on, and nobody else is given here while this process lives.

    They lie below those the system gives to outgoing connections, so that a program that is
    started again finds its port free.
    """
    firsts = range(20_000, 32_000, count + 1)
    for first in random.sample(firsts, len(firsts)):
        guard = socket.socket()
        ports = list(range(first + 1, first + 1 + count))
        if _is_bound(guard, first) and all(map(_is_free, ports)):
            _guards.append(guard)
            return ports
        guard.close()
    raise ExampleError("no free ports below 32000")


_guards: list[socket.socket] = []


def _is_bound(to: socket.socket, port: int) -> bool:
    try:
        to.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return _is_bound(probe, port)
