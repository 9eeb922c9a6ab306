"""Processor `memory_limiter`: refuses spans while the process uses too much memory.

Refusing is not losing: senders are told to try again. What counts is the memory that is this
process's own (`ananta.telemetry.process`, docs/adr/0004-memory-limit.md), read every
`check_interval`. At the soft limit (hard limit less spike limit) it asks for garbage to be
collected and, while that does not help, refuses; collecting in vain is done less and less often.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import gc
import time
from typing import TYPE_CHECKING

from pydantic import Field

from ananta.config.model import BrokenRule, Config, Duration
from ananta.errors import RetryableError
from ananta.telemetry.process import read_memory, total_memory_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch

_MIB = 1 << 20
_WORTHWHILE_SHARE = 0.05


class MemoryLimiterConfig(Config):
    """Settings of the processor `memory_limiter`."""

    check_interval: Duration = Field(1.0, description="How often memory is measured.")
    limit_mib: int = Field(0, description="Hard limit in MiB; this or a percentage is required.")
    spike_limit_mib: int = Field(
        0, description="How far below the hard limit refusing begins; 0 is a fifth of it."
    )
    limit_percentage: int = Field(
        0, description="Hard limit as a percentage of the container's or the machine's memory."
    )
    spike_limit_percentage: int = Field(
        0, description="The spike limit as a percentage of that memory; 0 is a fifth of the limit."
    )
    min_gc_interval_when_soft_limited: Duration = Field(
        10.0, description="Shortest time between collections at the soft limit."
    )
    min_gc_interval_when_hard_limited: Duration = Field(
        0.0, description="Shortest time between collections at the hard limit."
    )
    max_gc_interval_when_soft_limited: Duration = Field(
        30.0, description="Longest that time grows to where collecting is in vain."
    )
    max_gc_interval_when_hard_limited: Duration = Field(
        30.0, description="Longest that time grows to where collecting is in vain."
    )

    def check(self) -> Iterator[BrokenRule]:
        """There is a limit, it is checked, and the spike limit is below it."""
        yield from super().check()
        if self.check_interval <= 0:
            yield BrokenRule(
                "check_interval", "'check_interval' must be greater than zero; write 1s"
            )
        if self.min_gc_interval_when_soft_limited < self.min_gc_interval_when_hard_limited:
            yield BrokenRule(
                "min_gc_interval_when_soft_limited",
                "'min_gc_interval_when_soft_limited' should be larger than"
                " 'min_gc_interval_when_hard_limited'",
            )
        yield from self.check_not_negative(
            "limit_mib",
            "spike_limit_mib",
            "min_gc_interval_when_hard_limited",
            "max_gc_interval_when_soft_limited",
            "max_gc_interval_when_hard_limited",
        )
        if self.limit_mib == 0 and self.limit_percentage == 0:
            yield BrokenRule(
                "limit_mib",
                "'limit_mib' or 'limit_percentage' must be greater than zero;"
                " write limit_mib: 512 or limit_percentage: 75",
            )
        yield from self._check_spike()

    def _check_spike(self) -> Iterator[BrokenRule]:
        percentages = (self.limit_percentage, self.spike_limit_percentage)
        if not all(0 <= percentage <= 100 for percentage in percentages):
            yield BrokenRule(
                "limit_percentage",
                "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and"
                f" less than or equal to hundred, got {percentages[0]} and {percentages[1]}",
            )
        if 0 < self.limit_mib <= self.spike_limit_mib:
            yield BrokenRule(
                "spike_limit_mib",
                "'spike_limit_mib' must be smaller than 'limit_mib',"
                f" got {self.spike_limit_mib} and {self.limit_mib}",
            )
        if self.limit_mib == 0 and 0 < self.limit_percentage <= self.spike_limit_percentage:
            yield BrokenRule(
                "spike_limit_percentage",
                "'spike_limit_percentage' must be smaller than 'limit_percentage',"
                f" got {percentages[1]} and {percentages[0]}",
            )

    def hard_limit_bytes(self, total_bytes: int) -> int:
        """The hard limit; MiB win over a percentage of `total_bytes`."""
        return self.limit_mib * _MIB or total_bytes * self.limit_percentage // 100

    def soft_limit_bytes(self, total_bytes: int) -> int:
        """Where refusing begins: the hard limit less the spike limit."""
        hard = self.hard_limit_bytes(total_bytes)
        if self.limit_mib:
            spike = self.spike_limit_mib * _MIB
        else:
            spike = total_bytes * self.spike_limit_percentage // 100
        return hard - (spike or hard // 5)


class MemoryLimiterProcessor:
    """Lets spans through, or refuses them."""

    def __init__(
        self,
        config: MemoryLimiterConfig,
        settings: Settings,
        next_sink: SpanSink,
        *,
        used_bytes: Callable[[], int] = lambda: read_memory().anonymous_bytes,
        collect_garbage: Callable[[], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._log = settings.log
        self._next_sink = next_sink
        self._used_bytes = used_bytes
        self._collect_garbage = collect_garbage or free_memory
        self._now = now
        self._refusing = False
        self._collected_at = -float("inf")
        self._interval = 0.0
        self._checking: asyncio.Task[None] | None = None
        label = ("processor",)
        self._label = {"processor": settings.id}
        self._accepted = settings.metrics.counter(
            "otelcol_processor_memory_limiter_accepted_spans", "Spans let through.", label
        )
        self._refused = settings.metrics.counter(
            "otelcol_processor_memory_limiter_refused_spans", "Spans refused.", label
        )

    @functools.cached_property
    def _limits(self) -> tuple[int, int]:
        """The hard and the soft limit in bytes."""
        total = total_memory_bytes()
        return self._config.hard_limit_bytes(total), self._config.soft_limit_bytes(total)

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Measure now and from time to time."""
        hard, soft = self._limits
        self._log.info(
            "Memory limiter configured",
            extra={
                "limit_mib": hard // _MIB,
                "spike_limit_mib": (hard - soft) // _MIB,
                "check_interval": self._config.check_interval,
            },
        )
        self.check()
        self._checking = asyncio.create_task(self._check_forever())

    async def consume(self, batch: SpanBatch) -> None:
        """Hand the batch on, or raise `RetryableError` while memory is short."""
        if self._refusing:
            self._refused.add(len(batch), **self._label)
            message = "data refused due to high memory usage"
            raise RetryableError(message)
        self._accepted.add(len(batch), **self._label)
        await self._next_sink.consume(batch)

    async def shutdown(self) -> None:
        """Stop measuring; legal twice."""
        checking, self._checking = self._checking, None
        if checking is not None:
            checking.cancel()

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(self._config.check_interval)
            self.check()

    def check(self) -> None:
        """Measure, collect garbage where that is due, and decide whether to refuse."""
        used = self._used_bytes()
        _, soft = self._limits
        if used >= soft and self._now() - self._collected_at >= self._pause(used):
            used = self._collect(used)
        refusing = used >= soft
        if refusing and not self._refusing:
            self._log.warning(
                "Memory usage is above soft limit. Refusing data.",
                extra={"used_mib": used // _MIB, "soft_limit_mib": soft // _MIB},
            )
        elif self._refusing and not refusing:
            self._interval = 0.0
            self._log.info(
                "Memory usage back within limits. Resuming normal operation.",
                extra={"used_mib": used // _MIB},
            )
        self._refusing = refusing

    def _pause(self, used: int) -> float:
        """Seconds that must lie between two collections at this usage."""
        config = self._config
        if used >= self._limits[0]:
            shortest, longest = (
                config.min_gc_interval_when_hard_limited,
                config.max_gc_interval_when_hard_limited,
            )
        else:
            shortest, longest = (
                config.min_gc_interval_when_soft_limited,
                config.max_gc_interval_when_soft_limited,
            )
        return min(max(shortest, self._interval), max(shortest, longest))

    def _collect(self, used: int) -> int:
        """Collect garbage; what is used afterwards."""
        pause = self._pause(used)
        self._collect_garbage()
        self._collected_at = self._now()
        after = self._used_bytes()
        in_vain = after >= self._limits[1] and used - after < used * _WORTHWHILE_SHARE
        self._interval = max(pause, self._config.check_interval) * 2 if in_vain else 0.0
        return after


def free_memory() -> None:
    """Collect Python's cycles and give what the C allocator holds back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc only
        trim(0)
