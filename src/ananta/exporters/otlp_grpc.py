"""Exporter `otlp_grpc` (alias `otlp`): sends batches by OTLP over gRPC.

`consume` is one attempt: the pipeline adds queue and retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ananta._native import OtlpGrpcClient
from ananta.config.model import BrokenRule, Duration
from ananta.config.shared import DeliveryConfig, GrpcClientConfig
from ananta.config.shared.grpc import GrpcCompression  # noqa: TC001 # pydantic reads it
from ananta.exporters.otlp_delivery import USER_AGENT, OtlpExporter, grpc_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta._native import GrpcClientOptions
    from ananta.component import Settings

KEEPALIVE_TIMEOUT_SECONDS = 20.0


class OtlpGrpcConfig(DeliveryConfig, GrpcClientConfig):
    """Exporter `otlp_grpc`."""

    timeout: Duration = Field(5.0, description="Time limit of one attempt; 0 means none.")
    compression: GrpcCompression = Field("gzip", description="Compression of messages.")
    write_buffer_size: int = Field(
        512 * 1024, description="Accepted; writes are gathered automatically."
    )

    def check(self) -> Iterator[BrokenRule]:
        """There is somewhere to send to."""
        yield from super().check()
        if not self.target:
            yield BrokenRule("endpoint", 'requires a non-empty "endpoint"; write host:port')


class OtlpGrpcExporter(OtlpExporter):
    """Delivers each batch in one `TraceService/Export` call."""

    def __init__(self, config: OtlpGrpcConfig, settings: Settings) -> None:
        super().__init__(
            settings,
            config.timeout,
            lambda: OtlpGrpcClient(client_options(config)),
            grpc_error,
        )


def client_options(config: OtlpGrpcConfig) -> GrpcClientOptions:
    """What the native client needs to know, defaults applied."""
    keepalive = config.keepalive
    return {
        "target": _dialled(config.target),
        "tls": config.tls if config.uses_tls else None,
        "compression": config.compression if config.compression not in ("", "none") else None,
        "headers": [(name, value.get_secret_value()) for name, value in config.headers.items()],
        "authority": config.authority,
        "user_agent": config.user_agent or USER_AGENT,
        "round_robin": config.balancer_name == "round_robin",
        "wait_for_ready": config.wait_for_ready,
        "keepalive_time_seconds": keepalive.time if keepalive else None,
        "keepalive_timeout_seconds": keepalive.timeout if keepalive else KEEPALIVE_TIMEOUT_SECONDS,
        "keepalive_without_calls": keepalive.permit_without_stream if keepalive else False,
    }


def _dialled(target: str) -> str:
    """The target without the name of a resolver: `dns:///collector:4317` is `collector:4317`."""
    for scheme in ("dns:", "passthrough:"):
        if target.startswith(scheme):
            target = target.removeprefix(scheme)
            if target.startswith("//"):
                target = target.removeprefix("//").partition("/")[2]
    return target
