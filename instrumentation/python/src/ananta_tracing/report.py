"""What became of the spans of this process: counts, and one warning an episode, not one a span."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ananta_tracing.delivery import Outcome

logger = logging.getLogger(__name__)


class Statistics(NamedTuple):
    """Spans counted since the process began, or was forked."""

    exported: int
    dropped: Mapping[str, int]
    """reason (queue_full, unreachable, busy, refused, rejected, encoding …) -> spans."""


class DeliveryReport:
    """Counts spans and tells trouble once, until it is over.

    Args:
        destination: what the messages call the other side.
    """

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._lock = threading.RLock()
        self._exported = 0
        self._dropped: Counter[str] = Counter()
        self._in_trouble = False
        self._told: set[str] = set()

    @property
    def statistics(self) -> Statistics:
        """The counts as they are now."""
        with self._lock:
            return Statistics(self._exported, dict(self._dropped))

    def deliver(self, span_count: int, outcome: Outcome) -> None:
        """Count spans of a request that was taken, perhaps not all of them."""
        rejected = min(outcome.rejected_spans, span_count)
        with self._lock:
            self._exported += span_count - rejected
            was_in_trouble, self._in_trouble = self._in_trouble, False
            dropped = sum(self._dropped.values())
        if was_in_trouble:
            logger.warning(
                "Spans reach %s again; %d were dropped so far", self._destination, dropped
            )
        if rejected:
            self.drop(
                rejected, "rejected", f"{self._destination} rejected spans: {outcome.message}"
            )
        elif outcome.message:
            self._tell("partial", "%s says: %s", self._destination, outcome.message)

    def delay(self, message: str) -> None:
        """Note that a request has to wait; told once until spans are taken again."""
        with self._lock:
            was_in_trouble, self._in_trouble = self._in_trouble, True
        if was_in_trouble:
            logger.debug("Spans still wait: %s", message)
        else:
            logger.warning("Spans cannot be delivered now and are kept for a while: %s", message)

    def drop(self, span_count: int, reason: str, message: str) -> None:
        """Count spans that are lost; each reason is told once."""
        with self._lock:
            self._dropped[reason] += span_count
        if message and not (self._in_trouble and reason in ("unreachable", "busy")):
            self._tell(reason, "Spans are dropped (%s): %s", reason, message)

    def conclude(self, left: int) -> None:
        """Tell at the end how many spans were lost, `left` of them because time was up."""
        if left:
            self._dropped["undelivered"] = left
        dropped = {reason: count for reason, count in self._dropped.items() if count}
        if dropped:
            shown = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
            logger.warning("Spans dropped by this process: %s", shown)

    def _tell(self, reason: str, message: str, *arguments: object) -> None:
        with self._lock:
            if reason in self._told:
                return
            self._told.add(reason)
        logger.warning(message, *arguments)
