"""The exporter `clickhouse`: its settings, its start, its deliveries."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ananta.component import IdempotentSink, Settings
from ananta.errors import RetryableError, StartupError
from ananta.exporters.clickhouse import ClickhouseConfig, ClickhouseExporter
from ananta.model import SpanBatch
from ananta.store.server import EndpointProblem, parse_server_endpoint
from ananta.telemetry.metrics import Metrics
from tests.unit.api.otlp_spans import of, raw_trace_id, request, span

if TYPE_CHECKING:
    from pathlib import Path

    from ananta.store.embedded import Engine

HOST: Any = None
BATCH = SpanBatch.from_otlp(request(of("shop", span(1, trace_id=1))))


def exporter(**settings: Any) -> ClickhouseExporter:
    config = ClickhouseConfig.model_validate(settings)
    log = logging.getLogger("ananta.exporters.clickhouse")
    return ClickhouseExporter(config, Settings("clickhouse", log, Metrics()))


def problems(**settings: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        ClickhouseConfig.model_validate(settings)
    return str(raised.value)


async def test_batches_are_stored_once_and_found(engine: Engine) -> None:
    one = exporter(data_dir=str(engine.directory), database="exporter_once")
    assert isinstance(one, IdempotentSink)
    with pytest.raises(RetryableError, match="the store is not open"):
        await one.consume(BATCH)
    await one.start(HOST)
    try:
        await one.consume_once(BATCH, "a")
        await one.consume_once(BATCH, "a")
        assert len(await one.reader.read_traces([raw_trace_id(1)])) == 1
        await one.consume(BATCH)
        assert len(await one.reader.read_traces([raw_trace_id(1)])) == 2
        assert await one.reader.services() == ["shop"]
    finally:
        await one.shutdown()
    await one.shutdown()
    with pytest.raises(RetryableError, match="the store is not open"):
        await one.consume(BATCH)


async def test_two_exporters_of_one_process_share_a_directory(engine: Engine) -> None:
    first = exporter(data_dir=str(engine.directory), database="exporter_shared")
    second = exporter(data_dir=str(engine.directory), database="exporter_shared")
    await first.start(HOST)
    await second.start(HOST)
    await first.consume(BATCH)
    await first.shutdown()
    assert await second.reader.services() == ["shop"]
    await second.shutdown()


async def test_it_stops_without_having_started() -> None:
    await exporter(data_dir="unused").shutdown()


async def test_a_store_over_http(http_url: str) -> None:
    one = exporter(endpoint=http_url, database="exporter_http")
    await one.start(HOST)
    await one.consume_once(BATCH, "a")
    assert await one.reader.services() == ["shop"]
    await one.shutdown()


async def test_a_server_that_is_not_there_is_one_line(unused_port: int) -> None:
    one = exporter(endpoint=f"http://127.0.0.1:{unused_port}", timeout="1s")
    with pytest.raises(
        StartupError, match=rf"exporters::clickhouse: .*127.0.0.1:{unused_port} can't be reached"
    ) as raised:
        await one.start(HOST)
    assert "\n" not in str(raised.value)


async def test_a_wrong_password_is_one_line(http_url: str) -> None:
    one = exporter(endpoint=http_url, username="default", password="wrong")
    with pytest.raises(StartupError, match=r"refused the user: .*; check username and password"):
        await one.start(HOST)


async def test_tables_are_not_created_where_that_is_off(engine: Engine) -> None:
    one = exporter(data_dir=str(engine.directory), database="exporter_none", create_schema=False)
    with pytest.raises(StartupError, match="this program needs 3; set create_schema: true"):
        await one.start(HOST)


async def test_the_retention_is_the_configured_one(engine: Engine) -> None:
    one = exporter(data_dir=str(engine.directory), database="exporter_ttl", ttl="48h")
    await one.start(HOST)
    await one.consume(BATCH)  # spans of 2023, which go to the partition they arrive in
    assert await one.reader.services() == ["shop"]
    await one.shutdown()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "must be given, or `endpoint`, and not both"),
        ({"data_dir": "d", "endpoint": "http://h"}, "must be given, or `endpoint`, and not both"),
        ({"endpoint": "localhost:8123"}, "is no URL of ClickHouse; write one like http://"),
        ({"endpoint": "tcp://localhost:9000"}, "is no URL of ClickHouse"),
        ({"endpoint": "http://localhost:x"}, "is no URL"),
        ({"endpoint": "clickhouse://localhost:9000"}, "write its HTTP port, usually 8123"),
        ({"endpoint": "https://localhost:9440"}, "write its HTTP port, usually 8443"),
        ({"data_dir": "d", "cluster_name": "c"}, "needs the `endpoint`"),
        ({"data_dir": "d", "ttl": "-1s"}, "ttl"),
        ({"data_dir": "d", "max_memory_mib": 10}, "max_memory_mib"),
        ({"data_dir": "d", "max_size_mib": -1}, "max_size_mib"),
        ({"endpoint": "https://h", "tls": {"min_version": "1.3"}}, "is not supported here"),
    ],
)
def test_settings_that_cant_be_followed_are_refused(settings: dict[str, Any], says: str) -> None:
    assert says in problems(**settings)


def test_an_endpoint_names_everything_there_is_to_know() -> None:
    address = parse_server_endpoint("clickhouse://me:p%40ss@db.example/spans?secure=true")
    assert (address.interface, address.host, address.port) == ("https", "db.example", 8443)
    assert (address.username, address.password, address.database) == ("me", "p@ss", "spans")
    assert "p@ss" not in repr(address)
    assert str(parse_server_endpoint("http://db.example")) == "http://db.example:8123"
    with pytest.raises(EndpointProblem):
        parse_server_endpoint("http://")


def test_reading_the_settings_loads_no_engine() -> None:
    """`ananta collect` and `validate` must not pay for a store they don't have."""
    program = (
        "import sys, ananta.exporters.clickhouse\n"
        "heavy = {'chdb', 'clickhouse_connect', 'pandas', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


async def test_the_engine_does_not_load_pandas(data_dir: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ananta.store.embedded import Engine\n"
        "engine = Engine.open(Path(sys.argv[1]), 512); engine.release()\n"
        "sys.exit('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(data_dir)]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0  # noqa: ASYNC221
