"""Runs programs and watches them: the system under test on core 0, load and sink on core 1.

CPU is what the kernel counted for the process and its children (user and system, all threads);
memory is their resident set, sampled while a measurement runs.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench.peers import cache_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

SYSTEM_CORE, LOAD_CORE = 0, 1
_LOAD_CRATE = Path(__file__).parent / "load"


class BenchError(Exception):
    """A measurement that can't be trusted or made; the message tells why."""


def free_port() -> int:
    """A TCP port nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], bool],
    what: str,
    timeout_seconds: float = 60,
    every_seconds: float = 0.1,
) -> None:
    """Return once the condition holds; raise `BenchError` naming `what` when it never does."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            message = f"waited {timeout_seconds:.0f} s in vain: {what}"
            raise BenchError(message)
        time.sleep(every_seconds)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class System:
    """A running system under test; leaving the context stops it.

    Args:
        command: program and arguments.
        ports: it counts as started when all of them accept connections.
        directory: its working directory, which also gets its output as `output.log`.
        environment: further variables.
        core: where it runs; what is not under test itself belongs beside the load.
        stands_back: takes only what others on its core leave.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        ports: Sequence[int],
        directory: Path,
        environment: Mapping[str, str] | None = None,
        *,
        core: int = SYSTEM_CORE,
        stands_back: bool = False,
    ) -> None:
        self._log_path = directory / "output.log"
        placed = ["taskset", "-c", str(core)]
        if stands_back:
            placed = ["chrt", "--idle", "0", *placed]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*placed, *map(str, command)],
                cwd=directory,
                env={**os.environ, **(environment or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        for port in ports:
            wait_until(partial(self._started, port), f"{command[0]} listening on {port}")

    def _started(self, port: int) -> bool:
        if self._process.poll() is not None:
            raise BenchError(f"it ended at once:\n{self.log_tail()}")
        return _listens(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end and wait; kill it when it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(120)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines it wrote."""
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-lines:])

    def cpu_seconds(self) -> float:
        """CPU time used so far."""
        return sum(map(_cpu_seconds, self._pids()))

    def resident_mib(self) -> float:
        """Memory resident now."""
        return sum(_resident_kib(pid) for pid in self._pids()) / 1024

    def wait_idle(
        self, timeout_seconds: float = 300, share: float = 0.05, window_seconds: float = 2.0
    ) -> float:
        """Return once it used less than `share` of a core so long; when that began."""
        begun = time.monotonic()

        def idle() -> bool:
            nonlocal begun
            begun, before = time.monotonic(), self.cpu_seconds()
            time.sleep(window_seconds)
            return self.cpu_seconds() - before < share * window_seconds

        wait_until(idle, "the system under test becoming idle", timeout_seconds, every_seconds=0)
        return begun

    def _pids(self) -> list[int]:
        if self._process.poll() is not None:
            raise BenchError(f"the system under test ended:\n{self.log_tail()}")
        return _with_children(self._process.pid)


def _with_children(pid: int) -> list[int]:
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                found += _with_children(int(child))
    return found


def _cpu_seconds(pid: int) -> float:
    # The CPU clock of another process, as clock_getcpuclockid(3) makes it: to the nanosecond, where
    # proc(5) counts hundredths of a second.
    return time.clock_gettime((~pid << 3) | 2)


def _resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


@dataclass
class Usage:
    """What a system used while it was watched."""

    cpu_seconds: float = 0
    seconds: float = 0
    resident_mib: list[float] = field(default_factory=list)

    @property
    def average_mib(self) -> float:
        """Mean of the memory samples."""
        return sum(self.resident_mib) / len(self.resident_mib)

    @property
    def peak_mib(self) -> float:
        """Highest memory sample."""
        return max(self.resident_mib)


@contextlib.contextmanager
def watch(system: System) -> Iterator[Usage]:
    """Measure a system from here to the end of the block; the usage is complete after it."""
    usage, ended = Usage(), threading.Event()

    def sample() -> None:
        while True:
            usage.resident_mib.append(system.resident_mib())
            if ended.wait(0.2):
                return

    sampler = threading.Thread(target=sample)
    begun, before = time.monotonic(), system.cpu_seconds()
    sampler.start()
    try:
        yield usage
    finally:
        ended.set()
        sampler.join()
    usage.cpu_seconds = system.cpu_seconds() - before
    usage.seconds = time.monotonic() - begun


def build_load() -> Path:
    """Build the load generator (cargo does nothing when it is up to date); its program."""
    if not shutil.which("cargo"):
        raise BenchError("the load generator needs cargo on PATH to be built")
    target = cache_directory() / "load"
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "--locked"],
        cwd=_LOAD_CRATE,
        env={**os.environ, "CARGO_TARGET_DIR": str(target)},
        check=True,
    )
    return target / "release" / "ananta-bench-load"


def _load_process(mode: str, plan: dict[str, Any]) -> subprocess.Popen[str]:
    program = cache_directory() / "load" / "release" / "ananta-bench-load"
    command = ["taskset", "-c", str(LOAD_CORE), str(program), mode, json.dumps(plan)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _report_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise BenchError("the load generator failed; its message is above")
    return dict(json.loads(output))


def ask_load_generator(mode: str, plan: dict[str, Any]) -> dict[str, Any]:
    """Run the load generator to its end; its report. What is in a plan is told in its sources."""
    return _report_of(_load_process(mode, plan))


@dataclass(frozen=True)
class Sent:
    """What became of a load: the load generator's own report."""

    requests: int
    accepted_spans: int
    refused_spans: dict[str, int]
    seconds: float
    latency_milliseconds: dict[str, float]


class Sending:
    """A load that runs in the background; keys of the plan as in `bench/load/src/send.rs`."""

    def __init__(self, **plan: Any) -> None:
        self._process = _load_process(
            "send", {name: v for name, v in plan.items() if v is not None}
        )

    def result(self) -> Sent:
        """Wait for its end and return its report."""
        return Sent(**_report_of(self._process))

    def stop(self) -> None:
        """End it without a report."""
        self._process.kill()
        self._process.communicate()


def send(**plan: Any) -> Sent:
    """Send a load and wait for its end."""
    return Sending(**plan).result()


class Sink:
    """An OTLP server that counts and discards; leaving the context stops it."""

    def __init__(self, spans_per_second: float | None = None) -> None:
        plan = {} if spans_per_second is None else {"spans_per_second": spans_per_second}
        self._process = _load_process("sink", plan)
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline())["port"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def spans(self) -> int:
        """How many spans have arrived."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/count")
            return int(json.load(connection.getresponse())["spans"])
        finally:
            connection.close()

    def wait_steady(self, quiet_seconds: float = 1.0) -> int:
        """The number of spans once no more arrive."""
        before = -1
        while (now := self.spans()) != before:
            before = now
            time.sleep(quiet_seconds)
        return now
