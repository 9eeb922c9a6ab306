"""`include` and `exclude`: which spans the processors `attributes` and `span` look at.

The rules and their texts are the Collector's. A span is looked at when it has all the properties
`include` asks for and not all those `exclude` asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ananta._native import SpanMatcher, pattern_groups
from ananta.config.model import BrokenRule, Config
from ananta.processors.actions import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

SPAN_KINDS = (
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_CONSUMER",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_SERVER",
)


class MatchAttribute(Config):
    """An attribute that must be there."""

    key: str = Field("", description="The attribute's name.")
    value: Any = Field(
        None, description="The value it must have, or match as a pattern. Absent: any value."
    )


class MatchLibrary(Config):
    """An instrumentation scope that may be the span's."""

    name: str = Field("", description="The scope's name.")
    version: str | None = Field(None, description="The scope's version. Absent: any version.")


class RegexpConfig(Config):
    """How patterns are cached."""

    cacheenabled: bool = Field(
        False, description="Accepted and without effect: patterns run on names once per batch."
    )
    cachemaxnumentries: int = Field(0, description="Accepted and without effect.", ge=0)


class MatchProperties(Config):
    """Properties a span must have, all of them; of a list of texts one must match."""

    match_type: str = Field(
        "", description="strict: texts are equal. regexp: patterns are found anywhere in them."
    )
    regexp: RegexpConfig = Field(RegexpConfig(), description="Settings for `regexp`.")
    services: list[str] = Field([], description="Values of the resource's service.name.")
    span_names: list[str] = Field([], description="Names of spans.")
    span_kinds: list[str] = Field([], description="Kinds, written SPAN_KIND_CLIENT.")
    attributes: list[MatchAttribute] = Field([], description="Span attributes, all needed.")
    resources: list[MatchAttribute] = Field([], description="Resource attributes, all needed.")
    libraries: list[MatchLibrary] = Field([], description="Scopes, one needed.")

    def check(self) -> Iterator[BrokenRule]:
        """A match type, at least one property, patterns that are patterns."""
        yield from super().check()
        if self.match_type not in ("strict", "regexp"):
            yield BrokenRule(
                "match_type",
                f"unrecognized match_type: '{self.match_type}', valid types are: [regexp strict]",
            )
        texts = self._texts()
        if not texts and not self.attributes and not self.resources:
            yield BrokenRule(
                "",
                'at least one of "attributes", "libraries",  or "resources" field must be'
                ' specified; "services", "span_names" and "span_kinds" do as well',
            )
        if self.match_type == "strict":
            yield from self._check_kinds()
        elif self.match_type == "regexp":
            for path, text in texts:
                yield from _check_pattern(path, text)
        for index, attribute in enumerate(self.attributes):
            yield from self._check_attribute(attribute, "attribute", f"attributes::{index}")
        for index, attribute in enumerate(self.resources):
            yield from self._check_attribute(attribute, "resource", f"resources::{index}")

    def _texts(self) -> list[tuple[str, str]]:
        """Every text to compare with or search for, with its path."""
        texts = [
            (f"{field}::{index}", text)
            for field in ("services", "span_names", "span_kinds")
            for index, text in enumerate(getattr(self, field))
        ]
        for index, library in enumerate(self.libraries):
            texts.append((f"libraries::{index}::name", library.name))
            if library.version is not None:
                texts.append((f"libraries::{index}::version", library.version))
        return texts

    def _check_kinds(self) -> Iterator[BrokenRule]:
        for index, kind in enumerate(self.span_kinds):
            if kind not in SPAN_KINDS:
                yield BrokenRule(
                    f"span_kinds::{index}",
                    "span_kinds string must match one of the standard span kinds when"
                    f' match_type=strict: [{" ".join(SPAN_KINDS)}], got "{kind}"',
                )

    def _check_attribute(
        self, attribute: MatchAttribute, kind: str, path: str
    ) -> Iterator[BrokenRule]:
        prefix = f"error creating {kind} filters: "
        if not attribute.key:
            yield BrokenRule(path, f"{prefix}can't have empty key in the list of attributes")
        if self.match_type != "regexp" or attribute.value is None:
            return
        if isinstance(attribute.value, str):
            yield from _check_pattern(f"{path}::value", attribute.value)
        else:
            yield BrokenRule(
                f"{path}::value",
                f'{prefix}match_type=regexp for "{attribute.key}" only supports Str,'
                f" but found {attribute.value!r}; put the pattern in quotes",
            )


def _check_pattern(path: str, pattern: str) -> Iterator[BrokenRule]:
    try:
        pattern_groups(pattern)
    except ValueError as error:
        yield BrokenRule(path, f'invalid regular expression "{pattern}": {one_line(error)}')


class MatchConfig(Config):
    """Settings of a processor that can look at some spans only."""

    include: MatchProperties | None = Field(
        None, description="Look only at spans with these properties."
    )
    exclude: MatchProperties | None = Field(
        None, description="Do not look at spans with these properties."
    )

    def compile_matcher(self) -> SpanMatcher | None:
        """The matcher for these settings; None where all spans are looked at."""
        if self.include is None and self.exclude is None:
            return None
        return SpanMatcher(_plain(self.include), _plain(self.exclude))


def _plain(properties: MatchProperties | None) -> dict[str, Any] | None:
    return None if properties is None else properties.model_dump()
