"""The names of samplers and the numbers of ratios, as people write them."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ananta_tracing.variables import Reader

RATIO_SAMPLERS = frozenset({"traceidratio", "parentbased_traceidratio"})
PLAIN_SAMPLERS = frozenset(
    {"always_on", "always_off", "parentbased_always_on", "parentbased_always_off"}
)
XRAY_SAMPLERS = frozenset({"xray", "parentbased_xray"})
SAMPLERS = RATIO_SAMPLERS | PLAIN_SAMPLERS | XRAY_SAMPLERS
_VARIABLE = "OTEL_TRACES_SAMPLER"
_ARGUMENT_VARIABLE = "OTEL_TRACES_SAMPLER_ARG"
_RATIO = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:e-?\d+)?\s*(%?)", re.IGNORECASE)


class SamplerChoice(NamedTuple):
    """A sampler by name, with its argument in the form the specification gives it."""

    name: str
    argument: str = ""

    def __str__(self) -> str:
        """As it is shown: `parentbased_traceidratio 0.1`."""
        return f"{self.name} {self.argument}".strip()

    @property
    def ratio(self) -> float:
        """The share of traces a ratio sampler keeps."""
        return float(self.argument)


def read_sampler(reader: Reader) -> SamplerChoice:
    """The sampler that arguments, variables, preset or default name."""

    def by_name(origin: str, text: str) -> SamplerChoice:
        return _by_name(reader, origin, text)

    ratio = reader.argument("sampling_ratio")
    if ratio is not None and reader.argument("sampler") is None:
        origin = "argument sampling_ratio"
        try:
            choice = SamplerChoice("parentbased_traceidratio", parse_ratio(reader, origin, ratio))
        except ValueError as error:
            reader.problem(origin, f"{error}; it is as if it were not given")
        else:
            over, _ = reader.variable(_VARIABLE)
            reader.origins["sampler"] = origin + (f" (over {over})" if over else "")
            return choice
    name, text = reader.variable(_VARIABLE)
    raw = reader.raw(name)
    if name and raw != text.lower() and text.lower() in SAMPLERS:
        reader.problem(name, f"{raw!r} is read as {text.lower()}; write {text.lower()}")
    return reader.read(
        "sampler", (_VARIABLE,), by_name, SamplerChoice("parentbased_always_on"), argument="sampler"
    )


def _by_name(reader: Reader, origin: str, text: str) -> SamplerChoice:
    name = text.lower()
    if name not in SAMPLERS and not _is_entry_point(name):
        nearest = difflib.get_close_matches(name, SAMPLERS, n=1)
        advice = (
            f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(sorted(SAMPLERS))}"
        )
        message = f"unknown sampler {text!r}; {advice}"
        raise ValueError(message)
    variable, argument = reader.variable(_ARGUMENT_VARIABLE)
    if name not in RATIO_SAMPLERS:
        return SamplerChoice(name, argument if name not in PLAIN_SAMPLERS else "")
    if not variable:
        reader.problem(
            _ARGUMENT_VARIABLE, f"{name} has no ratio, so 1.0 is used; write one from 0 to 1"
        )
        return SamplerChoice(name, "1.0")
    try:
        return SamplerChoice(name, parse_ratio(reader, variable, argument))
    except ValueError as error:
        preset = reader.fallback("sampler", SamplerChoice("", "1.0"))
        ratio = preset.argument if preset.name in RATIO_SAMPLERS else "1.0"
        reader.problem(variable, f"{error}; {ratio} is used")
        reader.origins["sampler"] = origin
        return SamplerChoice(name, ratio)


def parse_ratio(reader: Reader, origin: str, value: object) -> str:
    """A ratio from 0 to 1 out of a number, or a text that may be a percentage.

    Raises:
        ValueError: it is neither.
    """
    text = str(value).strip()
    match = _RATIO.fullmatch(text)
    number = float(text.rstrip("% ")) if match else -1.0
    if match and match[2]:
        number /= 100
        if number <= 1:
            reader.problem(origin, f"{text!r} is read as {number:g}; write {number:g}")
    if isinstance(value, bool) or not 0 <= number <= 1:
        message = f"{text!r} is not a ratio from 0 to 1"
        if 1 < number <= 100:
            message += f" (write {number / 100:g} for {number:g} %)"
        raise ValueError(message)
    return repr(number)


def _is_entry_point(name: str) -> bool:
    from importlib.metadata import entry_points

    return bool(entry_points(group="opentelemetry_traces_sampler", name=name))
