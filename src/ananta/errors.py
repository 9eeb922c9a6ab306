"""Every error a component may raise to its caller.

AnantaError
├── ConfigError          the configuration is wrong; carries every problem found, with its path
├── StartupError         a component cannot start (port taken, directory locked, schema too new)
├── DecodeError          bytes are not what they claim to be; names field and byte offset
└── DeliveryError        a batch was not accepted downstream
    ├── RetryableError   not now: back-pressure; the sender should try again
    └── PermanentError   never: the sender should not try again

Receivers turn a `DeliveryError` into their protocol's code; nothing else may leave `consume`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class AnantaError(Exception):
    """Base of every error this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to change in a configuration.

    Attributes:
        path: where, as keys joined by `::`; "" is the file as a whole.
        message: what is wrong, the value seen, and what to write instead.
        location: the file and line the value came from, where known.
    """

    path: str
    message: str
    location: str = ""

    def __str__(self) -> str:
        place = f" ({self.location})" if self.location else ""
        return f"{self.path}: {self.message}{place}" if self.path else f"{self.message}{place}"


class ConfigError(AnantaError, ValueError):
    """The configuration is wrong. The message has one line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class StartupError(AnantaError):
    """A component cannot start. The message is one line that says what to change."""


class DecodeError(AnantaError, ValueError):
    """A payload cannot be decoded. The message names the field and the byte offset."""


class DeliveryError(AnantaError):
    """A batch was not accepted downstream.

    Attributes:
        grpc_status: the gRPC status number a downstream server answered with, if one did; it is
            passed on to the sender unchanged.
    """

    def __init__(self, message: str, *, grpc_status: int | None = None) -> None:
        super().__init__(message)
        self.grpc_status = grpc_status


class RetryableError(DeliveryError):
    """Not now: a queue is full, memory is short, the peer is unavailable.

    Attributes:
        retry_after_seconds: the delay the downstream server asked for, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        grpc_status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, grpc_status=grpc_status)
        self.retry_after_seconds = retry_after_seconds


class PermanentError(DeliveryError):
    """Never: sending the same batch again cannot succeed."""
