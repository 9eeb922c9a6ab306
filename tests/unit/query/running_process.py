"""A real service in this process, and what `ProcessReader` tells of it."""

from __future__ import annotations

import textwrap
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.pipeline import components
from tests.unit.pipeline.batches import batch_of

from ananta.config.load import load_config
from ananta.errors import RetryableError
from ananta.pipeline.service import Service
from ananta.query.process import ProcessReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ananta.query.answers import Pipeline, PipelineComponent

QUIET = "service: {telemetry: {metrics: {level: none}, logs: {level: error}}}"


@dataclass
class Running:
    """The service and the reader of it."""

    service: Service
    reader: ProcessReader

    async def send(self, *names: str, receiver: str = "plain/in") -> None:
        """Let a receiver of the type `plain` receive a span for each name."""
        await components.the(receiver).next_sink.consume(batch_of(*names))

    async def pipeline(self) -> Pipeline:
        return await self.reader.pipeline()

    async def component(self, component_id: str) -> PipelineComponent:
        found = [each for each in (await self.pipeline()).components if each.id == component_id]
        (one,) = found
        return one


async def store_not_open() -> int:
    message = "not open"
    raise RetryableError(message)


def service_of(text: str) -> Service:
    components.EVENTS.clear()
    components.INSTANCES.clear()
    table = components.table()
    config = load_config([f"yaml:{textwrap.dedent(text)}", f"yaml:{QUIET}"], table=table)
    return Service(config, table)


@asynccontextmanager
async def running(text: str) -> AsyncIterator[Running]:
    service = service_of(text)
    await service.start()
    try:
        yield Running(service, ProcessReader(service.overview, service.metrics, store_not_open))
    finally:
        await service.stop()
