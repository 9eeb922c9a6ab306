"""Single values of a URL."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from ananta.api import parameters
from ananta.api.parameters import ParameterError


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("", 0),
        ("0", 0),
        ("1ns", 1),
        ("1.2s", 1_200_000_000),
        ("1m30s", 90_000_000_000),
        ("100µs", 100_000),
        ("100us", 100_000),
        (".5ms", 500_000),
        ("1h", 3_600_000_000_000),
    ],
)
def test_durations_are_written_as_go_writes_them(text: str, nanos: int) -> None:
    assert parameters.search(QueryParams({"minDuration": text})).duration_min_nanos == nanos


@pytest.mark.parametrize("text", ["1", "1d", "s", "1s2", "1 s", "--1s", "1e3s", "é"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="minDuration"):
        parameters.search(QueryParams({"minDuration": text}))


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_yes(text: str) -> None:
    assert parameters.boolean(QueryParams({"raw": text}), "raw") is True


@pytest.mark.parametrize("text", ["", "0", "f", "F", "FALSE", "false", "False"])
def test_no(text: str) -> None:
    assert parameters.boolean(QueryParams({"raw": text}), "raw") is False


@pytest.mark.parametrize("text", ["1_000", " 1", "\u0661", "0x10", "1e3", "+-1", "9" * 30])
def test_what_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="limit"):
        parameters.search(QueryParams({"limit": text}))


def test_times_before_1970_mean_1970() -> None:
    query = parameters.search(QueryParams({"start": "-5", "end": "+7"}))
    assert (query.start_time_min_unix_nano, query.start_time_max_unix_nano) == (0, 7000)
