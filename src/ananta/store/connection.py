"""`Database`: statements to ClickHouse from asyncio, with errors that say what to do.

A `Connection` answers one statement at a time and blocks, so each lives on a thread of its own;
`Database` keeps some for reading and some for writing, so that a question never waits for a block
being stored, and opens them as they are needed.
"""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ananta._native import read_rows
from ananta.errors import AnantaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

READERS = 4
# The postings, the catalogue and the spans of a block are stored side by side.
WRITERS = 3

T = TypeVar("T")

_CODE = re.compile(r"Code: (\d+)\.")


class Code:
    """ClickHouse's error codes that mean something to us (its ErrorCodes list)."""

    UNKNOWN_DATABASE = 81
    UNKNOWN_TABLE = 60
    CANNOT_READ_ALL_DATA = 33
    NO_SUCH_COLUMN_IN_TABLE = 16
    TYPE_MISMATCH = 53
    INCORRECT_DATA = 117
    UNKNOWN_TYPE = 50
    NOT_ENOUGH_SPACE = 243
    MEMORY_LIMIT_EXCEEDED = 241
    AUTHENTICATION_FAILED = 516
    ACCESS_DENIED = 497


class StoreError(AnantaError):
    """ClickHouse refused a statement or could not be reached.

    Attributes:
        code: ClickHouse's error code; 0 when it gave none.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code

    @classmethod
    def from_engine(cls, error: Exception) -> StoreError:
        """The error in one line, without stack traces and version tails."""
        text = str(error)
        code = getattr(error, "code", None)
        if code is None:
            found = _CODE.search(text)
            code = int(found[1]) if found else 0
        line = " ".join(text.split())
        line = re.sub(r"^.*?DB::Exception: (Code: \d+\. DB::Exception: )?", "", line)
        line = re.sub(r"(\. \([A-Z_]+\))? ?\(version .*$|\. \([A-Z_]+\)$", "", line)
        if code == Code.NOT_ENOUGH_SPACE or "No space left" in text:
            return cls(f"the disk is full: {line}", Code.NOT_ENOUGH_SPACE)
        return cls(f"ClickHouse: {line[:500]}", code)


class Connection(Protocol):
    """One statement at a time; every method blocks and raises `StoreError`."""

    def query(self, sql: str) -> bytes:
        """The answer in the Native format."""

    def execute(self, sql: str) -> None:
        """Run a statement that has no answer."""

    def insert(self, table: str, block: bytes, settings: Mapping[str, str]) -> None:
        """Store a block in the Native format."""

    def close(self) -> None:
        """Free it; legal twice."""


@dataclass
class _Pool:
    """Threads with a connection each, opened when a thread runs its first statement."""

    open: Callable[[], Connection]
    size: int
    name: str
    _local: threading.local = field(default_factory=threading.local)
    _connections: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix=self.name)

    def _run(self, work: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.open()
            self._connections.append(connection)
        return work(connection)

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    async def close(self) -> None:
        # Statements under way end first: an engine must not be closed under them.
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        for connection in self._connections:
            await asyncio.to_thread(connection.close)


class Database:
    """The database the store's tables are in.

    Args:
        open_connection: gives a new connection; called on the thread that will use it.
        name: the database's name.
        cluster: name of the ClickHouse cluster the tables are spread over; "" for one server.
    """

    def __init__(
        self, open_connection: Callable[[], Connection], name: str, cluster: str = ""
    ) -> None:
        self.name = name
        self.cluster = cluster
        self._readers = _Pool(open_connection, READERS, "store-read")
        self._writers = _Pool(open_connection, WRITERS, "store-write")

    def table(self, name: str) -> str:
        """A table's full name in SQL."""
        return f"{quote_name(self.name)}.{quote_name(name)}"

    def local_name(self, name: str) -> str:
        """The name of the table that holds the data: on a cluster, each server's share."""
        return f"{name}_local" if self.cluster else name

    def local_table(self, name: str) -> str:
        """The full name of the table that holds the data."""
        return self.table(self.local_name(name))

    @property
    def on_cluster(self) -> str:
        """What a statement on the schema says to reach every server of a cluster."""
        return f"ON CLUSTER {quote_name(self.cluster)}" if self.cluster else ""

    async def query(self, sql: str) -> bytes:
        """The answer to a question in the Native format; raises `StoreError`."""
        return await self._readers.run(lambda connection: connection.query(sql))

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a small answer: numbers as `int`, strings as `bytes`, arrays as `list`."""
        return read_rows(await self.query(sql))

    async def execute(self, sql: str) -> None:
        """Run a statement that has no answer; raises `StoreError`."""
        await self._writers.run(lambda connection: connection.execute(sql))

    async def insert(
        self, table: str, block: bytes, settings: Mapping[str, str] | None = None
    ) -> None:
        """Store a block in the Native format; raises `StoreError`."""
        name = self.table(table)
        await self._writers.run(lambda connection: connection.insert(name, block, settings or {}))

    async def close(self) -> None:
        """End what is under way and close every connection; legal twice."""
        await self._readers.close()
        await self._writers.close()


def text_of(value: bytes) -> str:
    """A string of an answer; what is no UTF-8 in it is replaced."""
    return value.decode(errors="replace")


def quote_name(name: str) -> str:
    """An identifier in SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def quote(value: str | bytes) -> str:
    r"""A string literal in SQL; bytes that are no plain text are written as \x00."""
    data = value.encode() if isinstance(value, str) else value
    text = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}"
        for byte in data
    )
    return f"'{text}'"
