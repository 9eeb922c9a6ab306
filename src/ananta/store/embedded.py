"""ClickHouse inside this process: the engine of the package chdb, in a data directory.

A process has at most one engine, so the exporter and whoever reads share it, counted; another
process that wants the same directory is told who has it. The engine's memory, caches and threads
are bounded by a configuration file written beside its data: left alone it takes the machine's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quote_url
from xml.sax.saxutils import escape

from ananta.errors import StartupError
from ananta.store.connection import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MEBIBYTE = 1 << 20

# Cores this process may run on.
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
# Statements keep to two threads: on the machines this runs on there are other things to do. These
# two they take for small answers already, and however little memory the engine has.
_SESSION_SETTINGS = {
    "max_threads": min(2, _CORES),
    "max_threads_min_free_memory_per_thread": 0,
    "merge_tree_min_rows_for_concurrent_read": 2048,
    "merge_tree_min_bytes_for_concurrent_read": 65536,
    "max_insert_threads": 1,
    "optimize_on_insert": 0,
    "input_format_parallel_parsing": 0,
    "output_format_parallel_formatting": 0,
    "log_queries": 0,
    # It mixes up the conditions of a subquery and of the statement around it, and then hides rows.
    "use_query_condition_cache": 0,
}


class Engine:
    """The engine on one directory; opened by `Engine.open`, freed by the last `release`."""

    _lock = threading.Lock()
    _current: Engine | None = None

    def __init__(self, directory: Path, max_memory_mib: int) -> None:
        self.directory = directory
        self._users = 0
        self._lock_file = _lock_directory(directory)
        try:
            (directory / "engine.xml").write_text(_engine_configuration(max_memory_mib))
            self._target = _connection_string(directory)
            # The first connection keeps the engine alive while others come and go.
            self._first = self.connect()
        except BaseException:
            os.close(self._lock_file)
            raise

    @classmethod
    def open(cls, directory: Path, max_memory_mib: int) -> Engine:
        """The engine on a directory, started if it does not run yet.

        Raises:
            StartupError: the directory can't be used, another process has it, or this process
                has an engine on another one.
        """
        directory = directory.absolute()
        with cls._lock:
            engine = cls._current
            if engine is None:
                engine = cls._current = cls(directory, max_memory_mib)
            elif engine.directory != directory:
                message = (
                    f"data_dir: {directory}: this process already stores in {engine.directory};"
                    " give both exporters the same data_dir, or an endpoint"
                )
                raise StartupError(message)
            engine._users += 1
            return engine

    def release(self) -> None:
        """Give the engine back; the last one stops it."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                Engine._current = None
                self._first.close()
                os.close(self._lock_file)

    def connect(self) -> EmbeddedConnection:
        """A new connection, for one thread."""
        import chdb

        try:
            return EmbeddedConnection(chdb.connect(self._target))
        except RuntimeError as error:
            message = f"data_dir: {self.directory}: {StoreError.from_engine(error)}"
            raise StartupError(message) from error


class EmbeddedConnection:
    """A `Connection` to the engine in this process."""

    def __init__(self, handle: Any) -> None:
        self._handle: Any = handle
        for name, value in _SESSION_SETTINGS.items():
            with contextlib.suppress(StoreError):  # a setting the engine's version doesn't know
                self.execute(f"SET {name} = {value}")

    def query(self, sql: str) -> bytes:
        """As `Connection.query`."""
        return self._run(sql)

    def execute(self, sql: str) -> None:
        """As `Connection.execute`."""
        self._run(sql)

    def insert(self, table: str, block: bytes, settings: Mapping[str, str]) -> None:
        """As `Connection.insert`."""
        clause = ", ".join(f"{name} = '{value}'" for name, value in settings.items())
        clause = f"SETTINGS {clause}" if clause else ""
        with _as_file(block) as path:
            self._run(f"INSERT INTO {table} FROM INFILE '{path}' {clause} FORMAT Native")

    def close(self) -> None:
        """As `Connection.close`."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _run(self, sql: str) -> bytes:
        if self._handle is None:
            message = "the store is closed"
            raise StoreError(message)
        try:
            result = self._handle.query(sql, "Native")
        except Exception as error:  # chdb raises RuntimeError, or in newer versions its own
            raise StoreError.from_engine(error) from error
        return bytes(result.bytes() or b"")


@contextlib.contextmanager
def _as_file(block: bytes) -> Iterator[str]:
    """A path the engine can read the block from: memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("block", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(block)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="ananta-", suffix=".native") as file:
        file.write(block)
        file.flush()
        yield file.name


def _lock_directory(directory: Path) -> int:
    """Make the directory and lock it; the lock ends with the process, however it ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = f"data_dir: {directory} can't be used: {error.strerror}; write another one"
        raise StartupError(message) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        os.close(descriptor)
        message = (
            f"data_dir: {directory} is in use by process {holder or 'unknown'};"
            " stop it, or write another data_dir"
        )
        raise StartupError(message) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _connection_string(directory: Path) -> str:
    configuration = quote_url(str(directory / "engine.xml"))
    return f"file:{quote_url(str(directory))}?config-file={configuration}"


def _engine_configuration(max_memory_mib: int) -> str:
    """The engine's settings; sizes in bytes. Caches share a quarter of the memory."""
    total = max_memory_mib * MEBIBYTE
    cache = total // 16
    settings = {
        "max_server_memory_usage": total,
        "merges_mutations_memory_usage_soft_limit": total // 2,
        "mark_cache_size": cache,
        "index_mark_cache_size": cache // 4,
        "primary_index_cache_size": cache,
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "query_condition_cache_size": 0,
        "compiled_expression_cache_size": cache // 4,
        "mmap_cache_size": 0,
        "background_pool_size": 2,
        "background_merges_mutations_concurrency_ratio": 1,
        "background_schedule_pool_size": 4,
        "background_common_pool_size": 2,
        "background_fetches_pool_size": 1,
        "background_move_pool_size": 1,
        "background_message_broker_schedule_pool_size": 1,
        "background_distributed_schedule_pool_size": 1,
        "background_buffer_flush_schedule_pool_size": 1,
        "max_io_thread_pool_size": 8,
    }
    lines = "".join(
        f"    <{name}>{escape(str(value))}</{name}>\n" for name, value in settings.items()
    )
    return f"<clickhouse>\n{lines}</clickhouse>\n"
