"""Trying a delivery again: how long to wait, when to give up, what ends a wait early.

The rules are the Collector's (`retry_on_failure`): pauses grow by a factor up to a limit, each is
blurred by a random share, a server's own wish for a pause is honoured, and `max_elapsed_time`
ends it. Two things cut a pause short: a flush asks for an attempt now, and a shutdown grants one
last attempt.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from ananta.config.model import format_duration
from ananta.errors import DeliveryError, PermanentError, RetryableError

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable

    from ananta.config.shared import RetryConfig


class Backoff:
    """The pauses of one delivery.

    Args:
        config: the exporter's `retry_on_failure`.
        now: monotonic seconds.
        uniform: `random.uniform`, or a stand-in.
    """

    def __init__(
        self,
        config: RetryConfig,
        now: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._config = config
        self._now = now
        self._uniform = uniform
        self._base_seconds = config.initial_interval
        self._first_attempt = now()

    def pause_after(self, error: RetryableError) -> float:
        """Seconds to wait before the next attempt; raises `RetryableError` to give up."""
        config = self._config
        share = config.randomization_factor
        pause = self._uniform(self._base_seconds * (1 - share), self._base_seconds * (1 + share))
        pause = max(pause, error.retry_after_seconds or 0)
        self._base_seconds = min(self._base_seconds * config.multiplier, config.max_interval)
        deadline = self._first_attempt + config.max_elapsed_time
        if config.max_elapsed_time and self._now() + pause > deadline:
            message = f"no more retries left: {error}"
            raise RetryableError(message, grpc_status=error.grpc_status) from error
        return pause


class Retry:
    """Delivers for one exporter, again and again where its configuration says so.

    Args:
        config: the exporter's `retry_on_failure`.
        log: the exporter's logger.
    """

    def __init__(self, config: RetryConfig, log: logging.Logger) -> None:
        self._config = config
        self._log = log
        self._stopping = False
        self._pauses: set[asyncio.Future[None]] = set()

    async def run(
        self,
        attempt: Callable[[], Awaitable[None]],
        on_failure: Callable[[RetryableError], None] = lambda _error: None,
    ) -> None:
        """Call `attempt` until it succeeds.

        Args:
            attempt: one delivery; may be called many times.
            on_failure: told of each failure that will be tried again.

        Raises:
            PermanentError: an attempt failed for good.
            RetryableError: retrying is off, `max_elapsed_time` has passed, or the last attempt
                before a shutdown failed.
        """
        if not self._config.enabled:
            return await attempt()
        backoff = Backoff(self._config)
        while True:
            stopping = self._stopping
            try:
                return await attempt()
            except PermanentError as error:
                message = f"not retryable error: {error}"
                raise PermanentError(message, grpc_status=error.grpc_status) from error
            except RetryableError as error:
                if stopping:
                    message = f"interrupted by shutdown: {error}"
                    raise RetryableError(message, grpc_status=error.grpc_status) from error
                pause = 0 if self._stopping else backoff.pause_after(error)
                self._tell(error, pause)
                on_failure(error)
            await self._wait(pause)

    def nudge(self) -> None:
        """End every pause now."""
        for pause in self._pauses:
            if not pause.done():
                pause.set_result(None)

    def stop(self) -> None:
        """From now on a failure is final, after one last attempt for what is waiting."""
        self._stopping = True
        self.nudge()

    def _tell(self, error: DeliveryError, pause: float) -> None:
        self._log.info(
            "Exporting failed. Will retry the request after interval.",
            extra={"error": str(error), "interval": format_duration(round(pause, 3))},
        )

    async def _wait(self, seconds: float) -> None:
        pause = asyncio.get_running_loop().create_future()
        self._pauses.add(pause)
        try:
            async with asyncio.timeout(seconds):
                await pause
        except TimeoutError:
            pass
        finally:
            self._pauses.discard(pause)
