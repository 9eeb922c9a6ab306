"""What is wrong with the running process now, in sentences that say what to do about it.

An error travels from an exporter back to the receiver, and each component on its way notes it. So
components are looked at from the far end, and what has been told of one is not told of the next.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ananta.component import Kind
from ananta.processors.memory_limiter import MemoryLimiterConfig
from ananta.query.process.components import operations_of, running_components
from ananta.telemetry.process import total_memory_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ananta.config.service import CollectorConfig
    from ananta.query.answers import PipelineComponent
    from ananta.telemetry.disk import DiskUsage
    from ananta.telemetry.operations import Operation
    from ananta.telemetry.overview import Overview

RECENT_SECONDS = 60.0
NEARLY_FULL = 0.8

_DISK_SHARE = 20
_DISK_ENOUGH_BYTES = 10 * 2**30


def memory_limit_bytes(config: CollectorConfig) -> int | None:
    """The hard limit of the strictest `memory_limiter` that runs; None where none does."""
    total = total_memory_bytes()
    limits = [limiter.hard_limit_bytes(total) for limiter in _limiters(config).values()]
    return min(limits, default=None)


def find_problems(
    overview: Overview,
    components: Sequence[PipelineComponent],
    *,
    memory_bytes: int,
    disk: DiskUsage | None,
    now: float,
) -> list[str]:
    """What is wrong now; nothing when all is well.

    Args:
        overview: what runs.
        components: what it has counted.
        memory_bytes: the process's own memory.
        disk: usage of the data directories.
        now: Unix seconds.
    """
    problems = []
    if overview.ready_since is None:
        problems.append(
            "Not every component runs: the process is starting or stopping."
            " If that lasts, its log says what it waits for."
        )
    problems += _memory_problems(overview.config, memory_bytes)
    problems += _queue_problems(components)
    problems += _failures(overview, components, now)
    if disk is not None and disk.free_bytes < min(
        disk.total_bytes // _DISK_SHARE, _DISK_ENOUGH_BYTES
    ):
        problems.append(
            f"The disk of the data directory is nearly full: {_size(disk.free_bytes)} of"
            f" {_size(disk.total_bytes)} are free. Free some space, or keep spans for less long:"
            " set ttl or max_size_mib of the exporter that stores them."
        )
    return problems


def _memory_problems(config: CollectorConfig, memory_bytes: int) -> Iterator[str]:
    total = total_memory_bytes()
    for processor_id, limiter in _limiters(config).items():
        soft = limiter.soft_limit_bytes(total)
        if memory_bytes >= soft:
            yield (
                f'Processor "{processor_id}" refuses spans: the process uses'
                f" {_size(memory_bytes)} of memory, refusing begins at {_size(soft)}. Senders try"
                " again later; raise its limit, give the process more memory, or send less."
            )


def _limiters(config: CollectorConfig) -> dict[str, MemoryLimiterConfig]:
    return {
        component_id: limiter
        for kind, component_id in running_components(config)
        if kind is Kind.PROCESSOR
        and isinstance(limiter := config.processors[component_id], MemoryLimiterConfig)
    }


def _queue_problems(components: Sequence[PipelineComponent]) -> Iterator[str]:
    for each in components:
        if _is_nearly_full(each):
            size, capacity = each.queue_size or 0, each.queue_capacity or 0
            if each.queue_unit == "bytes":
                amount = f"{_size(size)} of {_size(capacity)}"
            else:
                amount = f"{size:,} of {capacity:,} {each.queue_unit}"
            yield (
                f'The queue of exporter "{each.id}" is {100 * size // capacity} % full: {amount}.'
                " Spans come faster than they are delivered, and once it is full senders are told"
                f" to wait. Mend or speed up what the exporter sends to, or raise"
                f" exporters::{each.id}::sending_queue::queue_size."
            )


def _is_nearly_full(component: PipelineComponent) -> bool:
    size, capacity = component.queue_size, component.queue_capacity
    return size is not None and capacity is not None and size > NEARLY_FULL * capacity


def _failures(
    overview: Overview, components: Sequence[PipelineComponent], now: float
) -> Iterator[str]:
    """A sentence for each component that fails now by itself."""
    waiting = {each.id for each in components if each.kind == "exporters" and each.queue_size}
    full = {each.id for each in components if each.kind == "exporters" and _is_nearly_full(each)}
    limiters = _limiters(overview.config)
    told: list[str] = []
    for kind, component_id in reversed(running_components(overview.config)):
        for operation in operations_of(overview, kind, component_id):
            failure = operation.failing_with
            is_delivery = operation.name.endswith("/delivery")
            if failure is None or any(known in failure.error for known in told):
                continue
            still_waits = is_delivery and component_id in waiting
            if now - failure.ended_at > RECENT_SECONDS and not still_waits:
                continue
            told.append(failure.error)
            has_own_sentence = component_id in limiters or (
                kind is Kind.EXPORTER and not is_delivery and component_id in full
            )
            if not has_own_sentence:
                yield _failure_sentence(kind, component_id, operation)


def _failure_sentence(kind: Kind, component_id: str, operation: Operation) -> str:
    failure = operation.errors[-1]
    at = datetime.fromtimestamp(failure.ended_at, UTC)
    who = f'{kind.name.title()} "{component_id}"'
    quoted = f"last at {at:%H:%M:%S} UTC: {failure.error.rstrip('.')}."
    if operation.name.endswith("/delivery"):
        return (
            f"{who} cannot deliver, {quoted} Check that what it sends to runs, can be reached from"
            " this machine and takes these spans."
        )
    return f"{who} refuses spans, {quoted} Their senders are told so."


def _size(num_bytes: int) -> str:
    size, units = float(num_bytes), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return (
        f"{size:.0f} {units[0]}" if units[0] == "bytes" or size >= 100 else f"{size:.1f} {units[0]}"
    )
