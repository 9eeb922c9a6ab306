"""Windows of time are cut where a person would cut them."""

from __future__ import annotations

import pytest

from ananta.query.time_steps import time_steps

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 1_700_000_000 * SECOND // DAY * DAY + DAY // 2


@pytest.mark.parametrize(
    ("window", "most", "step"),
    [
        (0, 60, SECOND // 1000),
        (SECOND, 60, SECOND // 50),
        (MINUTE, 60, SECOND),
        (MINUTE, 1, MINUTE),
        (2 * HOUR, 60, 2 * MINUTE),
        (2 * HOUR + 1, 60, 5 * MINUTE),
        (DAY, 60, 30 * MINUTE),
        (2 * DAY, 200, 15 * MINUTE),
        (28 * DAY, 60, 12 * HOUR),
    ],
)
def test_a_step_is_the_shortest_nice_one_that_suffices(window: int, most: int, step: int) -> None:
    assert time_steps(NOON, NOON + window, most).step == step


@pytest.mark.parametrize("most", [1, 2, 7, 60, 200])
@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (NOON, NOON + 1), (NOON - 1, NOON), (NOON + 7, NOON + 3 * DAY), (0, 2**63 - 1)],
)
def test_steps_cover_the_window_and_begin_at_multiples(start: int, end: int, most: int) -> None:
    steps = time_steps(start, end, most)
    assert steps.begin % steps.step == 0
    assert steps.begin <= start < steps.begin + steps.step
    last = steps.begin + (steps.count - 1) * steps.step
    assert last <= end < last + steps.step
    assert steps.count <= most + 1
