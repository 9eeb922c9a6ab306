"""The exporter `nop` and the connector `forward`: nothing, and nothing in between."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ananta.component import Settings
from ananta.connectors.forward import ForwardConfig, ForwardConnector
from ananta.errors import RetryableError
from ananta.exporters.nop import NopConfig, NopExporter
from ananta.telemetry.metrics import Metrics
from tests.unit.pipeline.batches import Recorder, batch_of

SETTINGS = Settings("nop", logging.getLogger("ananta.exporters.nop"), Metrics())
HOST: Any = None


async def test_nop_takes_everything() -> None:
    exporter = NopExporter(NopConfig(), SETTINGS)
    await exporter.start(HOST)
    await exporter.consume(batch_of("a"))
    await exporter.shutdown()


async def test_forward_hands_on_the_very_batch_and_the_error() -> None:
    recorder = Recorder()
    connector = ForwardConnector(ForwardConfig(), SETTINGS, recorder)
    await connector.start(HOST)
    await connector.consume(batch_of("a"))
    assert recorder.batches == [["a"]]
    recorder.failures = [RetryableError("full")]
    with pytest.raises(RetryableError, match="full"):
        await connector.consume(batch_of("b"))
    await connector.shutdown()
