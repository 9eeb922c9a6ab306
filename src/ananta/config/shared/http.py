"""HTTP servers and clients, and what any server may have: authentication, middlewares, CORS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ananta.config.model import (
    BrokenRule,
    Config,
    Duration,
    RefersTo,
    Secret,
)
from ananta.config.shared.endpoint import endpoint_problem
from ananta.config.shared.tls import TlsClientConfig, TlsServerConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

ServerEncoding = Literal["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed"]
ClientCompression = Literal[
    "", "none", "gzip", "zstd", "snappy", "x-snappy-framed", "zlib", "deflate", "lz4"
]
ALL_SERVER_ENCODINGS: list[ServerEncoding] = [
    "", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed",
]  # fmt: skip
_TRANSPORTS = ("tcp", "tcp4", "tcp6", "unix")


class AuthConfig(Config):
    """Who may connect."""

    authenticator: Annotated[str, RefersTo("authenticator")] = Field(
        description="Id of the extension that authenticates requests."
    )
    request_params: list[str] = Field(
        [], description="Query parameters handed to the authenticator beside the headers."
    )


class ClientAuthConfig(Config):
    """How to introduce oneself to a server."""

    authenticator: Annotated[str, RefersTo("authenticator")] = Field(
        description="Id of the extension that adds credentials to requests."
    )


class MiddlewareConfig(Config):
    """An extension every request passes through."""

    id: Annotated[str, RefersTo("middleware")] = Field(description="Id of the extension.")


class CorsConfig(Config):
    """Which web pages may send from a browser."""

    allowed_origins: list[str] = Field(
        [], description="Origins allowed to send; `*` stands for any text. Empty turns CORS off."
    )
    allowed_headers: list[str] = Field(
        [], description="Request headers allowed beside the safe ones; `*` allows any."
    )
    exposed_headers: list[str] = Field([], description="Response headers a page may read.")
    max_age: int = Field(
        0,
        description="Seconds a browser may remember the answer; 0 leaves it to the browser.",
        ge=0,
    )


class ServerConfig(Config):
    """What HTTP and gRPC servers have in common."""

    endpoint: str = Field("", description="Address to listen on, `host:port`.")
    transport: str = Field("tcp", description=f"One of {', '.join(_TRANSPORTS)}.")
    tls: TlsServerConfig | None = Field(None, description="Certificates; absent means no TLS.")
    auth: AuthConfig | None = Field(None, description="Authentication of requests.")
    include_metadata: bool = Field(
        False, description="Keep request headers with the batch, for processors to read."
    )
    middlewares: list[MiddlewareConfig] = Field(
        [], description="Extensions each request passes through, in this order."
    )

    def check(self) -> Iterator[BrokenRule]:
        """The transport is known and the endpoint fits it."""
        yield from super().check()
        if self.transport not in _TRANSPORTS:
            yield BrokenRule(
                "transport",
                f'invalid transport type "{self.transport}"; write one of {", ".join(_TRANSPORTS)}',
            )
        elif self.transport == "unix":
            if not self.endpoint:
                yield BrokenRule("endpoint", "unix socket path cannot be empty")
        elif self.endpoint and (problem := endpoint_problem(self.endpoint)):
            yield BrokenRule("endpoint", problem)


class HttpServerConfig(ServerConfig):
    """An HTTP server."""

    cors: CorsConfig | None = Field(None, description="Rules for browsers of other origins.")
    max_request_body_size: int = Field(
        20 * 1024 * 1024,
        description="Largest request body in bytes, compressed and decompressed; 0 is the default.",
        ge=0,
    )
    response_headers: dict[str, Secret] = Field({}, description="Headers added to each response.")
    compression_algorithms: list[ServerEncoding] = Field(
        ALL_SERVER_ENCODINGS,
        description='Content encodings accepted; `""` stands for no compression.',
    )
    read_timeout: Duration = Field(
        0.0, description="Longest time to read a request, body included; 0 means no limit."
    )
    read_header_timeout: Duration = Field(
        60.0, description="Longest time to read the headers; 0 means no limit."
    )
    write_timeout: Duration = Field(
        30.0, description="Longest time until the response is written; 0 means no limit."
    )
    idle_timeout: Duration = Field(
        60.0, description="How long an idle connection is kept; 0 means no limit."
    )
    keep_alives_enabled: bool = Field(
        True, description="Let a connection serve more than one request."
    )

    def check(self) -> Iterator[BrokenRule]:
        """No time limit is negative."""
        yield from super().check()
        yield from self.check_not_negative(
            "read_timeout", "read_header_timeout", "write_timeout", "idle_timeout"
        )


class CompressionParamsConfig(Config):
    """How hard to compress."""

    level: int = Field(0, description="Level of the algorithm; 0 is the algorithm's own default.")


class CookiesConfig(Config):
    """Whether cookies of the server are kept."""

    enabled: bool = Field(False, description="Keep the server's cookies and send them back.")


class HttpClientConfig(Config):
    """An HTTP client."""

    endpoint: str = Field("", description="URL to send to.")
    proxy_url: str = Field("", description="Proxy; empty follows HTTP_PROXY and its kin.")
    tls: TlsClientConfig = Field(TlsClientConfig(), description="Certificates for https URLs.")
    read_buffer_size: int = Field(0, description="Bytes to read at once; 0 is automatic.", ge=0)
    write_buffer_size: int = Field(0, description="Bytes to write at once; 0 is automatic.", ge=0)
    timeout: Duration = Field(0.0, description="Time limit of a request; 0 means none.")
    headers: dict[str, Secret] = Field({}, description="Headers added to each request.")
    auth: ClientAuthConfig | None = Field(None, description="Credentials added by an extension.")
    compression: ClientCompression = Field("", description="Compression of request bodies.")
    compression_params: CompressionParamsConfig = Field(
        CompressionParamsConfig(), description="How hard to compress."
    )
    max_idle_conns: int = Field(100, description="Idle connections kept; 0 means no limit.", ge=0)
    max_idle_conns_per_host: int = Field(
        0, description="Idle connections kept to one host; 0 is the default.", ge=0
    )
    max_conns_per_host: int = Field(
        0, description="Connections to one host; 0 means no limit.", ge=0
    )
    idle_conn_timeout: Duration = Field(
        90.0, description="How long an idle connection is kept; 0 means no limit."
    )
    disable_keep_alives: bool = Field(False, description="Open a new connection for each request.")
    http2_read_idle_timeout: Duration = Field(
        0.0, description="Ping an HTTP/2 connection silent for so long; 0 never pings."
    )
    http2_ping_timeout: Duration = Field(
        0.0, description="Close the connection when a ping is unanswered for so long."
    )
    cookies: CookiesConfig = Field(CookiesConfig(), description="Whether cookies are kept.")
    force_attempt_http2: bool = Field(True, description="Try HTTP/2 over TLS first.")
    middlewares: list[MiddlewareConfig] = Field(
        [], description="Extensions each request passes through, in this order."
    )

    def check(self) -> Iterator[BrokenRule]:
        """No time limit is negative, and the endpoint is a URL."""
        yield from super().check()
        yield from self.check_not_negative(
            "timeout", "idle_conn_timeout", "http2_read_idle_timeout", "http2_ping_timeout"
        )
        if self.endpoint and (problem := url_problem(self.endpoint)):
            yield BrokenRule("endpoint", problem)


def url_problem(url: str) -> str | None:
    """What is wrong with an http or https URL, or None."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("http", "https") or not rest.split("/")[0]:
        return f'"{url}" is not a URL; write http://host:port or https://host:port'
    return None
