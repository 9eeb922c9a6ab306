"""Which traces are kept: samplers by name, and the rule that drops health checks.

The decision comes before any attribute is gathered: of the attributes a span starts with, only a
path rule and the rules of X-Ray look at some, and only for traces that begin here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.sdk.trace.sampling import (
    Decision,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind, get_current_span

from ananta_tracing.sampler_names import PLAIN_SAMPLERS, RATIO_SAMPLERS, XRAY_SAMPLERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanContext, TraceState
    from opentelemetry.util.types import Attributes

    from ananta_tracing.sampler_names import SamplerChoice
    from ananta_tracing.settings import Settings

_PATH_KEYS = ("url.path", "http.target", "url.full", "http.url")
_REMEMBERED_PATHS = 1024


def create_sampler(settings: Settings) -> Sampler:
    """The sampler the settings name, with the rule for excluded paths.

    Raises:
        ValueError: the argument of the sampler cannot be used, or another package offers the
            sampler and could not make it.
    """
    rule = PathRule(settings.excluded_urls) if settings.excluded_urls else None
    choice = settings.sampler
    root = _create_root(choice, settings)
    if root is not None:
        follows_parent = choice.name.startswith("parentbased") or choice.name in XRAY_SAMPLERS
        return AnantaSampler(root, follows_parent=follows_parent, rule=rule)
    loaded = _load_sampler(choice)
    return ExcludingSampler(loaded, rule) if rule is not None else loaded


def _create_root(choice: SamplerChoice, settings: Settings) -> Root | None:
    """The root of a sampler of this package; None where it is one of another."""
    if choice.name in RATIO_SAMPLERS:
        return RatioRoot(choice.ratio)
    if choice.name in PLAIN_SAMPLERS:
        return ConstantRoot(keeps=choice.name.endswith("on"))
    if choice.name in XRAY_SAMPLERS:
        from ananta_tracing.xray_sampler import XRayRoot

        return XRayRoot.from_settings(choice.argument, settings)
    return None


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


class Root(Protocol):
    """Decides on a trace that begins here."""

    def keeps(self, trace_id: int, attributes: Attributes) -> bool:
        """Whether to keep it. Attributes are those known at the start, perhaps none."""

    def describe(self) -> str:
        """Itself, in the words of the specification."""


class ConstantRoot:
    """Keeps all traces, or none."""

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps

    def keeps(self, trace_id: int, attributes: Attributes) -> bool:  # noqa: ARG002
        """Always the same."""
        return self._keeps

    def describe(self) -> str:
        """`AlwaysOnSampler` or `AlwaysOffSampler`."""
        return "AlwaysOnSampler" if self._keeps else "AlwaysOffSampler"


class RatioRoot:
    """Keeps a share of the traces, chosen by id: every service of equal ratio chooses alike."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._bound = TraceIdRatioBased.get_bound_for_rate(ratio)
        self._mask = TraceIdRatioBased.TRACE_ID_LIMIT

    def keeps(self, trace_id: int, attributes: Attributes) -> bool:  # noqa: ARG002
        """Whether the id falls below the bound."""
        return trace_id & self._mask < self._bound

    def describe(self) -> str:
        """`TraceIdRatioBased{0.1}`."""
        return f"TraceIdRatioBased{{{self._ratio}}}"


class AnantaSampler(Sampler):
    """All samplers of this package: a root, perhaps following the parent, behind a path rule.

    Args:
        root: decides on traces that begin here, and on all spans where parents do not count.
        follows_parent: whether a span does as its parent did.
        rule: drops server spans of excluded paths.

    A child of a dropped span of this process is dropped whatever the root would say: otherwise the
    database calls of a health check would come out as traces of their own.
    """

    def __init__(self, root: Root, *, follows_parent: bool, rule: PathRule | None = None) -> None:
        self.root = root
        self._root_keeps = root.keeps
        self._follows_parent = follows_parent
        self._rule = rule

    def keeps(
        self,
        parent: SpanContext | None,
        trace_id: int,
        kind: SpanKind | None,
        attributes: Attributes,
    ) -> bool:
        """The decision; `parent` is None or valid."""
        if parent is not None and not parent.is_remote:
            is_kept = bool(parent.trace_flags & 1)
            if self._follows_parent or not is_kept:
                return is_kept
        elif (
            kind is SpanKind.SERVER
            and attributes
            and self._rule is not None
            and self._rule.excludes(attributes)
        ):
            return False
        if parent is not None and self._follows_parent:
            return bool(parent.trace_flags & 1)
        return self._root_keeps(trace_id, attributes)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        """The decision in the form of the SDK."""
        found = get_current_span(parent_context).get_span_context()
        parent = found if found.is_valid else None
        kept = self.keeps(parent, trace_id, kind, attributes)
        return SamplingResult(
            Decision.RECORD_AND_SAMPLE if kept else Decision.DROP,
            attributes if kept else None,
            None if parent is None else parent.trace_state,
        )

    def get_description(self) -> str:
        """As the specification wants a sampler to describe itself."""
        root = self.root.describe()
        return f"ParentBased{{root:{root}}}" if self._follows_parent else root


class PathRule:
    """Which paths are excluded.

    Args:
        excluded_urls: regular expressions searched for in the path.
    """

    def __init__(self, excluded_urls: Sequence[str]) -> None:
        self._search = re.compile("|".join(f"(?:{each})" for each in excluded_urls)).search
        self._decided: dict[str, bool] = {}

    def excludes(self, attributes: Mapping[str, Any]) -> bool:
        """Whether the path among these attributes is excluded.

        Not where `instrument_app` has decided by what the application asked for.
        """
        if getattr(attributes, "is_exclusion_decided", False):
            return False
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
            decided = self._decided[path] = self._search(path) is not None
        return decided


class ExcludingSampler(Sampler):
    """The path rule before a sampler of another package."""

    def __init__(self, inner: Sampler, rule: PathRule) -> None:
        self.inner = inner
        self._rule = rule

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
        """Drop by path or by parent, else ask the other sampler."""
        parent = get_current_span(parent_context).get_span_context()
        is_local = parent.is_valid and not parent.is_remote
        if is_local and not parent.trace_flags & 1:
            return SamplingResult(Decision.DROP, trace_state=parent.trace_state)
        if (
            not is_local
            and kind is SpanKind.SERVER
            and attributes
            and self._rule.excludes(attributes)
        ):
            return SamplingResult(Decision.DROP, trace_state=parent.trace_state)
        return self.inner.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """As the specification wants a sampler to describe itself."""
        return f"Excluding{{{self.inner.get_description()}}}"
