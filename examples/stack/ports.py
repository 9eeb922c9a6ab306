"""Which loopback port each program of the example listens on."""

from __future__ import annotations

import socket
from dataclasses import dataclass, fields, replace

from stack.process import ExampleError, free_ports


@dataclass(frozen=True)
class Ports:
    """The ports; the platform's are the ones `ananta up` has by itself."""

    query: int = 16686
    otlp_grpc: int = 4317
    otlp_http: int = 4318
    health: int = 13133
    zpages: int = 55679
    metrics: int = 8888
    postgresql: int = 15432
    redis: int = 16379
    temporal: int = 17233
    temporal_ui: int = 18233
    tenant_management: int = 3000
    orchestrator: int = 3001
    cns: int = 3002
    enrichment: int = 3003
    outside: int = 3009

    @classmethod
    def free(cls) -> Ports:
        """Ports that are all free now, for a second example or a test beside another program."""
        names = [field.name for field in fields(cls)]
        return replace(cls(), **dict(zip(names, free_ports(len(names)), strict=True)))

    def check(self) -> None:
        """ExampleError that names every port somebody else has."""
        taken = []
        for field in fields(self):
            port = getattr(self, field.name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    taken.append(f"{port} ({field.name})")
        if taken:
            raise ExampleError(
                f"in use by another program: port {', '.join(taken)}; "
                "end it, or let the example choose its ports: --any-ports"
            )
