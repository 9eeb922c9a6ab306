"""What a sender is told when the pipeline does not accept its spans.

The rule is the Collector's: a status that came from further down the line is passed on as it is;
otherwise a permanent error is gRPC's Internal, and anything else is Unavailable, which senders
try again. HTTP statuses follow from the gRPC code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ananta.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from ananta.errors import DeliveryError

INTERNAL = 13
UNAVAILABLE = 14


class Refusal(NamedTuple):
    """An answer to a sender.

    Attributes:
        grpc_status: the gRPC status number.
        message: why, in words.
        retry_after_seconds: when to try again; None leaves it to the sender.
    """

    grpc_status: int
    message: str
    retry_after_seconds: float | None = None


def refusal(error: DeliveryError) -> Refusal:
    """The answer for an error that left `consume`."""
    retry_after = error.retry_after_seconds if isinstance(error, RetryableError) else None
    if error.grpc_status is not None:
        return Refusal(error.grpc_status, str(error), retry_after)
    if isinstance(error, PermanentError):
        return Refusal(INTERNAL, f"Permanent error: {error}")
    return Refusal(UNAVAILABLE, str(error), retry_after)
