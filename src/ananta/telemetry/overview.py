"""What the process knows about itself as a whole: for health checks, zpages and the web UI."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ananta import __version__
from ananta.telemetry.operations import Operations

if TYPE_CHECKING:
    from ananta.config.service import CollectorConfig


@dataclass(slots=True)
class Overview:
    """The running configuration; an extension finds it in `Settings.extra["overview"]`.

    Attributes:
        config: what runs.
        operations: what its components have been doing.
        started_at: Unix seconds.
        addresses: where each started component listens, by its path (`receivers::otlp`) and, where
            it has several, by protocol; components that do not listen are not there.
        ready_since: Unix seconds since every component runs; None before, and when stopping.
        version: of this program.
    """

    config: CollectorConfig
    operations: Operations = field(default_factory=Operations)
    started_at: float = field(default_factory=time.time)
    addresses: dict[str, dict[str, str]] = field(default_factory=dict)
    ready_since: float | None = None
    version: str = __version__
