"""One batch to several consumers, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ananta.errors import DeliveryError, PermanentError, RetryableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta.component import SpanSink
    from ananta.model import SpanBatch


class FanOut:
    """Gives each batch to every consumer, also when one of them fails; batches are not copied."""

    def __init__(self, consumers: Sequence[SpanSink]) -> None:
        self._consumers = tuple(consumers)

    async def consume(self, batch: SpanBatch) -> None:
        """Hand the batch on; raises one error for all that failed, permanent if any is."""
        errors: list[DeliveryError] = []
        for consumer in self._consumers:
            try:
                await consumer.consume(batch)
            except DeliveryError as error:
                errors.append(error)
        if errors:
            raise combine_errors(errors)


def fan_out(consumers: Sequence[SpanSink]) -> SpanSink:
    """A sink that feeds them all; a single consumer is its own."""
    return consumers[0] if len(consumers) == 1 else FanOut(consumers)


def combine_errors(errors: Sequence[DeliveryError]) -> DeliveryError:
    """One error that says what all of them say.

    It is permanent if any of them is: trying again would repeat what was refused for good.
    """
    if len(errors) == 1:
        return errors[0]
    message = "; ".join(dict.fromkeys(str(error) for error in errors))
    statuses = {error.grpc_status for error in errors}
    status = statuses.pop() if len(statuses) == 1 else None
    if any(isinstance(error, PermanentError) for error in errors):
        return PermanentError(message, grpc_status=status)
    delays = [e.retry_after_seconds or 0 for e in errors if isinstance(e, RetryableError)]
    return RetryableError(
        message, grpc_status=status, retry_after_seconds=max(delays, default=0) or None
    )
