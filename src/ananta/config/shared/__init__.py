"""Settings that many components share, under the Collector's keys, defaults and error texts.

- `tls`: certificates, for servers and for clients
- `http`, `grpc`: what listens and what connects
- `delivery`: the sending queue, retries and timeout of an exporter
- `endpoint`: taking `host:port` apart
"""

from ananta.config.shared.delivery import DeliveryConfig, QueueBatchConfig, QueueConfig, RetryConfig
from ananta.config.shared.endpoint import (
    Address,
    EndpointError,
    parse_endpoint,
)
from ananta.config.shared.grpc import (
    GrpcClientConfig,
    GrpcServerConfig,
    KeepaliveClientConfig,
    KeepaliveServerConfig,
)
from ananta.config.shared.http import (
    AuthConfig,
    CorsConfig,
    HttpClientConfig,
    HttpServerConfig,
    MiddlewareConfig,
)
from ananta.config.shared.tls import TlsClientConfig, TlsServerConfig

__all__ = [
    "Address",
    "AuthConfig",
    "CorsConfig",
    "DeliveryConfig",
    "EndpointError",
    "GrpcClientConfig",
    "GrpcServerConfig",
    "HttpClientConfig",
    "HttpServerConfig",
    "KeepaliveClientConfig",
    "KeepaliveServerConfig",
    "MiddlewareConfig",
    "QueueBatchConfig",
    "QueueConfig",
    "RetryConfig",
    "TlsClientConfig",
    "TlsServerConfig",
    "parse_endpoint",
]
