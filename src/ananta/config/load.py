"""From `--config` and `--set` to a `CollectorConfig`, or to every problem at once.

The way: read each source, merge them, expand `${...}`, read each section with its component's
configuration class, check that the parts fit together.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ananta.component import Kind
from ananta.config import renamed
from ananta.config.expand import Expander
from ananta.config.ids import IdError, parse_id, type_of
from ananta.config.merge import merge_documents, parse_override, split_joined_keys
from ananta.config.model import Config, Expanded
from ananta.config.problems import Reporter, join_path, redact, show, suggest
from ananta.config.providers import ProviderError, Providers, is_uri
from ananta.config.references import check_references
from ananta.config.service import CollectorConfig, PipelineConfig, ServiceConfig
from ananta.config.yaml_source import Document, parse_document
from ananta.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ananta.config.table import ComponentTable

_SECTIONS = (*(kind.value for kind in Kind), "service")


def load_config(
    sources: Sequence[str],
    *,
    table: ComponentTable,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> CollectorConfig:
    """The configuration these sources make together.

    Args:
        sources: files or URIs (`env:`, `file:`, `yaml:`, `http:`, `https:`); later ones are laid
            over earlier ones.
        table: every component there is.
        overrides: `a.b.c=value` settings, laid over all sources.
        environ: the environment for `${env:…}`; the process's own when not given.

    Raises:
        ConfigError: with every problem found.
    """
    document, report, warnings = _resolve(sources, overrides, environ)
    config = _SectionLoader(table, report, warnings).load(document)
    if report.problems:
        raise ConfigError(report.problems)
    return config


def _resolve(
    sources: Sequence[str], overrides: Sequence[str], environ: Mapping[str, str] | None
) -> tuple[dict[str, Any], Reporter, list[str]]:
    """Read, merge and expand; raises `ConfigError` where a source can't be read at all."""
    providers = Providers(os.environ if environ is None else environ)
    documents: list[Document] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            documents.append(_read_source(source, providers))
        except ConfigError as error:
            problems += error.problems
    for override in overrides:
        try:
            documents.append(parse_override(override))
        except ConfigError as error:
            problems += error.problems
    if not sources:
        problems.append(Problem("", "at least one config flag must be provided; add --config FILE"))
    if problems:
        raise ConfigError(problems)
    merged = merge_documents(documents)
    report = Reporter(merged.locations)
    expander = Expander(providers)
    value = expander.expand(merged.value)
    for path, message in expander.problems:
        report.add(path, message)
        report.silence(path)
    return value, report, expander.warnings


def _read_source(source: str, providers: Providers) -> Document:
    try:
        text = providers.read(source if is_uri(source) else f"file:{source}")
    except ProviderError as error:
        raise ConfigError([Problem("", str(error))]) from error
    origin = "yaml:…" if source.startswith("yaml:") else source.removeprefix("file:")
    document = parse_document(text, origin)
    if document.value is None:
        message = "empty configuration file; write receivers, exporters and service"
        raise ConfigError([Problem("", message, origin)])
    if not isinstance(document.value, dict):
        message = f"a configuration is a map of sections, got {show(document.value)}"
        raise ConfigError([Problem("", message, origin)])
    return split_joined_keys(document)


class _SectionLoader:
    """Reads the sections of one resolved document."""

    def __init__(self, table: ComponentTable, report: Reporter, warnings: list[str]) -> None:
        self._table = table
        self._report = report
        self._warnings = warnings

    def load(self, document: dict[str, Any]) -> CollectorConfig:
        """The configuration; where the report got problems, it lacks the parts they are about."""
        for key in document:
            if key not in _SECTIONS:
                self._report.add(
                    (),
                    f"'' has invalid keys: {key}"
                    + (suggest(key, _SECTIONS) or f"; known keys are {', '.join(_SECTIONS)}"),
                    at=(key,),
                )
        declared: dict[Kind, set[str]] = {}
        sections: dict[str, dict[str, Config]] = {}
        shown: dict[str, Any] = {}
        for kind in Kind:
            raw = self._read_ids(kind, document.get(kind.value))
            declared[kind] = set(raw)
            sections[kind.value] = {
                component_id: settings
                for component_id, (key, value) in raw.items()
                if (settings := self._read_component(kind, component_id, key, value)) is not None
            }
            shown[kind.value] = {
                component_id: redact(raw[component_id][1], type(settings))
                for component_id, settings in sections[kind.value].items()
            }
        service = self._read_service(document.get("service"))
        shown["service"] = redact(document.get("service"), ServiceConfig)
        config = CollectorConfig(
            service=service,
            **sections,
            as_given={section: value for section, value in shown.items() if value},
            warnings=tuple(self._warnings),
        )
        check_references(config, declared, self._table, self._report)
        return config

    def _read_ids(self, kind: Kind, value: Any) -> dict[str, tuple[str, Any]]:
        """Each component's id with the key it was written as and its settings."""
        value = value.value if isinstance(value, Expanded) else value
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._report.add((kind.value,), f"expected a map of components, got {show(value)}")
            return {}
        components: dict[str, tuple[str, Any]] = {}
        for key, settings in value.items():
            try:
                component_id = parse_id(key)
            except IdError as error:
                self._report.add((kind.value, key), str(error))
                continue
            if component_id in components:
                keys = f"{components[component_id][0]} {key}"
                self._report.add(
                    (kind.value, key),
                    f'duplicate name "{component_id}" after unmarshaling [{keys}]; keep one',
                )
            components[component_id] = (key, settings)
        return components

    def _read_component(self, kind: Kind, component_id: str, key: str, value: Any) -> Config | None:
        path = (kind.value, key)
        component_type = type_of(component_id)
        factory = self._table.find(kind, component_type)
        if factory is None:
            self._report.add(path, self._describe_unknown_type(kind, component_id))
            return None
        if component_type != factory.type:
            alias = renamed.warn_of_alias(component_type, factory.type)
            self._warnings.append(f"{join_path(path)}: {alias}")
        value = value.value if isinstance(value, Expanded) else value
        value, translated = renamed.translate_keys(kind, component_type, value)
        self._warnings += [f"{join_path(path)}: {warning}" for warning in translated]
        try:
            config_class = factory.config_class()
        except (ImportError, AttributeError) as error:
            self._report.add(path, f"{component_type} can't be loaded here: {error}")
            return None
        try:
            return config_class.model_validate(value)
        except ValidationError as error:
            self._report.add_invalid(path, error, config_class, value)
            return None

    def _describe_unknown_type(self, kind: Kind, component_id: str) -> str:
        component_type = type_of(component_id)
        known = self._table.types(kind)
        message = (
            f'unknown type: "{component_type}" for id: "{component_id}"'
            f" (valid values: [{' '.join(known)}])"
        )
        if advice := renamed.advise_on_type(kind, component_type):
            return f"{message}; {advice}"
        elsewhere = [other for other in Kind if self._table.find(other, component_type)]
        nearest = suggest(component_type, known)
        if elsewhere and not nearest:
            return f"{message}; it is one of the {elsewhere[0].value}, move it there"
        return message + nearest

    def _read_service(self, value: Any) -> ServiceConfig:
        try:
            service = ServiceConfig.model_validate(value)
        except ValidationError as error:
            self._report.add_invalid(("service",), error, ServiceConfig, value)
            bad_keys = {str(details["loc"][0]) for details in error.errors() if details["loc"]}
            for key in bad_keys:
                self._report.silence(("service", key))
            good = {k: v for k, v in value.items() if k not in bad_keys} if bad_keys else {}
            service = ServiceConfig.model_validate(good)
        pipelines: dict[str, PipelineConfig] = {}
        for name, pipeline in service.pipelines.items():
            path = ("service", "pipelines", name)
            try:
                pipeline_id = parse_id(name)
            except IdError as error:
                self._report.add(path, str(error))
                continue
            if type_of(pipeline_id) != "traces":
                self._report.add(
                    path,
                    f'signal "{type_of(pipeline_id)}" is not supported;'
                    " only traces are, so remove this pipeline or name it traces/…",
                )
            pipelines[pipeline_id] = pipeline
        return service.model_copy(update={"pipelines": pipelines})
