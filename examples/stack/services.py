"""The five services: how each is started, what it is told, and how to see that it is there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.needs import EXAMPLES
from stack.process import Program, log_says, url_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from stack.ports import Ports


@dataclass(frozen=True)
class Service:
    """A service: its name is its folder's, and the one it has in traces."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health_url: str | None = None

    def start(self, log: Path, environment: Mapping[str, str]) -> Program:
        """Start it with `environment` laid over its own."""
        told = {"OTEL_SERVICE_NAME": self.name, **self.environment, **environment}
        directory = EXAMPLES / self.name
        return Program(self.name, self.command, log, environment=told, directory=directory)

    def is_ready(self, log: Path) -> Callable[[], bool]:
        """A question: does it answer? A worker has no port; it says so in its log."""
        return url_answers(self.health_url) if self.health_url else log_says(log, "is ready")


def services(
    ports: Ports, database_url: Callable[[str, str], str], *, has_workflows: bool
) -> list[Service]:
    """The services of the example, those first that others ask.

    `database_url(database, scheme)` gives the URL of a database.
    """
    outside, temporal = _url(ports.outside), f"127.0.0.1:{ports.temporal}"
    tenant_management = {
        "DATABASE_URL": database_url("tenants", "postgresql"),
        "REDIS_URL": f"redis://127.0.0.1:{ports.redis}",
    }
    if has_workflows:
        tenant_management["ORCHESTRATOR_URL"] = _url(ports.orchestrator)
    enrichment = {
        "DATABASE_URL": database_url("enrichment", "postgresql+asyncpg"),
        "DISTRIBUTOR_URL": outside,
    }
    cns = {
        "DATABASE_URL": database_url("cns", "postgresql+asyncpg"),
        "ENRICHMENT_URL": _url(ports.enrichment),
        "TENANT_MANAGEMENT_URL": _url(ports.tenant_management),
    }
    worker = {
        "TEMPORAL_ADDRESS": temporal,
        "TENANT_MANAGEMENT_URL": _url(ports.tenant_management),
        "CNS_URL": _url(ports.cns),
        "IDENTITY_URL": f"{outside}/identity",
        "DNS_URL": f"{outside}/dns",
    }
    every = [
        _python("enrichment-service", "enrichment.main:app", ports.enrichment, enrichment),
        _python("cns-service", "app.main:app", ports.cns, cns),
        _node("tenant-management-service", tenant_management, ports.tenant_management),
    ]
    if has_workflows:
        told = {"TEMPORAL_ADDRESS": temporal}
        every.append(_node("orchestrator-service", told, ports.orchestrator))
        every.append(_node("temporal-worker-service", worker))
    return every


def _python(name: str, application: str, port: int, environment: Mapping[str, str]) -> Service:
    command = [sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--no-access-log"]
    return Service(name, tuple(command), environment, f"{_url(port)}/health")


def _node(name: str, environment: Mapping[str, str], port: int | None = None) -> Service:
    command = ("node", "--enable-source-maps", "dist/index.js")
    if port is None:
        return Service(name, command, environment)
    told = {"PORT": str(port), **environment}
    return Service(name, command, told, f"{_url(port)}/health")


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
