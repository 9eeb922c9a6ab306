"""Running pipelines from the command line: read, warn, run, say when everything is ready."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ananta.cli import STARTED_AT_SECONDS
from ananta.cli.show import show_listening, show_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ananta.config.service import CollectorConfig
    from ananta.config.table import ComponentTable
    from ananta.pipeline.service import Listening


def run(load: Callable[[], CollectorConfig], table: ComponentTable) -> int:
    """Run a configuration until a signal or a fatal error ends it; the exit code.

    Args:
        load: reads the configuration; called again when SIGHUP asks for it.
        table: every component there is.

    Raises:
        ConfigError: the configuration is wrong.
        StartupError: a component can't start.
    """
    began_at_seconds = STARTED_AT_SECONDS

    def load_and_warn() -> CollectorConfig:
        config = load()
        show_warnings(config.warnings)
        return config

    def reload() -> CollectorConfig:
        nonlocal began_at_seconds
        began_at_seconds = time.monotonic()
        return load_and_warn()

    def announce(listening: Sequence[Listening]) -> None:
        show_listening(listening, time.monotonic() - began_at_seconds)

    config = load_and_warn()
    from ananta.pipeline.service import run as run_service  # here: not for a wrong configuration

    return asyncio.run(run_service(config, table=table, announce=announce, reload=reload))
