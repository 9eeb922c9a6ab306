"""Plays the platform: its past first, as fast as it is taken, then live at a steady rate.

The past is told from its end, so that what a page shows unasked is there first.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ananta.demo.scenarios import SCENARIOS, rebuild_index
from ananta.demo.services import Platform
from ananta.demo.story import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

_SECOND = 1_000_000_000
# Stories of the past a second of it, and how many are told before they are waited for.
_STORIES_PER_SECOND = 0.25
_STORIES_AT_ONCE = 100
# The past ends a little before the present, so that no story of it ends in the future.
_MARGIN_SECONDS = 60
_SLOW_HOUR_SECONDS = 3600
_SLOWNESS = 14.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played.

    Attributes:
        history_seconds: how much of the past.
        rate: stories a second, live.
        duration_seconds: how long it goes on live; None is until it is stopped.
        seed: the same seed tells the same stories.
    """

    history_seconds: float
    rate: float
    duration_seconds: float | None
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Spans that were taken by the server, and that were not."""

    delivered: int
    lost: int


def play(plan: Plan, exporter: SpanExporter, tell: Callable[[str, float], None]) -> Outcome:
    """Play a plan to its end.

    Args:
        plan: what to play.
        exporter: where the spans go.
        tell: called with `past` or `live` and how much of it is done, 0 to 1.
    """
    platform = Platform(exporter, plan.seed)
    chance = random.Random(plan.seed)
    try:
        for share in _past(platform, plan, chance):
            tell("past", share)
        for share in _live(platform, plan, chance):
            tell("live", share)
    finally:
        platform.close()
    return Outcome(platform.delivery.delivered, platform.delivery.lost)


def slow_hour(begin: int, end: int) -> range:
    """The Unix nanoseconds when the database is slow: an hour, or a sixth of a shorter past."""
    length = min(_SLOW_HOUR_SECONDS * _SECOND, (end - begin) // 6)
    first = begin + (end - begin) // 2
    return range(first, first + length)


def _past(platform: Platform, plan: Plan, chance: random.Random) -> Iterator[float]:
    if plan.history_seconds <= _MARGIN_SECONDS:
        return
    end = time.time_ns() - _MARGIN_SECONDS * _SECOND
    begin = end - int(plan.history_seconds * _SECOND)
    slow = slow_hour(begin, end)
    stories = int(plan.history_seconds * _STORIES_PER_SECOND)
    for number in range(stories):
        at = end - (end - begin) * (number + 1) // stories
        _tell_one(platform, chance, at, _SLOWNESS if at in slow else 1.0)
        if number % _STORIES_AT_ONCE == _STORIES_AT_ONCE - 1:
            platform.flush()
            yield (number + 1) / (stories + 1)
    rebuild_index(Story(platform, chance, begin + (end - begin) * 2 // 5))
    platform.flush()
    yield 1.0


def _live(platform: Platform, plan: Plan, chance: random.Random) -> Iterator[float]:
    begun = time.monotonic()
    due = begun
    lasts = plan.duration_seconds
    while lasts is None or due - begun < lasts:
        time.sleep(max(due - time.monotonic(), 0))
        _tell_one(platform, chance, time.time_ns(), 1.0)
        due += chance.expovariate(plan.rate)
        yield 0.0 if lasts is None else min((due - begun) / lasts, 1.0)


def _tell_one(platform: Platform, chance: random.Random, at: int, slowness: float) -> None:
    (scenario,) = chance.choices(list(SCENARIOS), list(SCENARIOS.values()))
    scenario(Story(platform, chance, at, slowness))
