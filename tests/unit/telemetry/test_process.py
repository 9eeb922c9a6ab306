"""What the process says about itself, and the record of what its components do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ananta.telemetry import process
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.operations import LATENCY_BOUNDS_SECONDS, Operations
from ananta.telemetry.process import read_memory, total_memory_bytes, watch_process


def test_memory_is_what_the_system_says() -> None:
    pages = [int(number) for number in Path("/proc/self/statm").read_text().split()]
    memory = read_memory()
    assert memory.resident_bytes == pytest.approx(pages[1] * 4096, rel=0.1)
    assert memory.anonymous_bytes == pytest.approx((pages[1] - pages[2]) * 4096, rel=0.1)


@pytest.mark.parametrize(
    ("lines", "files", "limit"),
    [
        ("0::/", {"memory.max": "1000"}, 1000),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "2000"}, 2000),
        ("0::/a", {"a/memory.max": "3000", "memory.max": "1500"}, 1500),
        ("4:memory:/docker/x", {"memory/docker/x/memory.limit_in_bytes": "4000"}, 4000),
        ("4:memory:/docker/x", {"memory/memory.limit_in_bytes": "5000"}, 5000),
    ],
)
def test_the_limit_of_a_container_counts(tmp_path, monkeypatch, lines, files, limit) -> None:
    groups = tmp_path / "cgroup"
    own = tmp_path / "self"
    own.write_text(lines + "\n")
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text + "\n")
    monkeypatch.setattr(process, "_CGROUP", groups)
    monkeypatch.setattr(process, "_OWN_CGROUP", own)
    assert total_memory_bytes() == limit


def test_without_a_container_the_machine_counts(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(process, "_CGROUP", tmp_path)
    monkeypatch.setattr(process, "_OWN_CGROUP", tmp_path / "missing")
    assert total_memory_bytes() > read_memory().resident_bytes


def test_the_process_is_shown_among_its_metrics() -> None:
    metrics = Metrics("basic")
    watch_process(metrics)
    values = dict(
        line.split(" ") for line in metrics.exposition().decode().splitlines() if line[0] != "#"
    )
    assert float(values["otelcol_process_memory_rss"]) > 1e6
    assert float(values["otelcol_process_cpu_seconds"]) > 0
    assert 0 < float(values["otelcol_process_uptime"]) < 86400


def test_an_operation_keeps_counts_by_latency_and_the_last_errors(monkeypatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr("ananta.telemetry.operations.time.perf_counter", lambda: seconds[0])
    operation = Operations().operation("exporter/x")
    for latency in (0, 5e-6, 0.05, 2000):
        began = operation.begin()
        seconds[0] = began + latency
        operation.end(began, spans=10)
    for number in range(12):
        operation.fail(operation.begin(), 1, ValueError(f"error {number}"))
    by_bound = dict(zip(LATENCY_BOUNDS_SECONDS, operation.counts, strict=True))
    assert {bound: count for bound, count in by_bound.items() if count} == {0: 2, 0.01: 1, 100: 1}
    assert (operation.spans, operation.running, operation.num_errors) == (40, 0, 12)
    assert [sample.error for sample in operation.errors] == [f"error {n}" for n in range(2, 12)]
