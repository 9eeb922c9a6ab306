"""Sums of neighbouring steps, and quantiles of what was summed up."""

from __future__ import annotations

import pytest

from ananta.model.statistics import SpanStatistics
from ananta.query.rates import merge_each


@pytest.mark.parametrize("width", [1, 2, 3, 7, 20])
def test_each_sum_is_of_its_neighbours(width: int) -> None:
    steps = []
    for number in range(20):
        step = SpanStatistics()
        for value in range(number % 4):
            step.add(number + value, 1, value % 2, number, number, number)
        steps.append(step)
    for first, found in enumerate(merge_each(steps, width)):
        expected = SpanStatistics()
        for step in steps[first : first + width]:
            expected.merge(step)
        assert found == expected
    assert len(merge_each(steps, width)) == 21 - width


def test_what_was_summed_up_stays_as_it_was() -> None:
    one, other = SpanStatistics(), SpanStatistics()
    one.add(5, 2, 1, 30, 10, 20)
    other.add(5, 1, 0, 40, 40, 40)
    (total,) = merge_each([one, other], 2)
    assert (total.spans, total.errors, total.total_nanos) == (3, 1, 70)
    assert [total.quantile_nanos(q) for q in (0, 50, 100)] == [10, 25, 40]
    assert (one.spans, other.spans) == (2, 1)
    assert SpanStatistics().quantile_nanos(50) is None
