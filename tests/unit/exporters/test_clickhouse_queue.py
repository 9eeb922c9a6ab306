"""The store's queue: its own defaults hold where a file sets only some of the keys."""

from __future__ import annotations

import pytest

from ananta.exporters.clickhouse import ClickhouseConfig


@pytest.mark.parametrize("queue", [None, {}, {"storage": "file_storage"}, {"queue_size": 1 << 30}])
def test_blocks_are_about_a_seconds_worth_and_stored_one_at_a_time(queue) -> None:
    config = ClickhouseConfig.model_validate({"data_dir": "/data", "sending_queue": queue})
    assert config.sending_queue is not None
    assert config.sending_queue.num_consumers == 1
    assert config.sending_queue.sizer == "bytes"
    assert config.sending_queue.batch_sizer == "items"
    assert config.sending_queue.batch is not None
    assert config.sending_queue.batch.flush_timeout == 1.0
    assert config.sending_queue.batch.max_size == 50_000


def test_a_store_that_is_away_is_waited_for() -> None:
    settings = {"data_dir": "/data", "retry_on_failure": {"initial_interval": "2s"}}
    config = ClickhouseConfig.model_validate(settings)
    assert config.retry_on_failure.max_elapsed_time == 0
    assert config.retry_on_failure.initial_interval == 2


def test_gathering_and_queue_can_be_switched_off() -> None:
    settings = {"data_dir": "/data", "sending_queue": {"batch": {"enabled": False}}}
    config = ClickhouseConfig.model_validate(settings)
    assert config.sending_queue is not None
    assert config.sending_queue.batch is None
    settings = {"data_dir": "/data", "sending_queue": {"enabled": False}}
    assert ClickhouseConfig.model_validate(settings).sending_queue is None
