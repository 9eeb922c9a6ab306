"""A ClickHouse server or cluster, reached over its HTTP interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from ananta.store.connection import Code, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The oldest release under long-term support when this was written.
MIN_VERSION = (25, 3)
_NATIVE_PROTOCOL_PORTS = {9000, 9440}
_DEFAULT_PORTS = {"http": 8123, "https": 8443}

_SESSION_SETTINGS = {
    "async_insert": 0,
    "optimize_on_insert": 0,
    "insert_distributed_sync": 1,
    # See `embedded`: this cache hides rows.
    "use_query_condition_cache": 0,
}


class EndpointProblem(ValueError):
    """An endpoint is no address of a ClickHouse server; the message says what to write."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is and who asks.

    Attributes:
        interface: `http` or `https`.
        host: name or IP address.
        port: of the server's HTTP interface.
        username: "" for the server's default user.
        password: "" for none.
        database: "" where the endpoint names none.
        tls: options for `https` as clickhouse-connect has them.
    """

    interface: str
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    tls: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.interface}://{self.host}:{self.port}"


def parse_server_endpoint(endpoint: str) -> ServerAddress:
    """Take `http(s)://[user:password@]host[:port][/database]` apart; also `clickhouse://`.

    Raises:
        EndpointProblem: it is no such URL, or names the port of ClickHouse's native protocol.
    """
    try:
        url = urlsplit(endpoint)
        port = url.port
    except ValueError as error:
        message = f'"{endpoint}" is no URL ({error}); write one like http://localhost:8123'
        raise EndpointProblem(message) from error
    if url.scheme not in ("http", "https", "clickhouse") or not url.hostname:
        message = f'"{endpoint}" is no URL of ClickHouse; write one like http://localhost:8123'
        raise EndpointProblem(message)
    query = {key: values[-1] for key, values in parse_qs(url.query).items()}
    interface = url.scheme
    if interface == "clickhouse":
        interface = "https" if query.get("secure") in ("true", "1") else "http"
    if port in _NATIVE_PROTOCOL_PORTS:
        message = (
            f"port {port} is that of ClickHouse's native protocol;"
            f" write its HTTP port, usually {_DEFAULT_PORTS[interface]}"
        )
        raise EndpointProblem(message)
    return ServerAddress(
        interface,
        url.hostname,
        port or _DEFAULT_PORTS[interface],
        unquote(url.username or query.get("username", "")),
        unquote(url.password or query.get("password", "")),
        url.path.strip("/") or query.get("database", ""),
    )


class ServerConnection:
    """A `Connection` to a server."""

    def __init__(self, address: ServerAddress, timeout_seconds: float) -> None:
        import clickhouse_connect
        from clickhouse_connect.driver.exceptions import ClickHouseError

        self._address = address
        self._errors = (ClickHouseError, OSError)
        try:
            self._client = clickhouse_connect.get_client(
                interface=address.interface,
                host=address.host,
                port=address.port,
                username=address.username or "default",
                password=address.password,
                database="",
                connect_timeout=max(1, int(min(timeout_seconds, 10))),
                send_receive_timeout=max(1, int(timeout_seconds)),
                autogenerate_session_id=False,
                settings=dict(_SESSION_SETTINGS),
                query_retries=0,
                **address.tls,
            )
        except self._errors as error:
            raise self._explain(error) from error
        version = str(self._client.server_version)
        if _version_parts(version) < MIN_VERSION:
            oldest = ".".join(map(str, MIN_VERSION))
            message = (
                f"ClickHouse {version} at {address} is too old; update it to {oldest} or newer"
            )
            raise StoreError(message)

    def query(self, sql: str) -> bytes:
        """As `Connection.query`."""
        try:
            return bytes(self._client.raw_query(sql, fmt="Native"))
        except self._errors as error:
            raise self._explain(error) from error

    def execute(self, sql: str) -> None:
        """As `Connection.execute`."""
        try:
            self._client.command(sql)
        except self._errors as error:
            raise self._explain(error) from error

    def insert(self, table: str, block: bytes, settings: Mapping[str, str]) -> None:
        """As `Connection.insert`."""
        try:
            self._client.raw_insert(
                table, insert_block=block, settings=dict(settings), fmt="Native"
            )
        except self._errors as error:
            raise self._explain(error) from error

    def close(self) -> None:
        """As `Connection.close`."""
        self._client.close()

    def _explain(self, error: Exception) -> StoreError:
        found = StoreError.from_engine(error)
        if found.code in (Code.AUTHENTICATION_FAILED, Code.ACCESS_DENIED):
            message = f"{self._address} refused the user: {found}; check username and password"
            return StoreError(message, found.code)
        if found.code == 0:
            return StoreError(f"ClickHouse at {self._address} can't be reached: {found}")
        return found


def _version_parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
