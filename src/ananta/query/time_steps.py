"""Cutting a window of time into steps a person would choose, aligned to multiples of them."""

from __future__ import annotations

from dataclasses import dataclass

_MILLISECOND = 10**6
_SECOND = 1000 * _MILLISECOND
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_NICE = (
    *(digit * power * _MILLISECOND for power in (1, 10, 100) for digit in (1, 2, 5)),
    *(number * _SECOND for number in (1, 2, 5, 10, 15, 30)),
    *(number * _MINUTE for number in (1, 2, 5, 10, 15, 30)),
    *(number * _HOUR for number in (1, 2, 3, 6, 12)),
    *(number * _DAY for number in (1, 2, 5, 10, 30, 90)),
)
_YEAR = 365 * _DAY


@dataclass(frozen=True, slots=True)
class TimeSteps:
    """Equal parts of time.

    Attributes:
        begin: when the first begins, Unix nanoseconds, a multiple of `step`.
        step: how long each is, nanoseconds.
        count: how many there are.
    """

    begin: int
    step: int
    count: int


def time_steps(start: int, end: int, most: int) -> TimeSteps:
    """Steps that cover a window, both ends inclusive.

    The step is the shortest nice one of which `most` are as long as the window; one more is needed
    where the window does not begin at a multiple of it.
    """
    shortest = -(-(end - start) // most)
    step = next((nice for nice in _NICE if nice >= shortest), 0)
    if not step:
        step = -(-shortest // _YEAR) * _YEAR
    first = start // step
    return TimeSteps(first * step, step, end // step - first + 1)
