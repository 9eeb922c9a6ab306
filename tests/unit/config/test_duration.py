from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ananta.config.duration import format_duration, parse_duration
from ananta.config.model import Config, Duration


class Timed(Config):
    timeout: Duration = 0.2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h2m3.5s", 3723.5),
        ("200ms", 0.2),
        ("0", 0.0),
        ("-0", 0.0),
        ("+5s", 5.0),
        ("-1.5h", -5400.0),
        ("1us", 1e-6),
        ("1µs", 1e-6),
        ("1μs", 1e-6),
        ("7ns", 7e-9),
        (".5s", 0.5),
        ("1.s", 1.0),
    ],
)
def test_go_duration_text_is_read_as_seconds(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "5 s", "s", "1h 2m", "5sec", "1e3s", "--1s", "300000h9999999h"]
)
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.2, "200ms"),
        (3.5, "3.5s"),
        (60.0, "1m0s"),
        (3600.0, "1h0m0s"),
        (-5400.0, "-1h30m0s"),
        (1.5e-6, "1.5µs"),
        (7e-9, "7ns"),
    ],
)
def test_seconds_are_written_as_go_prints_them(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(-(10**14), 10**14))
def test_what_is_written_reads_back(microseconds):
    seconds = microseconds / 1e6
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-9)


def test_a_bare_integer_is_nanoseconds():
    assert Timed(timeout=1_500_000_000).timeout == 1.5


@pytest.mark.parametrize("value", [True, 1.5, None, "soon", [1]])
def test_a_field_refuses_what_is_no_duration(value):
    if value is None:
        assert Timed(timeout=value).timeout == 0.2
        return
    with pytest.raises(ValueError, match="such as 200ms, 5s or 1h30m"):
        Timed(timeout=value)
