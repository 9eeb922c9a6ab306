"""Durations as the Collector writes them: `200ms`, `1h2m3.5s`, `0`; a bare integer is nanoseconds.

A duration is held as float seconds; configuration keys keep the Collector's names (`timeout`), so
this type is where the unit is written down.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek letter mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_MAX_NANOSECONDS = 2**63 - 1


def parse_duration(text: str) -> float:
    """Return the seconds a Go duration string stands for.

    Args:
        text: an optional sign, then numbers each with a unit (ns us µs ms s m h), or a bare `0`.

    Raises:
        ValueError: the text is no duration, or it is longer than 292 years (64-bit nanoseconds).
    """
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if body == "0":
        return 0.0
    parts = list(_PART.finditer(body))
    if not parts or "".join(part.group() for part in parts) != body:
        message = f"{text!r} is not a duration"
        raise ValueError(message)
    nanoseconds = sum(float(part[1]) * _NANOSECONDS[part[2]] for part in parts)
    if nanoseconds > _MAX_NANOSECONDS:
        message = f"{text!r} is longer than a duration can be"
        raise ValueError(message)
    return sign * nanoseconds / 1e9


def format_duration(seconds: float) -> str:
    """Write seconds the way Go prints a duration: `1h0m0s`, `3.5s`, `200ms`, `0s`."""
    nanoseconds = round(abs(seconds) * 1e9)
    sign = "-" if seconds < 0 and nanoseconds else ""
    for unit, scale in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if 0 < nanoseconds < scale * 1_000:
            return f"{sign}{_decimal(nanoseconds, scale)}{unit}"
    minutes, rest = divmod(nanoseconds, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, _NANOSECONDS['s'])}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(amount: int, scale: int) -> str:
    whole, fraction = divmod(amount, scale)
    if not fraction:
        return str(whole)
    digits = len(str(scale)) - 1
    return f"{whole}.{fraction:0{digits}d}".rstrip("0")


def _to_seconds(value: object) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        return value / 1e9
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            pass
    code = "duration"
    raise PydanticCustomError(code, "expected a duration such as 200ms, 5s or 1h30m")


Duration = Annotated[
    float,
    BeforeValidator(_to_seconds, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
]
"""Seconds, read from a Go duration string; written back as one."""
