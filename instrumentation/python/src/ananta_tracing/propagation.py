"""How the trace context travels in headers: propagators by name, W3C and baggage by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.propagators.textmap import TextMapPropagator

_VARIABLE = "OTEL_PROPAGATORS"
_EXTRAS = {"xray": "xray", "b3": "b3", "b3multi": "b3", "jaeger": "jaeger"}
_KNOWN = ("tracecontext", "baggage", *_EXTRAS)


def create_propagator(names: Sequence[str], problems: list[str]) -> TextMapPropagator:
    """One propagator that does what each of the named ones does, in this order.

    A name that cannot be had is left out and told in `problems`. If none is left, the default
    holds: an alone-standing mistake must not cut every trace.
    """
    if "none" in names:
        return CompositePropagator([])
    found = [each for name in names if (each := _create(name, problems)) is not None]
    if not found:
        found = [TraceContextTextMapPropagator(), W3CBaggagePropagator()]
        problems[-1:] = [f"{each}; tracecontext, baggage is used" for each in problems[-1:]]
    return CompositePropagator(found)


def _create(name: str, problems: list[str]) -> TextMapPropagator | None:
    if name == "tracecontext":
        return TraceContextTextMapPropagator()
    if name == "baggage":
        return W3CBaggagePropagator()
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="opentelemetry_propagator", name=name):
        propagator: TextMapPropagator = entry_point.load()()
        return propagator
    if name in _EXTRAS:
        advice = f"it is not installed; pip install 'ananta-tracing[{_EXTRAS[name]}]'"
    else:
        advice = f"known are {', '.join(_KNOWN)}"
    problems.append(f"{_VARIABLE}: unknown propagator {name!r} is left out; {advice}")
    return None
