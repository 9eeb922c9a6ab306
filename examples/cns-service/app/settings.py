"""What the service is told by its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        message = f"the environment variable {name} is needed"
        raise RuntimeError(message)
    return value


@dataclass(frozen=True)
class Settings:
    """One value for each variable, under the variable's own name."""

    DATABASE_URL: str = field(default_factory=lambda: _required("DATABASE_URL"))
    ENRICHMENT_URL: str = field(default_factory=lambda: _required("ENRICHMENT_URL"))
    TENANT_MANAGEMENT_URL: str = field(default_factory=lambda: _required("TENANT_MANAGEMENT_URL"))
    OTEL_EXPORTER_OTLP_ENDPOINT: str | None = field(
        default_factory=lambda: os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    )


settings = Settings()
