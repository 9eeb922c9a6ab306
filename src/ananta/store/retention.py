"""What is too old or too much goes: whole partitions first, the oldest of the last one after them.

Dropping a partition costs nothing, so its length follows from how long spans are kept. Only where
a single partition is larger than all that is allowed are its oldest minutes deleted from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from ananta.store.connection import StoreError, quote
from ananta.store.schema import TABLES
from ananta.store.search import PLACES_IN_MINUTE, in_minutes

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from ananta.store.connection import Database
    from ananta.telemetry.metrics import Metrics

MEBIBYTE = 1 << 20
HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS
CHECK_SECONDS = 60.0

# Spans outlive their time by at most an eighth of it.
_PERIODS_KEPT = 8
_PERIODS_SECONDS = (DAY_SECONDS, 12 * HOUR_SECONDS, 6 * HOUR_SECONDS, 3 * HOUR_SECONDS)
_SHARE_DELETED = 0.25


def period_seconds(ttl_seconds: float) -> int:
    """The length of a partition where spans are kept for so long; 0 keeps them for good."""
    if ttl_seconds <= 0:
        return DAY_SECONDS
    longest = ttl_seconds / _PERIODS_KEPT
    for seconds in _PERIODS_SECONDS:
        if seconds <= longest:
            return seconds
    return HOUR_SECONDS


class Retention:
    """Drops spans by age and by size, now and then.

    Args:
        database: whose tables.
        ttl_seconds: how long spans are kept; 0 keeps them for good.
        max_bytes: most the tables may take on disk; 0 means no limit.
        period_seconds: length of a partition.
        log: where drops are told.
        metrics: where they are counted.
        now: the time in seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        ttl_seconds: float,
        max_bytes: int,
        period_seconds: int,
        log: logging.Logger,
        metrics: Metrics,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._ttl_seconds = ttl_seconds
        self._max_bytes = max_bytes
        self._period_seconds = period_seconds
        self._log = log
        self._now = now
        self._dropped = metrics.counter(
            "ananta_store_dropped_spans", "Spans dropped from the store.", ("reason",)
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin checking in the background, if there is anything to check."""
        if self._ttl_seconds or self._max_bytes:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop checking; legal twice."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self.apply()
            except StoreError as error:
                self._log.warning("Old spans could not be dropped.", extra={"error": str(error)})
            await asyncio.sleep(CHECK_SECONDS)

    async def apply(self) -> None:
        """Drop what is too old, then what is too much."""
        if self._ttl_seconds:
            oldest = self._now() - self._ttl_seconds - self._period_seconds
            for period, _ in await self._partitions():
                if period < oldest:
                    await self._drop(period, "age")
        if self._max_bytes:
            await self._shrink()

    async def _shrink(self) -> None:
        partitions = await self._partitions()
        excess = sum(size for _, size in partitions) - self._max_bytes
        while excess > 0 and len(partitions) > 1:
            period, size = partitions.pop(0)
            await self._drop(period, "size")
            excess -= size
        if excess > 0 and partitions:
            await self._delete_oldest(*partitions[0])

    async def _partitions(self) -> list[tuple[int, int]]:
        """Start and bytes of each partition, oldest first; replicas count once."""
        source = "system.parts"
        if self._database.cluster:
            source = f"cluster({quote(self._database.cluster)}, system.parts)"
        tables = ", ".join(quote(self._database.local_name(table)) for table in TABLES)
        rows = await self._database.rows(
            f"SELECT toUnixTimestamp(parseDateTimeBestEffort(partition, 'UTC')) AS period,"
            f" sum(bytes_on_disk) FROM {source}"
            f" WHERE active AND database = {quote(self._database.name)} AND table IN ({tables})"
            " GROUP BY period ORDER BY period"
        )
        return [(period, size) for period, size in rows]

    async def _drop(self, period: int, reason: str) -> None:
        database = self._database
        rows = await database.rows(
            f"SELECT count() FROM {database.table('spans')} WHERE period = {period}"
        )
        # The spans go first: what is left of an interrupted drop finds nothing, and goes next time.
        for table in TABLES:
            await database.execute(
                f"ALTER TABLE {database.local_table(table)} {database.on_cluster}"
                f" DROP PARTITION {period}"
            )
        self._tell(reason, int(rows[0][0]), period)

    async def _delete_oldest(self, period: int, size: int) -> None:
        """Delete the oldest quarter of a partition's minutes, by spans."""
        database = self._database
        spans = database.table("spans")
        rows = await database.rows(
            f"SELECT quantileExact({_SHARE_DELETED})(intDiv(place, {PLACES_IN_MINUTE})) AS last,"
            f" intDiv(max(place), {PLACES_IN_MINUTE}) AS newest FROM {spans}"
            f" WHERE period = {period}"
        )
        last, newest = rows[0]
        # A single minute can't be halved by time; then it goes when the next one has come.
        condition = f"period = {period} AND {in_minutes(0, min(last, newest - 1))}"
        count = await database.rows(f"SELECT count() FROM {spans} WHERE {condition}")
        await database.execute(
            f"ALTER TABLE {database.local_table('spans')} {database.on_cluster}"
            f" DELETE WHERE {condition} SETTINGS mutations_sync = 1"
        )
        self._tell("size", int(count[0][0]), period, size)

    def _tell(self, reason: str, spans: int, period: int, size: int = 0) -> None:
        self._dropped.add(spans, reason=reason)
        details = {"reason": reason, "spans": spans, "partition": period}
        if size:
            details["partition_mib"] = size // MEBIBYTE
        self._log.info("Dropped old spans.", extra=details)
