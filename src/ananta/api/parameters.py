"""The parameters of Jaeger's v1 API and ours: text of a URL to values, with Jaeger's messages.

A parameter that is absent or empty has its default; of one given several times the first counts,
unless it may be repeated. Whatever does not read raises `ParameterError`, which names the
parameter, the value seen and what to write instead.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import TYPE_CHECKING

from ananta.config.duration import parse_duration
from ananta.model.filter import KINDS
from ananta.query import InvalidQueryError, TraceQuery, parse_filter
from ananta.query.rates import RateQuery
from ananta.query.services import MAX_STEPS, usual_step_micros

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

DEFAULT_LIMIT = 100
DEFAULT_SEARCH_NANOS = 48 * 3_600 * 10**9
MAX_POINTS = 5_000
DEFAULT_WINDOW_NANOS = 3_600 * 10**9
DEFAULT_DEPENDENCIES_NANOS = 24 * 3_600 * 10**9
_MICROSECOND = 1_000
_MILLISECOND = 1_000_000
_MAX_INT64 = 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")
_SPAN_ID = re.compile(r"[0-9a-fA-F]{1,16}")
_MAX_BASE64_LENGTH = 24
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


class ParameterError(ValueError):
    """A parameter can't be read, or the values don't go together."""


def first(parameters: QueryParams, name: str) -> str:
    """The first value of a parameter; empty when it is absent."""
    values = parameters.getlist(name)
    return values[0] if values else ""


def search(parameters: QueryParams) -> TraceQuery:
    """What `GET /api/traces` asks for; raises `ParameterError`."""
    now = time.time_ns()
    start = _time(parameters, "start", _MICROSECOND, default=now - DEFAULT_SEARCH_NANOS)
    end = _time(parameters, "end", _MICROSECOND, default=now)
    tags = _tags(parameters.getlist("tag"), parameters.getlist("tags"))
    limit = _integer(parameters, "limit", "number of traces")
    try:
        return TraceQuery(
            service=first(parameters, "service"),
            operation=first(parameters, "operation"),
            tags=tags,
            start_time_min_unix_nano=start,
            start_time_max_unix_nano=end,
            duration_min_nanos=_duration(parameters, "minDuration"),
            duration_max_nanos=_duration(parameters, "maxDuration"),
            limit=DEFAULT_LIMIT if limit is None else limit,
            where=parse_filter(first(parameters, "q")),
        )
    except InvalidQueryError as error:
        raise ParameterError(str(error)) from None


def trace_ids(parameters: QueryParams) -> list[bytes]:
    """Every `traceID`, in order, each once; raises `ParameterError`."""
    try:
        return list(dict.fromkeys(trace_id(text) for text in parameters.getlist("traceID")))
    except ParameterError as error:
        message = f"cannot parse traceID param: {error}"
        raise ParameterError(message) from None


def trace_id(text: str) -> bytes:
    """The 16 bytes of a trace id: up to 32 hexadecimal digits, or base64 of 8 or 16 bytes."""
    if _TRACE_ID.fullmatch(text):
        return int(text, 16).to_bytes(16, "big")
    if 0 < len(text) <= _MAX_BASE64_LENGTH:
        standard = text.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            decoded = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except binascii.Error:
            decoded = b""
        if len(decoded) in (8, 16):
            return decoded.rjust(16, b"\0")
    if len(text) > 32:
        message = f"TraceID cannot be longer than 32 hex characters: {text}"
    else:
        message = f'"{text}" is not a trace id; write up to 32 hexadecimal digits'
    raise ParameterError(message)


def span_id(parameters: QueryParams, name: str) -> bytes | None:
    """The 8 bytes of a span id of up to 16 hexadecimal digits; None where it is absent."""
    text = first(parameters, name)
    if not text:
        return None
    if not _SPAN_ID.fullmatch(text):
        message = f"parameter '{name}': \"{text}\" is not a span id; write 16 hexadecimal digits"
        raise ParameterError(message)
    return int(text, 16).to_bytes(8, "big")


def check_time_hints(parameters: QueryParams) -> None:
    """Check `start` and `end` beside a trace id; raises `ParameterError`.

    They are hints where to look, which the store does not need: a trace is found whether they are
    right or, as Grafana sends them, milliseconds where microseconds belong.
    """
    for name in ("start", "end"):
        _time(parameters, name, _MICROSECOND, default=0)


def dependencies_window(parameters: QueryParams) -> tuple[int, int]:
    """First and last Unix nanosecond of `endTs` and `lookback`; raises `ParameterError`."""
    end = _time(parameters, "endTs", _MILLISECOND, default=time.time_ns())
    lookback = _integer(parameters, "lookback", "number of milliseconds")
    nanos = DEFAULT_DEPENDENCIES_NANOS if lookback is None else lookback * _MILLISECOND
    return max(end - nanos, 0), end


def window(parameters: QueryParams) -> tuple[int, int]:
    """First and last Unix nanosecond of `start` and `end`; raises `ParameterError`.

    Unless said, the end is now and the start an hour before the end.
    """
    end = _time(parameters, "end", _MICROSECOND, default=time.time_ns())
    start = _time(parameters, "start", _MICROSECOND, default=max(end - DEFAULT_WINDOW_NANOS, 0))
    if start > end:
        message = (
            f"parameter 'start' is {start // _MICROSECOND}, after 'end', {end // _MICROSECOND};"
            " write microseconds since 1970, the earlier one as 'start'"
        )
        raise ParameterError(message)
    return start, end


def step(parameters: QueryParams, start: int, end: int) -> int:
    """The microseconds of `step` for a window of Unix nanoseconds; raises `ParameterError`."""
    usual = usual_step_micros(start, end)
    micros = _integer(parameters, "step", "number of microseconds")
    if micros is None:
        return usual
    least = max(-(-(end - start) // (MAX_STEPS * _MICROSECOND)), 1)
    if micros < least:
        message = (
            f"parameter 'step' is {micros} microseconds; from 'start' to 'end' there may be"
            f" {MAX_STEPS} steps at most, so write {least} or more, such as {usual}"
        )
        raise ParameterError(message)
    return micros


def kind(parameters: QueryParams) -> str:
    """The `kind` of spans, one of `KINDS`; empty is all; raises `ParameterError`."""
    text = first(parameters, "kind")
    if text and text not in KINDS:
        message = (
            f"unable to parse param 'kind': \"{text}\" is no kind of span;"
            f" write one of {', '.join(KINDS)}"
        )
        raise ParameterError(message)
    return text


def rates(parameters: QueryParams) -> RateQuery:
    """What Jaeger's metrics routes ask for, times in milliseconds; raises `ParameterError`."""
    services = [name for name in dict.fromkeys(parameters.getlist("service")) if name]
    if not services:
        message = "parameter 'service' is required; write the name of a service"
        raise ParameterError(message)
    end = _time(parameters, "endTs", _MILLISECOND, default=time.time_ns())
    lookback = _positive(parameters, "lookback", 3_600_000) * _MILLISECOND
    step = _positive(parameters, "step", 5_000) * _MILLISECOND
    steps = -(-_positive(parameters, "ratePer", 600_000) * _MILLISECOND // step)
    if lookback // step + steps > MAX_POINTS:
        message = (
            f"parameter 'step' is {step // _MILLISECOND} milliseconds, of which 'lookback' and"
            f" 'ratePer' have more than {MAX_POINTS}; write a longer step"
        )
        raise ParameterError(message)
    start = end - lookback
    if start < steps * step:
        message = "'endTs' less 'lookback' and 'ratePer' is before 1970; write a later 'endTs'"
        raise ParameterError(message)
    return RateQuery(
        services=services,
        kinds=_kinds(parameters),
        by_operation=boolean(parameters, "groupByOperation"),
        start=start,
        count=lookback // step + 1,
        step_nanos=step,
        steps=steps,
    )


def quantile(parameters: QueryParams) -> int:
    """The `quantile` between 0 and 1, in hundredths; raises `ParameterError`."""
    text = first(parameters, "quantile")
    if not re.fullmatch(r"0?\.[0-9]{1,2}0*|[01](\.0*)?", text):
        message = (
            f"unable to parse param 'quantile': \"{text}\" is no number of hundredths"
            " from 0 to 1; write 0.95, for example"
        )
        raise ParameterError(message)
    return round(float(text) * 100)


def _kinds(parameters: QueryParams) -> list[str]:
    kinds = [text for text in dict.fromkeys(parameters.getlist("spanKind")) if text]
    for text in kinds:
        if text not in KINDS:
            message = (
                f"unable to parse param 'spanKind': \"{text}\" is no kind of span;"
                f" write one of {', '.join(KINDS)}"
            )
            raise ParameterError(message)
    return kinds or ["server"]


def _positive(parameters: QueryParams, name: str, default: int) -> int:
    number = _integer(parameters, name, "number of milliseconds")
    if number is not None and number <= 0:
        message = f"parameter '{name}' is {number}; write 1 millisecond or more"
        raise ParameterError(message)
    return default if number is None else number


def boolean(parameters: QueryParams, name: str) -> bool:
    """A yes or no; absent is no; raises `ParameterError`."""
    text = first(parameters, name)
    if text in _TRUE:
        return True
    if text == "" or text in _FALSE:
        return False
    message = f"unable to parse param '{name}': \"{text}\" is neither true nor false"
    raise ParameterError(message)


def pretty(parameters: QueryParams) -> bool:
    """Whether the answer is to be indented: `prettyPrint` with any value but `false`."""
    return first(parameters, "prettyPrint") not in ("", "false")


def _time(parameters: QueryParams, name: str, unit_nanos: int, *, default: int) -> int:
    unit = "microseconds" if unit_nanos == _MICROSECOND else "milliseconds"
    number = _integer(parameters, name, f"number of {unit} since 1970")
    return default if number is None else min(max(number * unit_nanos, 0), _MAX_INT64)


def _integer(parameters: QueryParams, name: str, meaning: str) -> int | None:
    text = first(parameters, name)
    if not text:
        return None
    if not _INTEGER.fullmatch(text) or abs(int(text)) > _MAX_INT64:
        message = f"unable to parse param '{name}': \"{text}\" is not a whole {meaning}"
        raise ParameterError(message)
    return int(text)


def _duration(parameters: QueryParams, name: str) -> int:
    text = first(parameters, name)
    if not text:
        return 0
    try:
        return round(parse_duration(text) * 1e9)
    except ValueError:
        message = (
            f"unable to parse param '{name}': \"{text}\" is not a duration;"
            " write numbers with units, such as 1.5s, 200ms or 1m30s"
        )
        raise ParameterError(message) from None


def _tags(pairs: list[str], objects: list[str]) -> dict[str, str]:
    """`tag=key:value` and `tags={"key":"value"}`; the objects override the pairs."""
    tags = {}
    for pair in pairs:
        key, colon, value = pair.partition(":")
        if not colon:
            message = f"malformed 'tag' parameter, expecting key:value, received: {pair}"
            raise ParameterError(message)
        tags[key] = value
    for text in objects:
        tags |= _tags_object(text)
    return tags


def _tags_object(text: str) -> dict[str, str]:
    problem = "malformed 'tags' parameter, cannot unmarshal JSON"
    if not text:
        return {}
    try:
        tags = json.loads(text)
    except ValueError as error:
        message = f"{problem}: {error}"
        raise ParameterError(message) from None
    if tags is None:
        return {}
    if not isinstance(tags, dict):
        message = f'{problem}: {text} is not an object; write {{"key":"value"}}'
        raise ParameterError(message)
    for key, value in tags.items():
        if not isinstance(value, str):
            written = json.dumps(value)
            message = f'{problem}: the value of "{key}" is {written}; write it as a string'
            raise ParameterError(message)
    return tags
