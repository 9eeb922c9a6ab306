"""A process that takes numbered spans into a journal, for `test_pipeline_crash` to kill.

    python journal_process.py DIRECTORY FIRST_NUMBER     takes spans until it is killed
    python journal_process.py DIRECTORY drain            delivers what is there and ends

It prints a number once its span is acknowledged. Its store is a file with a line for each delivery:
the token and the numbers delivered.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from ananta.component import Settings
from ananta.config.shared import DeliveryConfig
from ananta.extensions.file_storage import FileStorageConfig, FileStorageExtension
from ananta.model import SpanBatch
from ananta.pipeline.exporter import ExporterRunner
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.operations import Operation


def sending_queue(order: str) -> dict[str, Any]:
    """A queue that cuts blocks at another size in each process."""
    min_size = 23 if order == "drain" else 5 + int(order) % 17
    return {
        "storage": "file_storage",
        "sizer": "items",
        "queue_size": 1_000_000,
        "num_consumers": 1,
        "batch": {"flush_timeout": "2ms", "min_size": min_size},
    }


class FileStore:
    """Writes a line for each delivery; a repeated token is left to the reader."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def start(self, host: Any) -> None:
        pass

    async def consume(self, batch: SpanBatch) -> None:
        raise AssertionError

    async def consume_once(self, batch: SpanBatch, token: str) -> None:
        data = trace.TracesData.FromString(batch.to_otlp())
        numbers = [span.name for each in data.resource_spans for span in each.scope_spans[0].spans]
        os.write(self._fd, f"{token} {','.join(numbers)}\n".encode())
        await asyncio.sleep(0.002)  # stored but not yet answered: where a kill hurts most

    async def shutdown(self) -> None:
        os.close(self._fd)


def span(number: int) -> SpanBatch:
    data = trace.TracesData()
    data.resource_spans.add().scope_spans.add().spans.add(
        name=str(number), trace_id=b"t" * 16, span_id=b"s" * 8
    )
    return SpanBatch.from_otlp(data.SerializeToString())


async def run(directory: Path, order: str) -> None:
    settings = Settings("store", logging.getLogger("ananta.exporters.store"), Metrics())
    storage = FileStorageExtension(
        FileStorageConfig.model_validate({"directory": str(directory), "timeout": "10s"}), settings
    )
    config = DeliveryConfig.model_validate({"sending_queue": sending_queue(order)})
    store = FileStore(directory / "store")
    runner = ExporterRunner(store, config, settings, Operation("exporter/store/delivery"))
    host: Any = SimpleNamespace(extension=lambda _: storage)
    await runner.start(host)
    if order != "drain":
        for number in itertools.count(int(order)):
            await runner.consume(span(number))
            print(number, flush=True)
            await asyncio.sleep(0)
    await runner.flush()
    await runner.shutdown()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
