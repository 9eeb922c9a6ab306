"""The contract between a component and the pipeline that runs it.

A component is a class with a configuration model. Its life:

1. **construct** `Class(config, settings[, next_sink])`: no I/O, no tasks, no threads;
2. **start** `await start(host)`: opens what it needs and returns fast; raises `StartupError` with
   one line that names the setting to change. Exporters start first, receivers last;
3. **consume** (processors and exporters): `await consume(batch)`, called one batch at a time or
   several at once. A batch is immutable: to change it is to make another. Returning means the
   batch has been accepted; raising `RetryableError` or `PermanentError` means it has not;
4. **shutdown** `await shutdown()`: flushes what it holds and frees what it opened. Legal twice,
   and legal on a component that never started. Receivers stop first, exporters last.

Receivers and processors are given the sink that comes next; fan-out, queues and retries are the
pipeline's work, never a component's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import logging

    from ananta.model import SpanBatch
    from ananta.telemetry.metrics import Metrics


class Kind(enum.StrEnum):
    """What a component does; the value is its section's name in a configuration file."""

    RECEIVER = "receivers"
    PROCESSOR = "processors"
    EXPORTER = "exporters"
    CONNECTOR = "connectors"
    EXTENSION = "extensions"


class Stability(enum.StrEnum):
    """How much of a component's behaviour may still change."""

    STABLE = "stable"
    BETA = "beta"
    ALPHA = "alpha"
    DEPRECATED = "deprecated"


class Host(Protocol):
    """What a running component may ask of the process it runs in."""

    def extension(self, component_id: str) -> Any:
        """The started extension with this id; raises `StartupError` when there is none."""

    def exporter(self, component_id: str) -> Any:
        """The exporter with this id; raises `StartupError` when there is none."""

    async def flush(self, exporter_id: str) -> None:
        """Return once every batch accepted for this exporter before the call is delivered."""

    def report_fatal(self, component_id: str, error: BaseException) -> None:
        """Stop the process with this error: the component can't go on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the program, not the user, hands to a component.

    Attributes:
        id: full component id, `type` or `type/name`.
        log: a logger that already carries the component id.
        metrics: the process's own metrics (see `ananta.telemetry.metrics`).
    """

    id: str
    log: logging.Logger
    metrics: Metrics
    extra: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Component(Protocol):
    """Anything with a life cycle."""

    async def start(self, host: Host) -> None:
        """Open what is needed; returns fast; may raise `StartupError`."""

    async def shutdown(self) -> None:
        """Flush and free; legal twice and legal before `start`."""


@runtime_checkable
class SpanSink(Protocol):
    """Anything that takes batches."""

    async def consume(self, batch: SpanBatch) -> None:
        """Accept the batch, or raise `RetryableError` or `PermanentError`."""


@runtime_checkable
class IdempotentSink(Protocol):
    """An exporter that stores a block once however often it is sent under one token."""

    async def consume_once(self, batch: SpanBatch, token: str) -> None:
        """As `consume`; a repeat with the same token and the same spans stores nothing."""
