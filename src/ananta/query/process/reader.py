"""`ProcessReader`: the running process as the web UI's page about the pipeline shows it."""

from __future__ import annotations

import asyncio
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ananta.component import Kind
from ananta.errors import AnantaError, RetryableError
from ananta.exporters.clickhouse import ClickhouseConfig
from ananta.extensions.file_storage import FileStorageConfig
from ananta.query.answers import Pipeline
from ananta.query.process.components import ComponentReader, running_components
from ananta.query.process.problems import find_problems, memory_limit_bytes
from ananta.query.process.trial import send_test_span
from ananta.telemetry.disk import DiskMeter
from ananta.telemetry.process import read_memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ananta.config.service import CollectorConfig
    from ananta.query.answers import TestSpan
    from ananta.telemetry.metrics import Metrics
    from ananta.telemetry.overview import Overview

COUNT_TIMEOUT_SECONDS = 2.0


class ProcessReader:
    """Answers questions about the process it runs in.

    Args:
        overview: what runs.
        metrics: what it counts with.
        count_stored_spans: asks the store; raises `RetryableError` until it is open.
        count_timeout_seconds: how long an answer waits for the store.
    """

    def __init__(
        self,
        overview: Overview,
        metrics: Metrics,
        count_stored_spans: Callable[[], Awaitable[int]],
        *,
        count_timeout_seconds: float = COUNT_TIMEOUT_SECONDS,
    ) -> None:
        self._overview = overview
        self._components = ComponentReader(overview, metrics)
        self._disk = DiskMeter(data_directories(overview.config))
        self._count_stored_spans = count_stored_spans
        self._count_timeout_seconds = count_timeout_seconds
        self._counting: asyncio.Future[int] | None = None

    async def pipeline(self) -> Pipeline:
        """The process as it is now; answered whatever is wrong with its components."""
        overview, config = self._overview, self._overview.config
        (stored_spans, store_problems), disk = await asyncio.gather(
            self._stored_spans(), self._disk.read()
        )
        components = self._components.read()
        memory_bytes, now = read_memory().anonymous_bytes, time.time()
        problems = find_problems(
            overview, components, memory_bytes=memory_bytes, disk=disk, now=now
        )
        return Pipeline(
            version=overview.version,
            started_micros=int(overview.started_at * 1e6),
            now_micros=int(now * 1e6),
            pipelines=_pipelines(config),
            components=components,
            problems=problems + store_problems,
            memory_bytes=memory_bytes,
            memory_limit_bytes=memory_limit_bytes(config),
            disk_bytes=disk.used_bytes if disk else None,
            disk_free_bytes=disk.free_bytes if disk else None,
            stored_spans=stored_spans,
            config=self._config_yaml,
        )

    @functools.cached_property
    def _config_yaml(self) -> str:
        return self._overview.config.to_yaml()

    async def send_test_span(self) -> TestSpan:
        """Send a span to this process itself, as `trial.send_test_span`."""
        return await send_test_span(self._overview)

    async def _stored_spans(self) -> tuple[int, list[str]]:
        """The number of stored spans, and why it is not known."""
        # One question at a time: a store that hangs must not be asked again at each look.
        if self._counting is None or self._counting.done():
            self._counting = asyncio.ensure_future(self._count_stored_spans())
        try:
            counting = asyncio.shield(self._counting)
            return await asyncio.wait_for(counting, self._count_timeout_seconds), []
        except RetryableError:  # not open yet
            return 0, []
        except TimeoutError:
            cause = f"it did not answer within {self._count_timeout_seconds:g} s"
        except AnantaError as error:
            cause = str(error)
        return 0, [f"The store cannot be asked: {cause}. Check that it runs and is not overloaded."]


def data_directories(config: CollectorConfig) -> list[Path]:
    """Where the embedded stores and the journals that run keep their files."""
    directories = []
    for kind, component_id in running_components(config):
        settings = config.components(kind).get(component_id)
        if isinstance(settings, ClickhouseConfig) and settings.data_dir:
            directories.append(Path(settings.data_dir))
        elif isinstance(settings, FileStorageConfig):
            directories.append(Path(settings.directory))
    return directories


def _pipelines(config: CollectorConfig) -> dict[str, dict[str, list[str]]]:
    kinds = (Kind.RECEIVER, Kind.PROCESSOR, Kind.EXPORTER)
    pipelines = {}
    for name, pipeline in config.service.pipelines.items():
        ids: dict[str, list[str]] = {kind.value: getattr(pipeline, kind.value) for kind in kinds}
        both_ends = [*ids[Kind.RECEIVER.value], *ids[Kind.EXPORTER.value]]
        ids[Kind.CONNECTOR.value] = [each for each in both_ends if each in config.connectors]
        pipelines[name] = ids
    return pipelines
