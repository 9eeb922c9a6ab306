"""Retry: how long between attempts, when it gives up, what cuts a pause short."""

from __future__ import annotations

import asyncio
import logging

import pytest

from ananta.config.shared import RetryConfig
from ananta.errors import PermanentError, RetryableError
from ananta.pipeline.retry import Backoff, Retry

LOG = logging.getLogger("ananta.test")
FOREVER = RetryConfig.model_validate(
    {"initial_interval": "1h", "max_interval": "1h", "max_elapsed_time": "0s"}
)
AT_ONCE = RetryConfig.model_validate({"initial_interval": "0s", "max_elapsed_time": "0s"})
UNAVAILABLE = RetryableError("peer unavailable", grpc_status=14)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_pauses_grow_by_the_multiplier_up_to_the_longest() -> None:
    backoff = Backoff(RetryConfig(), now=Clock(), uniform=middle)
    pauses = [backoff.pause_after(UNAVAILABLE) for _ in range(7)]
    assert pauses == pytest.approx([5, 7.5, 11.25, 16.875, 25.3125, 30, 30])


def test_a_pause_is_random_within_its_share() -> None:
    def lowest(low: float, high: float) -> float:
        assert (low, high) == (2.5, 7.5)
        return low

    backoff = Backoff(RetryConfig(), now=Clock(), uniform=lowest)
    assert backoff.pause_after(UNAVAILABLE) == 2.5


def test_a_longer_pause_the_server_asked_for_is_honoured() -> None:
    backoff = Backoff(RetryConfig(), now=Clock(), uniform=middle)
    assert backoff.pause_after(RetryableError("busy", retry_after_seconds=60)) == 60
    assert backoff.pause_after(RetryableError("busy", retry_after_seconds=0.1)) == 7.5


def test_it_gives_up_when_the_next_attempt_would_be_too_late() -> None:
    clock = Clock()
    backoff = Backoff(RetryConfig(), now=clock, uniform=middle)
    clock.seconds = 295
    assert backoff.pause_after(UNAVAILABLE) == 5
    clock.seconds = 295.1
    with pytest.raises(RetryableError, match=r"^no more retries left: peer unavailable$") as caught:
        backoff.pause_after(UNAVAILABLE)
    assert caught.value.grpc_status == 14


def test_zero_elapsed_time_never_gives_up() -> None:
    clock = Clock()
    backoff = Backoff(FOREVER, now=clock, uniform=middle)
    clock.seconds = 1e9
    assert backoff.pause_after(UNAVAILABLE) == 3600


class Attempts:
    """Fails with each error in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.made = 0

    async def __call__(self) -> None:
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)


async def test_it_tries_until_it_succeeds_and_tells_of_each_failure() -> None:
    attempts = Attempts(UNAVAILABLE, UNAVAILABLE)
    told: list[RetryableError] = []
    await Retry(AT_ONCE, LOG).run(attempts, told.append)
    assert attempts.made == 3
    assert told == [UNAVAILABLE, UNAVAILABLE]


async def test_a_permanent_failure_ends_it() -> None:
    attempts = Attempts(UNAVAILABLE, PermanentError("bad span", grpc_status=3))
    with pytest.raises(PermanentError, match=r"^not retryable error: bad span$") as caught:
        await Retry(AT_ONCE, LOG).run(attempts)
    assert caught.value.grpc_status == 3
    assert attempts.made == 2


async def test_switched_off_it_passes_the_first_failure_on() -> None:
    attempts = Attempts(UNAVAILABLE)
    config = RetryConfig.model_validate({"enabled": False})
    with pytest.raises(RetryableError, match=r"^peer unavailable$"):
        await Retry(config, LOG).run(attempts)
    assert attempts.made == 1


async def failed(attempts: Attempts, retry: Retry) -> asyncio.Task[None]:
    """A delivery that has failed once and pauses for an hour."""
    pausing = asyncio.Event()
    task = asyncio.create_task(retry.run(attempts, lambda _error: pausing.set()))
    await pausing.wait()
    return task


async def test_a_nudge_ends_the_pause() -> None:
    attempts, retry = Attempts(UNAVAILABLE), Retry(FOREVER, LOG)
    task = await failed(attempts, retry)
    retry.nudge()
    await task
    assert attempts.made == 2


async def test_a_stop_grants_one_last_attempt_to_what_pauses() -> None:
    attempts, retry = Attempts(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE), Retry(FOREVER, LOG)
    task = await failed(attempts, retry)
    retry.stop()
    with pytest.raises(RetryableError, match=r"^interrupted by shutdown: peer unavailable$"):
        await task
    assert attempts.made == 2


async def test_after_a_stop_there_is_one_attempt_only() -> None:
    attempts, retry = Attempts(UNAVAILABLE, UNAVAILABLE), Retry(FOREVER, LOG)
    retry.stop()
    with pytest.raises(RetryableError, match="interrupted by shutdown"):
        await retry.run(attempts)
    assert attempts.made == 1


async def test_a_retry_is_logged_with_reason_and_interval(caplog) -> None:
    with caplog.at_level(logging.INFO, "ananta.test"):
        await Retry(AT_ONCE, LOG).run(Attempts(UNAVAILABLE))
    (record,) = caplog.records
    assert record.message == "Exporting failed. Will retry the request after interval."
    assert record.error == "peer unavailable"
    assert record.interval == "0s"
