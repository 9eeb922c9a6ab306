"""A store for each test, over each way to reach ClickHouse.

`embedded` is the engine in this process, `http` the same engine behind ClickHouse's HTTP interface
in a process of its own, `server` a real server where ANANTA_TEST_CLICKHOUSE_URL names one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from ananta.model import SpanBatch
from ananta.store import schema
from ananta.store.connection import Database, quote_name
from ananta.store.embedded import Engine
from ananta.store.reader import Reader
from ananta.store.server import ServerConnection, parse_server_endpoint
from ananta.store.writer import Writer
from tests.store.http_engine import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from ananta.store.connection import Connection

SERVER_URL = os.environ.get("ANANTA_TEST_CLICKHOUSE_URL", "")
KINDS = ("embedded", "http", "server")


@dataclass
class Store:
    """Everything over one database."""

    database: Database
    writer: Writer
    reader: Reader

    async def write(self, *requests: bytes, token: str = "") -> None:
        await self.writer.write(SpanBatch.from_otlp(list(requests)), token)

    async def count(self, table: str = "spans") -> int:
        rows = await self.database.rows(f"SELECT count() FROM {self.database.table(table)}")
        return int(rows[0][0])


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine.open(tmp_path_factory.mktemp("engine"), 512)
    yield engine
    engine.release()


@pytest.fixture(scope="session")
def http_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = str(tmp_path_factory.mktemp("http"))
    command = [sys.executable, "-m", "tests.store.http_engine", directory]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://default:{PASSWORD}@127.0.0.1:{int(process.stdout.readline())}"
        process.communicate()


@pytest.fixture(params=KINDS)
def open_connection(request: pytest.FixtureRequest) -> Callable[[], Connection]:
    """Opens connections to each kind of ClickHouse."""
    if request.param == "embedded":
        engine: Engine = request.getfixturevalue("engine")
        return engine.connect
    if request.param == "server" and not SERVER_URL:
        pytest.skip("ANANTA_TEST_CLICKHOUSE_URL names no server")
    url = SERVER_URL if request.param == "server" else request.getfixturevalue("http_url")
    address = replace(parse_server_endpoint(url), database="")
    return lambda: ServerConnection(address, 60)


@asynccontextmanager
async def new_store(open_connection: Callable[[], Connection]) -> AsyncIterator[Store]:
    """A store in a database of its own, which goes with it."""
    database = Database(open_connection, f"test_{uuid.uuid4().hex}")
    try:
        await schema.prepare(database)
        yield Store(database, Writer(database), Reader(database))
        await database.execute(f"DROP DATABASE IF EXISTS {quote_name(database.name)}")
    finally:
        await database.close()


@pytest.fixture
async def store(open_connection: Callable[[], Connection]) -> AsyncIterator[Store]:
    async with new_store(open_connection) as store:
        yield store


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def unused_port() -> int:
    """A port nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
