"""Storing batches: each becomes a block of `spans` and blocks of the tables that find it.

All blocks of a batch are stored side by side, and the batch is stored when the last of them is.
A batch that is sent again after a failure stores what is missing: the blocks of `spans` and
`postings` carry the batch's token, by which ClickHouse knows them; the small tables drop what they
already have when they merge.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ananta._native import StoreEncoder
from ananta.errors import PermanentError, RetryableError
from ananta.store.connection import Code, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ananta._native import StoreBlocks
    from ananta.model import SpanBatch
    from ananta.store.connection import Database

DAY_SECONDS = 24 * 3600

# A block ClickHouse can't read now it can't read later either.
_PERMANENT = {
    Code.CANNOT_READ_ALL_DATA,
    Code.INCORRECT_DATA,
    Code.NO_SUCH_COLUMN_IN_TABLE,
    Code.TYPE_MISMATCH,
    Code.UNKNOWN_TYPE,
}


class Writer:
    """Stores batches in a database.

    Args:
        database: where; its schema is ready.
        period_seconds: length of a partition, the unit in which old spans are dropped.
        now: the time in seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        period_seconds: int = DAY_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._period_seconds = period_seconds
        self._now = now
        self._encoder = StoreEncoder()

    async def write(self, batch: SpanBatch, token: str = "") -> None:
        """Store a batch; with a token, once however often it is written.

        Raises:
            RetryableError: ClickHouse can't take it now.
            PermanentError: ClickHouse will never take it.
        """
        if not len(batch):
            return
        blocks = await asyncio.to_thread(self._encode, batch)
        settings = {"insert_deduplication_token": token} if token else {}
        inserts = [
            self._database.insert("spans", blocks.spans, settings),
            self._database.insert("postings", blocks.postings, settings),
            *(self._database.insert(table, block) for table, block in blocks.catalog),
        ]
        # Every insert ends before the batch is answered for, so none of them outlives its retry.
        results = await asyncio.gather(*inserts, return_exceptions=True)
        for error in results:
            if isinstance(error, StoreError):
                kind = PermanentError if error.code in _PERMANENT else RetryableError
                raise kind(str(error)) from error
            if error is not None:
                raise error
        self._encoder.remember(blocks)

    def _encode(self, batch: SpanBatch) -> StoreBlocks:
        return self._encoder.encode(batch, self._period_seconds, int(self._now()))
