"""The engine in this process: one directory, one owner, bounded memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ananta.errors import RetryableError, StartupError
from ananta.model import SpanBatch
from ananta.store import schema
from ananta.store.connection import Code, Database, StoreError
from ananta.store.embedded import Engine
from ananta.store.writer import Writer
from tests.unit.api.otlp_spans import of, request, span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Each of these has an engine of its own, and a process has only one.
_OPEN = """
import asyncio, sys
from pathlib import Path
from ananta.store import schema
from ananta.store.connection import Database
from ananta.store.embedded import Engine
{imports}

async def main(directory):
    engine = Engine.open(directory, {memory})
    database = Database(engine.connect, "ananta")
    try:
        await schema.prepare(database)
        {body}
    finally:
        await database.close()
        engine.release()

asyncio.run(main(Path(sys.argv[1])))
"""


def run(directory: Path, body: str, *, imports: str = "", memory: int = 512) -> str:
    """What a program with a store in the directory prints."""
    program = _OPEN.format(body=body, imports=imports, memory=memory)
    command: Sequence[str] = [sys.executable, "-c", program, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_stored_is_there_after_a_restart(data_dir: Path) -> None:
    body = """
        print(len(await Reader(database).services()))
        await Writer(database).write(SpanBatch.from_otlp(bytes.fromhex(sys.argv[2])))"""
    payload = request(of("shop", span())).hex()
    imports = (
        "from ananta.model import SpanBatch\nfrom ananta.store.reader import Reader\n"
        f"from ananta.store.writer import Writer\nsys.argv.append({payload!r})"
    )
    assert run(data_dir, body, imports=imports).strip() == "0"
    assert run(data_dir, body, imports=imports).strip() == "1"


def test_another_process_is_told_who_has_the_directory(engine: Engine) -> None:
    body = "print('opened')"
    program = _OPEN.format(body=body, imports="", memory=512)
    done = subprocess.run(
        [sys.executable, "-c", program, str(engine.directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert f"{engine.directory} is in use by process {os.getpid()}; stop it" in last


def test_exporter_and_reader_share_the_engine_of_a_process(engine: Engine) -> None:
    again = Engine.open(engine.directory, 512)
    assert again is engine
    again.release()
    connection = engine.connect()
    assert connection.query("SELECT 1")
    connection.close()
    connection.close()
    with pytest.raises(StoreError, match="the store is closed"):
        connection.query("SELECT 1")


def test_a_second_directory_in_one_process_is_refused(engine: Engine, data_dir: Path) -> None:
    with pytest.raises(StartupError, match=r"already stores in .*; give both exporters the same"):
        Engine.open(data_dir, 512)


def test_a_directory_that_cant_be_made_is_refused(data_dir: Path) -> None:
    data_dir.write_text("a file")
    done = subprocess.run(
        [sys.executable, "-c", _OPEN.format(body="", imports="", memory=512), str(data_dir / "x")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "can't be used: Not a directory; write another one" in done.stderr


def test_the_engine_keeps_no_logs_of_its_own(engine: Engine) -> None:
    async def tables() -> list[tuple[bytes]]:
        database = Database(engine.connect, "system")
        try:
            return await database.rows(
                "SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%_log'"
                " AND engine LIKE '%MergeTree'"
            )
        finally:
            await database.close()

    assert asyncio.run(tables()) == []


def test_memory_is_capped_and_running_out_is_told_to_the_sender(data_dir: Path) -> None:
    body = """
        await database.query("SELECT groupArray(toString(number)) FROM numbers(20000000)")"""
    program = _OPEN.format(body=body, imports="", memory=256)
    done = subprocess.run(
        [sys.executable, "-c", program, str(data_dir)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "StoreError: ClickHouse: " in done.stderr
    assert "emory limit" in done.stderr.strip().splitlines()[-1]


class Refusing:
    """A connection whose inserts fail with one of ClickHouse's errors."""

    def __init__(self, error: StoreError) -> None:
        self.error = error

    def query(self, sql: str) -> bytes:
        raise self.error

    def execute(self, sql: str) -> None:
        raise self.error

    def insert(self, *_: object) -> None:
        raise self.error

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Code: 243. DB::Exception: Cannot reserve 1.00 MiB. (NOT_ENOUGH_SPACE)", "disk is full"),
        ("Code: 48. write failed: No space left on device", "disk is full"),
        ("Code: 241. DB::Exception: Memory limit (total) exceeded.", "Memory limit"),
        ("Code: 252. DB::Exception: Too many parts (3000).", "Too many parts"),
    ],
)
async def test_what_may_pass_is_to_be_tried_again(text: str, says: str) -> None:
    error = StoreError.from_engine(RuntimeError(text))
    database = Database(lambda: Refusing(error), "ananta")
    with pytest.raises(RetryableError, match=says) as raised:
        await Writer(database).write(SpanBatch.from_otlp(request(of("shop", span()))))
    assert "\n" not in str(raised.value)
    await database.close()


def test_an_error_is_one_line_without_the_engines_noise() -> None:
    error = StoreError.from_engine(
        RuntimeError(
            "Code: 60. DB::Exception: Table default.x does not exist.\n Maybe you meant y?:"
            " While executing. (UNKNOWN_TABLE) (version 26.5.1.1)"
        )
    )
    assert error.code == Code.UNKNOWN_TABLE
    expected = "ClickHouse: Table default.x does not exist. Maybe you meant y?: While executing"
    assert str(error) == expected
    assert schema.migrations()
