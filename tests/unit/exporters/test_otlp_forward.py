"""Our exporters to our receiver: what goes in is what comes out, in every coding."""

from __future__ import annotations

import pytest

from ananta.errors import DeliveryError, PermanentError, RetryableError
from ananta.model import SpanBatch
from tests.unit.receivers.door import open_door

from .servers import batch, grpc_exporter, http_exporter


def batches() -> SpanBatch:
    return SpanBatch.concat([batch(f"span {number}", attribute="x" * 50) for number in range(300)])


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "snappy"])
async def test_grpc_forwards_the_same_bytes(compression: str) -> None:
    sent = batches()
    async with (
        open_door(http=None) as door,
        grpc_exporter(door.grpc, compression=compression) as exporter,
    ):
        await exporter.consume(sent)
        assert [received.to_otlp() for received in door.sink.batches] == [sent.to_otlp()]


@pytest.mark.parametrize("encoding", ["proto", "json"])
@pytest.mark.parametrize(
    "compression",
    ["none", "gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4"],
)
async def test_http_forwards_the_same_spans(compression: str, encoding: str) -> None:
    sent = batches()
    config = {"compression": compression, "encoding": encoding}
    async with (
        open_door(grpc=None) as door,
        http_exporter(endpoint=door.http, **config) as exporter,
    ):
        await exporter.consume(sent)
        assert [received.rows() for received in door.sink.batches] == [sent.rows()]


@pytest.mark.parametrize(
    "error",
    [
        RetryableError("queue is full"),
        RetryableError("soon", grpc_status=8, retry_after_seconds=2.5),
        PermanentError("no", grpc_status=3),
    ],
)
async def test_an_error_travels_through_a_gateway(error: DeliveryError) -> None:
    async with open_door() as door:
        door.sink.error = error
        async with grpc_exporter(door.grpc) as exporter:
            with pytest.raises(type(error)) as caught:
                await exporter.consume(batch())
            assert str(caught.value) == str(error)
            assert caught.value.grpc_status == (error.grpc_status or 14)
            if isinstance(caught.value, RetryableError) and isinstance(error, RetryableError):
                assert caught.value.retry_after_seconds == error.retry_after_seconds
        async with http_exporter(endpoint=door.http) as exporter:
            with pytest.raises(type(error), match=str(error)):
                await exporter.consume(batch())
