"""Which traces are kept: samplers by name, and the rule that drops health checks.

The decision comes before any attribute is gathered. Code that has attributes at hand cheaply
passes those `looked_at` by the sampler when it starts a span, and the rest once the span records.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind, get_current_span

from ananta_tracing.sampler_names import RATIO_SAMPLERS, XRAY_SAMPLERS, SamplerChoice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, TraceState
    from opentelemetry.util.types import Attributes

    from ananta_tracing.settings import Settings

_PATH_KEYS = ("url.path", "http.target", "url.full", "http.url")
_REMEMBERED_PATHS = 1024


def create_sampler(settings: Settings) -> Sampler:
    """The sampler the settings name, behind the rule for excluded paths.

    Raises:
        ValueError: another package offers the sampler and could not make it.
    """
    sampler = _create_by_name(settings.sampler, settings)
    if not settings.excluded_urls:
        return sampler
    return ExcludingSampler(sampler, settings.excluded_urls)


def _create_by_name(choice: SamplerChoice, settings: Settings) -> Sampler:
    name = choice.name
    if name in RATIO_SAMPLERS:
        ratio = TraceIdRatioBased(choice.ratio)
        return ParentBased(ratio) if name.startswith("parentbased") else ratio
    if name in XRAY_SAMPLERS:
        from ananta_tracing.xray_sampler import XRaySampler

        return ParentBased(XRaySampler.from_settings(choice.argument, settings))
    plain = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF}
    if name in plain:
        return plain[name]
    parent_based = {"parentbased_always_on": ALWAYS_ON, "parentbased_always_off": ALWAYS_OFF}
    if name in parent_based:
        return ParentBased(parent_based[name])
    return _load_sampler(choice)


def _load_sampler(choice: SamplerChoice) -> Sampler:
    """A sampler another package offers by entry point."""
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="opentelemetry_traces_sampler", name=choice.name):
        try:
            sampler = entry_point.load()(choice.argument)
        except Exception as error:
            message = f"the sampler {choice.name} could not be made: {error!r}"
            raise ValueError(message) from error
        if isinstance(sampler, Sampler):
            return sampler
    message = f"the sampler {choice.name} is not installed"
    raise ValueError(message)


class ExcludingSampler(Sampler):
    """Drops server spans of excluded paths, and what happens inside them.

    A child of a dropped span of this process is dropped whatever the inner sampler would say:
    otherwise the database calls of a health check would come out as traces of their own.

    Args:
        inner: decides on everything else.
        excluded_urls: regular expressions searched for in the path.
    """

    looked_at = frozenset(_PATH_KEYS)

    def __init__(self, inner: Sampler, excluded_urls: Sequence[str]) -> None:
        self.inner = inner
        self._is_excluded = re.compile("|".join(f"(?:{each})" for each in excluded_urls)).search
        self._decided: dict[str, bool] = {}

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Drop by path or by parent, else ask the inner sampler."""
        parent = get_current_span(parent_context).get_span_context()
        if parent.is_valid and not parent.is_remote:
            if not parent.trace_flags & 1:
                return SamplingResult(Decision.DROP, trace_state=parent.trace_state)
        elif kind is SpanKind.SERVER and attributes and self.excludes(attributes):
            return SamplingResult(Decision.DROP, trace_state=parent.trace_state)
        return self.inner.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def excludes(self, attributes: Mapping[str, Any]) -> bool:
        """Whether the path among these attributes is excluded."""
        for key in _PATH_KEYS:
            path = attributes.get(key)
            if isinstance(path, str):
                break
        else:
            return False
        decided = self._decided.get(path)
        if decided is None:
            if len(self._decided) >= _REMEMBERED_PATHS:
                self._decided.clear()
            decided = self._decided[path] = self._is_excluded(path) is not None
        return decided

    def get_description(self) -> str:
        """As the specification wants a sampler to describe itself."""
        return f"Excluding{{{self.inner.get_description()}}}"
