"""Exporter `clickhouse`: stores spans in ClickHouse, where the query API finds them.

With `data_dir` ClickHouse runs inside this process; with `endpoint` it is a server, or a cluster.
Everything else is the same: `ananta.store` has the tables, the writing and the reading.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ananta.config.model import NULL_MEANS_DEFAULTS, BrokenRule, Duration, Secret
from ananta.config.shared import (
    DeliveryConfig,
    QueueBatchConfig,
    QueueConfig,
    RetryConfig,
    TlsClientConfig,
)
from ananta.errors import RetryableError, StartupError
from ananta.store import schema
from ananta.store.connection import Database, StoreError
from ananta.store.embedded import Engine
from ananta.store.reader import Reader
from ananta.store.retention import MEBIBYTE, Retention, period_seconds
from ananta.store.server import EndpointProblem, ServerConnection, parse_server_endpoint
from ananta.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ananta.component import Host, Settings
    from ananta.model import SpanBatch
    from ananta.store.connection import Connection
    from ananta.store.server import ServerAddress

MIN_MEMORY_MIB = 256

# Keys of `tls` and what clickhouse-connect calls them.
_TLS_OPTIONS = {"ca_file": "ca_cert", "cert_file": "client_cert", "key_file": "client_cert_key"}
_TLS_SUPPORTED = {*_TLS_OPTIONS, "insecure_skip_verify", "server_name_override"}


class ClickhouseBatchConfig(QueueBatchConfig):
    """Gathering queued spans: the engine likes large blocks, and queries do not wait for them."""

    flush_timeout: Duration = Field(1.0, description="Longest time a span waits for company.")
    min_size: int = Field(30_000, description="Store as soon as this much has gathered.", ge=0)
    max_size: int = Field(50_000, description="Largest block; 0 means no splitting.", ge=0)
    sizer: Literal["items", "bytes"] | None = Field(
        "items", description="What sizes count, `items` or `bytes`."
    )


class ClickhouseQueueConfig(QueueConfig):
    """The queue between the pipeline and the store."""

    num_consumers: int = Field(1, description="Blocks stored at once.")
    queue_size: int = Field(256 << 20, description="Most the queue holds, in units of `sizer`.")
    sizer: Literal["requests", "items", "bytes"] = Field(
        "bytes", description="What sizes count: requests, spans or bytes."
    )
    batch: Annotated[ClickhouseBatchConfig | None, NULL_MEANS_DEFAULTS] = Field(
        ClickhouseBatchConfig(), description="Gathering queued spans into blocks."
    )


class ClickhouseRetryConfig(RetryConfig):
    """Trying again: a store that is away comes back, so spans are kept as long as there is room."""

    initial_interval: Duration = Field(1.0, description="First pause.")
    max_interval: Duration = Field(10.0, description="Longest pause.")
    max_elapsed_time: Duration = Field(0.0, description="Give up after so long; 0 never gives up.")


class ClickhouseConfig(DeliveryConfig):
    """Settings of the exporter `clickhouse`."""

    timeout: Duration = Field(30.0, description="Time limit of one attempt; 0 means none.")
    sending_queue: ClickhouseQueueConfig | None = Field(
        ClickhouseQueueConfig(),
        description="Queue before the store; `enabled: false` goes without.",
    )
    retry_on_failure: ClickhouseRetryConfig = Field(
        ClickhouseRetryConfig(), description="Trying again with growing pauses."
    )
    data_dir: str = Field(
        "", description="Directory of the embedded ClickHouse; not with `endpoint`."
    )
    endpoint: str = Field(
        "",
        description="URL of a ClickHouse server's HTTP interface, such as `http://localhost:8123`;"
        " not with `data_dir`.",
    )
    username: str = Field("", description="User of the server; empty means its default user.")
    password: Secret = Field(Secret(""), description="Password of the user.")
    database: str = Field("ananta", description="Database of the tables.", min_length=1)
    cluster_name: str = Field(
        "", description="Cluster over which the tables are replicated and sharded."
    )
    tls: TlsClientConfig | None = Field(
        None, description="Certificates for an `https` endpoint; absent means the system's."
    )
    create_schema: bool = Field(
        True, description="Create the database and its tables, and migrate them."
    )
    ttl: Duration = Field(0.0, description="How long spans are kept; 0 keeps them for good.")
    max_size_mib: int = Field(
        0, description="Most MiB the tables may take; the oldest spans go first. 0: no limit.", ge=0
    )
    max_memory_mib: int = Field(
        512, description="Most MiB of memory the embedded ClickHouse may use.", ge=MIN_MEMORY_MIB
    )

    def check(self) -> Iterator[BrokenRule]:
        """There is one place to store, and its settings fit it."""
        yield from super().check()
        if bool(self.data_dir) == bool(self.endpoint):
            yield BrokenRule(
                "data_dir",
                "must be given, or `endpoint`, and not both: `data_dir` stores in this process,"
                " `endpoint` on a server",
            )
        yield from self.check_not_negative("ttl")
        if self.cluster_name and not self.endpoint:
            yield BrokenRule("cluster_name", "needs the `endpoint` of one of the cluster's servers")
        if self.endpoint:
            try:
                parse_server_endpoint(self.endpoint)
            except EndpointProblem as problem:
                yield BrokenRule("endpoint", str(problem))
        for key in sorted(self.tls.model_fields_set - _TLS_SUPPORTED) if self.tls else ():
            yield BrokenRule(f"tls::{key}", f"{key} is not supported here; remove it")


class ClickhouseExporter:
    """Stores batches; once each where they come with a token.

    Attributes:
        reader: answers questions about what is stored; there once started.
    """

    reader: Reader

    def __init__(self, config: ClickhouseConfig, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._engine: Engine | None = None
        self._database: Database | None = None
        self._retention: Retention | None = None
        self._writer: Writer | None = None

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Open the store and bring its schema up to date; raises `StartupError`."""
        config = self._config
        try:
            opener = await asyncio.to_thread(self._opener)
            database = self._database = Database(opener, config.database, config.cluster_name)
            await schema.prepare(database, create=config.create_schema)
        except (StoreError, StartupError) as error:
            await self.shutdown()
            message = f"exporters::{self._settings.id}: {error}"
            raise StartupError(message) from error
        period = period_seconds(config.ttl)
        self._writer = Writer(database, period_seconds=period)
        self._retention = Retention(
            database,
            ttl_seconds=config.ttl,
            max_bytes=config.max_size_mib * MEBIBYTE,
            period_seconds=period,
            log=self._settings.log,
            metrics=self._settings.metrics,
        )
        self._retention.start()
        self.reader = Reader(database)

    def _opener(self) -> Callable[[], Connection]:
        config = self._config
        if config.data_dir:
            self._engine = Engine.open(Path(config.data_dir), config.max_memory_mib)
            return self._engine.connect
        address = self._address()
        return lambda: ServerConnection(address, config.timeout or 300.0)

    def _address(self) -> ServerAddress:
        config = self._config
        address = parse_server_endpoint(config.endpoint)
        return replace(
            address,
            username=config.username or address.username,
            password=config.password.get_secret_value() or address.password,
            tls=_tls_options(config.tls) if config.tls else {},
        )

    async def consume(self, batch: SpanBatch) -> None:
        """Store a batch; raises `RetryableError` or `PermanentError`."""
        await self._started().write(batch)

    async def consume_once(self, batch: SpanBatch, token: str) -> None:
        """Store a batch, unless it is there under this token already."""
        await self._started().write(batch, token)

    def _started(self) -> Writer:
        if self._writer is None:
            message = "the store is not open"
            raise RetryableError(message)
        return self._writer

    async def shutdown(self) -> None:
        """Close the store; legal twice and legal before `start`."""
        self._writer = None
        if self._retention is not None:
            await self._retention.stop()
            self._retention = None
        if self._database is not None:
            await self._database.close()
            self._database = None
        if self._engine is not None:
            await asyncio.to_thread(self._engine.release)
            self._engine = None


def _tls_options(tls: TlsClientConfig) -> dict[str, object]:
    """The section as clickhouse-connect's options."""
    options: dict[str, object] = {
        option: getattr(tls, key) for key, option in _TLS_OPTIONS.items() if getattr(tls, key)
    }
    if tls.insecure_skip_verify:
        options["verify"] = False
    if tls.server_name_override:
        options["server_host_name"] = tls.server_name_override
    return options
