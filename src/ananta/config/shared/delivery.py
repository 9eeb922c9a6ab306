"""How an exporter's batches are delivered: queue, retries, time limit.

The pipeline does the work; an exporter's configuration class only inherits `DeliveryConfig`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ananta.config.model import NULL_MEANS_DEFAULTS, BrokenRule, Config, Duration, RefersTo

if TYPE_CHECKING:
    from collections.abc import Iterator

Sizer = Literal["requests", "items", "bytes"]


class RetryConfig(Config):
    """Trying again with growing pauses."""

    enabled: bool = Field(True, description="Try again after a failure that may pass.")
    initial_interval: Duration = Field(5.0, description="First pause.")
    randomization_factor: float = Field(
        0.5, description="Share of a pause that is random; 0 makes pauses exact."
    )
    multiplier: float = Field(1.5, description="Factor from one pause to the next.")
    max_interval: Duration = Field(30.0, description="Longest pause.")
    max_elapsed_time: Duration = Field(
        300.0, description="Give up after so long; 0 never gives up."
    )

    def check(self) -> Iterator[BrokenRule]:
        """Values are possible and in order; checked also where retrying is off."""
        yield from super().check()
        yield from self.check_not_negative(
            "initial_interval", "multiplier", "max_interval", "max_elapsed_time"
        )
        if not 0 <= self.randomization_factor <= 1:
            yield BrokenRule(
                "randomization_factor",
                f"'randomization_factor' must be within [0, 1], got {self.randomization_factor:g}",
            )
        if self.max_elapsed_time > 0:
            for key in ("initial_interval", "max_interval"):
                if self.max_elapsed_time < getattr(self, key):
                    yield BrokenRule(
                        "max_elapsed_time",
                        f"'max_elapsed_time' must not be less than '{key}';"
                        " raise it, or write 0 to never give up",
                    )


def check_metadata_keys(keys: list[str]) -> Iterator[BrokenRule]:
    """Yield each header name that is listed twice, whatever its case."""
    seen: set[str] = set()
    for key in keys:
        if key.lower() in seen:
            yield BrokenRule(
                "metadata_keys", f'duplicate entry in metadata_keys: "{key}" (case-insensitive)'
            )
        seen.add(key.lower())


class QueuePartitionConfig(Config):
    """What may not be batched together."""

    metadata_keys: list[str] = Field(
        [], description="Request headers: each combination of values gets batches of its own."
    )

    def check(self) -> Iterator[BrokenRule]:
        """No header is named twice."""
        yield from super().check()
        yield from check_metadata_keys(self.metadata_keys)


class QueueBatchConfig(Config):
    """Gathering queued spans into larger deliveries."""

    flush_timeout: Duration = Field(0.2, description="Longest time a span waits for company.")
    min_size: int = Field(8192, description="Deliver as soon as this much has gathered.", ge=0)
    max_size: int = Field(0, description="Largest delivery; 0 means no splitting.", ge=0)
    sizer: Sizer | None = Field(
        None, description="What sizes count, `items` or `bytes`; absent follows the queue's."
    )
    partition: QueuePartitionConfig = Field(
        QueuePartitionConfig(), description="What may not be batched together."
    )

    def check(self) -> Iterator[BrokenRule]:
        """Sizes are in order."""
        yield from super().check()
        if self.flush_timeout <= 0:
            yield BrokenRule("flush_timeout", "`flush_timeout` must be positive")
        if self.sizer == "requests":
            yield BrokenRule("sizer", "`batch` supports only `items` or `bytes` sizer")
        if 0 < self.max_size < self.min_size:
            yield BrokenRule(
                "max_size",
                f"`max_size` ({self.max_size}) must be greater or equal to"
                f" `min_size` ({self.min_size})",
            )


class QueueConfig(Config):
    """The queue between the pipeline and the exporter."""

    num_consumers: int = Field(10, description="Deliveries at once.")
    queue_size: int = Field(1000, description="Most the queue holds, in units of `sizer`.")
    sizer: Sizer = Field("requests", description="What sizes count: requests, spans or bytes.")
    block_on_overflow: bool = Field(
        False, description="Let senders wait while the queue is full instead of refusing them."
    )
    wait_for_result: bool = Field(
        False, description="Answer senders only after delivery, with its result."
    )
    storage: Annotated[str, RefersTo("storage")] | None = Field(
        None, description="Id of the storage extension that keeps the queue on disk."
    )
    batch: Annotated[QueueBatchConfig | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="Gather queued spans into larger deliveries."
    )

    def check(self) -> Iterator[BrokenRule]:
        """Sizes are positive, and the batch fits into the queue."""
        yield from super().check()
        for key in ("num_consumers", "queue_size"):
            if getattr(self, key) <= 0:
                yield BrokenRule(key, f"`{key}` must be positive, got {getattr(self, key)}")
        if self.wait_for_result and self.storage:
            yield BrokenRule(
                "wait_for_result",
                "`wait_for_result` is not supported with a persistent queue configured with"
                " `storage`; remove one of them",
            )
        if self.batch is None:
            return
        if self.batch_sizer == "requests" and self.batch.sizer is None:
            yield BrokenRule(
                "batch",
                "`batch` supports only `items` or `bytes` sizer;"
                " set the queue's sizer, or batch::sizer, to one of them",
            )
        if self.batch_sizer == self.sizer and self.batch.min_size > self.queue_size:
            yield BrokenRule(
                "batch",
                "`min_size` must be less than or equal to `queue_size`,"
                f" got {self.batch.min_size} and {self.queue_size}",
            )

    @property
    def batch_sizer(self) -> Sizer:
        """What the batch counts in: its own sizer, else the queue's if written, else spans."""
        if self.batch is not None and self.batch.sizer is not None:
            return self.batch.sizer
        return self.sizer if "sizer" in self.model_fields_set else "items"


class DeliveryConfig(Config):
    """What every exporter that sends somewhere has; base of its configuration class."""

    timeout: Duration = Field(5.0, description="Time limit of one attempt; 0 means none.")
    retry_on_failure: RetryConfig = Field(
        RetryConfig(), description="Trying again with growing pauses."
    )
    sending_queue: QueueConfig | None = Field(
        QueueConfig(), description="Queue before the exporter; `enabled: false` goes without."
    )

    def check(self) -> Iterator[BrokenRule]:
        """The time limit is not negative."""
        yield from super().check()
        yield from self.check_not_negative("timeout")
