"""gRPC servers and clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ananta.config.model import NULL_MEANS_DEFAULTS, BrokenRule, Config, Duration, Secret
from ananta.config.shared.endpoint import endpoint_problem
from ananta.config.shared.http import ClientAuthConfig, MiddlewareConfig, ServerConfig
from ananta.config.shared.tls import TlsClientConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

GrpcCompression = Literal["", "none", "gzip", "snappy", "zstd"]
DEFAULT_MAX_RECV_MSG_SIZE_MIB = 4
_MAX_MIB = (2**63 - 1) // 2**20


class KeepaliveServerParameters(Config):
    """When the server pings and closes connections."""

    max_connection_idle: Duration = Field(
        0.0, description="Close a connection idle for so long; 0 never does."
    )
    max_connection_age: Duration = Field(
        0.0, description="Close a connection of this age; 0 never does."
    )
    max_connection_age_grace: Duration = Field(
        0.0, description="Time left to running calls after that; 0 means no limit."
    )
    time: Duration = Field(
        0.0, description="Ping a client silent for so long; 0 is gRPC's default of 2 hours."
    )
    timeout: Duration = Field(
        0.0, description="Close when a ping is unanswered for so long; 0 is the default of 20 s."
    )


class KeepaliveEnforcementPolicy(Config):
    """How often clients may ping."""

    min_time: Duration = Field(
        0.0, description="Shortest time between pings; 0 is gRPC's default of 5 minutes."
    )
    permit_without_stream: bool = Field(False, description="Accept pings while no call is running.")


class KeepaliveServerConfig(Config):
    """Keep-alive of a gRPC server."""

    server_parameters: Annotated[KeepaliveServerParameters | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="When the server pings and closes connections."
    )
    enforcement_policy: Annotated[KeepaliveEnforcementPolicy | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="How often clients may ping."
    )


class GrpcServerConfig(ServerConfig):
    """A gRPC server."""

    max_recv_msg_size_mib: int = Field(
        0, description="Largest message in MiB, decompressed; 0 is gRPC's default of 4."
    )
    max_concurrent_streams: int = Field(
        0, description="Calls at once on one connection; 0 means the default.", ge=0
    )
    read_buffer_size: int = Field(512 * 1024, description="Bytes to read from a socket at once.")
    write_buffer_size: int = Field(0, description="Bytes to gather before writing to a socket.")
    keepalive: Annotated[KeepaliveServerConfig | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="Pings and the age of connections."
    )

    def check(self) -> Iterator[BrokenRule]:
        """Sizes are possible."""
        yield from super().check()
        if not 0 <= self.max_recv_msg_size_mib <= _MAX_MIB:
            yield BrokenRule(
                "max_recv_msg_size_mib",
                "invalid max_recv_msg_size_mib value, must be between 1 and"
                f" {_MAX_MIB}: {self.max_recv_msg_size_mib}",
            )
        yield from check_buffer_sizes(self.read_buffer_size, self.write_buffer_size)

    @property
    def max_message_bytes(self) -> int:
        """The message limit in bytes, default applied."""
        return (self.max_recv_msg_size_mib or DEFAULT_MAX_RECV_MSG_SIZE_MIB) * 2**20


class KeepaliveClientConfig(Config):
    """Keep-alive of a gRPC client."""

    time: Duration = Field(10.0, description="Ping a server silent for so long.")
    timeout: Duration = Field(10.0, description="Close when a ping is unanswered for so long.")
    permit_without_stream: bool = Field(False, description="Ping while no call is running.")


class GrpcClientConfig(Config):
    """A gRPC client."""

    endpoint: str = Field(
        "", description="Server, `host:port`; an `https://` before it turns TLS on."
    )
    compression: GrpcCompression = Field("", description="Compression of messages.")
    tls: TlsClientConfig = Field(
        TlsClientConfig(), description="Certificates; `insecure: true` connects without TLS."
    )
    keepalive: Annotated[KeepaliveClientConfig | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="Pings on quiet connections."
    )
    read_buffer_size: int = Field(0, description="Bytes to read at once; 0 is automatic.")
    write_buffer_size: int = Field(0, description="Bytes to gather before writing; 0 is automatic.")
    wait_for_ready: bool = Field(
        False, description="Wait for the connection instead of failing while it is down."
    )
    headers: dict[str, Secret] = Field({}, description="Metadata added to each call.")
    balancer_name: str = Field(
        "round_robin", description="`round_robin` over all addresses of the host, or `pick_first`."
    )
    authority: str = Field("", description="Value of `:authority` instead of the endpoint's host.")
    auth: ClientAuthConfig | None = Field(None, description="Credentials added by an extension.")
    user_agent: str = Field("", description="User agent; empty names this program and version.")
    middlewares: list[MiddlewareConfig] = Field(
        [], description="Extensions each call passes through, in this order."
    )

    def check(self) -> Iterator[BrokenRule]:
        """The endpoint can be dialled; whether it must be given is for the exporter to say."""
        yield from super().check()
        if self.endpoint and (problem := target_problem(self.target)):
            yield BrokenRule("endpoint", problem)
        if self.balancer_name not in ("round_robin", "pick_first"):
            yield BrokenRule(
                "balancer_name",
                f"invalid balancer_name: {self.balancer_name}; write round_robin or pick_first",
            )
        yield from check_buffer_sizes(self.read_buffer_size, self.write_buffer_size)

    @property
    def target(self) -> str:
        """What gRPC dials: the endpoint without `http://` or `https://`."""
        return self.endpoint.removeprefix("http://").removeprefix("https://")

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted: always for `https://`, else unless `insecure`."""
        return self.endpoint.startswith("https://") or not self.tls.insecure


def target_problem(target: str) -> str | None:
    """What is wrong with a gRPC target, or None; `dns:` and `passthrough:` may stand before it."""
    if target.startswith("unix:"):
        return (
            None if target.removeprefix("unix:").strip("/") else "unix socket path cannot be empty"
        )
    for scheme in ("dns:", "passthrough:"):
        if target.startswith(scheme):
            target = target.removeprefix(scheme)
            if target.startswith("//"):  # dns://resolver/host:port
                target = target[2:].partition("/")[2]
    if not target:
        return 'requires a non-empty "endpoint"; write host:port'
    return endpoint_problem(target)


def check_buffer_sizes(read_buffer_size: int, write_buffer_size: int) -> Iterator[BrokenRule]:
    """Yield the buffer sizes that are negative."""
    sizes = {"read_buffer_size": read_buffer_size, "write_buffer_size": write_buffer_size}
    for key, size in sizes.items():
        if size < 0:
            yield BrokenRule(key, f"invalid {key} value: {size}; write 0 or more")
