"""The query service: up to date, whole, and a chunk at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.api.otlp_spans import START, of, raw_trace_id, request, span
from tests.unit.query.memory_reader import MemoryReader

from ananta.errors import RetryableError
from ananta.model import SpanBatch
from ananta.query import MAX_TRACES, InvalidQueryError, QueryService, TraceQuery, service

if TYPE_CHECKING:
    from collections.abc import Sequence

END = START + 10**12


class Asked(MemoryReader):
    """Notes the order of flushes and questions."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    async def flush(self) -> None:
        self.calls.append("flush")

    async def services(self) -> list[str]:
        self.calls.append("services")
        return await super().services()

    async def find_trace_ids(self, query: TraceQuery, limit: int) -> list[bytes]:
        self.calls.append(f"find {limit}")
        return await super().find_trace_ids(query, limit)

    async def read_traces(self, trace_ids: Sequence[bytes]) -> SpanBatch:
        self.calls.append(f"read {len(trace_ids)}")
        return await super().read_traces(trace_ids)


def service_of(reader: Asked) -> QueryService:
    return QueryService(lambda: reader, reader.flush)


async def test_every_question_is_asked_after_a_flush() -> None:
    reader = Asked()
    asked = service_of(reader)
    await asked.services()
    assert reader.calls == ["flush", "services"]
    reader.calls.clear()
    found = await asked.search(TraceQuery(0, END, limit=7))
    assert reader.calls == ["flush", "find 8"]
    assert (found.trace_ids, found.truncated) == ([], False)
    reader.calls.clear()
    assert [len(batch) async for _, batch in asked.traces([raw_trace_id(1)])] == [0]
    assert reader.calls == ["flush", "read 1"]


async def test_found_traces_are_read_in_chunks_without_another_flush() -> None:
    reader = Asked()
    reader.add(
        SpanBatch.from_otlp(request(of("shop", *(span(1, trace_id=n) for n in range(1, 6)))))
    )
    asked = service_of(reader)
    found = await asked.search(TraceQuery(0, END, limit=5))
    reader.calls.clear()
    chunks = [chunk async for chunk in asked.read(found.trace_ids, chunk=2)]
    assert reader.calls == ["read 2", "read 2", "read 1"]
    assert [trace_id for ids, _ in chunks for trace_id in ids] == found.trace_ids
    assert [len(batch) for _, batch in chunks] == [2, 2, 1]


async def test_a_store_that_takes_nothing_is_told_not_hidden() -> None:
    async def refuses() -> None:
        message = "cannot flush: disk full"
        raise RetryableError(message)

    with pytest.raises(RetryableError, match="disk full"):
        await QueryService(MemoryReader, refuses).services()


async def test_a_store_that_hangs_ends_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(service, "FLUSH_TIMEOUT_SECONDS", 0.01)
    with pytest.raises(RetryableError, match="did not take the pending spans"):
        await QueryService(MemoryReader, hangs).services()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"limit": 0}, "limit must be greater than 0, got 0"),
        ({"limit": MAX_TRACES + 1}, f"at most {MAX_TRACES}"),
        ({"start_time_min_unix_nano": END + 1}, "start time must be before end time"),
        (
            {"duration_min_nanos": 2, "duration_max_nanos": 1},
            "'maxDuration' should be greater than 'minDuration'",
        ),
    ],
)
def test_a_query_that_cannot_match_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidQueryError, match=message):
        TraceQuery(**({"start_time_min_unix_nano": 0, "start_time_max_unix_nano": END} | values))
