"""What the operating system says about this process: memory, CPU, age.

`anonymous_bytes` is what `memory_limiter` limits: the pages that are this process's own. Python,
the native extension and an embedded engine each have an allocator, so no single heap could be
asked; pages of mapped files are left out because the kernel takes those back by itself.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from ananta.telemetry.metrics import Metrics

_PROCESS = psutil.Process()
_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


class Memory(NamedTuple):
    """Memory of this process.

    Attributes:
        resident_bytes: all pages in memory.
        anonymous_bytes: those that are neither of files nor shared.
        data_bytes: what the process has asked the system for, in memory or not.
    """

    resident_bytes: int
    anonymous_bytes: int
    data_bytes: int


def read_memory() -> Memory:
    """What this process uses now; takes some ten microseconds."""
    info = _PROCESS.memory_info()
    shared, data = getattr(info, "shared", 0), getattr(info, "data", info.vms)
    return Memory(info.rss, info.rss - shared, data)


def total_memory_bytes() -> int:
    """What this process may use at most: its container's limit, else the machine's memory."""
    machine: int = psutil.virtual_memory().total
    return min([machine, *_cgroup_limits()])


def _cgroup_limits() -> list[int]:
    """The limits of the process's control group and its parents, version 2 or 1."""
    directories = [_CGROUP, _CGROUP / "memory"]
    try:
        lines = _OWN_CGROUP.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            own = _CGROUP / ("memory" if controllers else "") / path.lstrip("/")
            directories += [own, *own.parents]
    limits = []
    for directory in dict.fromkeys(directories):
        for name in ("memory.max", "memory.limit_in_bytes"):
            try:
                text = (directory / name).read_text().strip()
            except OSError:
                continue
            if text.isdecimal():
                limits.append(int(text))
    return limits


def watch_process(metrics: Metrics) -> None:
    """Show memory, CPU and age of this process among its metrics."""
    started_at = _PROCESS.create_time()
    metrics.gauge("otelcol_process_memory_rss", "Resident memory in bytes.").watch(
        lambda: read_memory().resident_bytes
    )
    metrics.gauge(
        "otelcol_process_runtime_heap_alloc_bytes", "Memory of the process's own, in bytes."
    ).watch(lambda: read_memory().anonymous_bytes)
    metrics.gauge(
        "otelcol_process_runtime_total_sys_memory_bytes", "Memory asked of the system, in bytes."
    ).watch(lambda: read_memory().data_bytes)
    metrics.counter("otelcol_process_cpu_seconds", "CPU time used, user and system.").watch(
        _cpu_seconds
    )
    metrics.counter("otelcol_process_uptime", "Seconds since the process started.").watch(
        lambda: max(0.0, time.time() - started_at)
    )


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system
