"""Whether the parts of a configuration fit together: references, connectors, cycles.

Runs on sections that are valid by themselves, and starts nothing.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from ananta.component import Kind
from ananta.config.ids import type_of
from ananta.config.model import Config, RefersTo
from ananta.config.problems import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.config.problems import Reporter
    from ananta.config.service import CollectorConfig
    from ananta.config.table import ComponentTable
    from ananta.config.yaml_source import Path

_ROLES = {
    "storage": (Kind.EXTENSION, "a storage extension"),
    "authenticator": (Kind.EXTENSION, "an authenticator"),
    "middleware": (Kind.EXTENSION, "a middleware"),
    "trace store": (Kind.EXPORTER, "a trace store"),
}


def check_references(
    config: CollectorConfig, declared: dict[Kind, set[str]], table: ComponentTable, report: Reporter
) -> None:
    """Report every id that means nothing, and every pipeline that can't be built.

    Args:
        config: what is valid so far.
        declared: every id the file declares, by section, also those whose settings are not valid.
        table: every component there is.
        report: takes what is wrong.
    """
    _check_sections(config, declared, report)
    for name in config.service.pipelines:
        _check_pipeline(name, config, declared, report)
    _check_connectors(config, report)
    _check_extensions(config, declared, report)
    _check_component_references(config, declared, table, report)


def _check_sections(
    config: CollectorConfig, declared: dict[Kind, set[str]], report: Reporter
) -> None:
    for kind, noun in ((Kind.RECEIVER, "receiver"), (Kind.EXPORTER, "exporter")):
        if not declared[kind]:
            report.add(
                (), f"no {noun} configuration specified in config; add one under {kind.value}:"
            )
        for component_id in sorted(declared[kind] & declared[Kind.CONNECTOR]):
            report.add(
                (Kind.CONNECTOR.value, component_id),
                f'ambiguous ID: Found both "{component_id}" {noun} and "{component_id}" connector.'
                " Change one of the components' IDs to eliminate ambiguity (e.g. rename"
                f' "{component_id}" connector to "{component_id}/connector")',
            )
    if not config.service.pipelines:
        report.add(
            ("service", "pipelines"),
            "service must have at least one pipeline; add traces: {receivers: […], exporters: […]}",
        )


def _check_pipeline(
    name: str, config: CollectorConfig, declared: dict[Kind, set[str]], report: Reporter
) -> None:
    pipeline = config.service.pipelines[name]
    path: Path = ("service", "pipelines", name)
    ends = (
        (Kind.RECEIVER, "receiver", pipeline.receivers),
        (Kind.PROCESSOR, "processor", pipeline.processors),
        (Kind.EXPORTER, "exporter", pipeline.exporters),
    )
    for kind, noun, ids in ends:
        known = declared[kind]
        if kind is not Kind.PROCESSOR:
            known = known | declared[Kind.CONNECTOR]
            if not ids:
                report.add(path, f"must have at least one {noun}; add one under {kind.value}:")
        for index, component_id in enumerate(ids):
            if component_id not in known:
                report.add(
                    path,
                    f'references {noun} "{component_id}" which is not configured'
                    + _mend_reference(component_id, kind, known),
                    at=(*path, kind.value, index),
                )
    for component_id in dict.fromkeys(pipeline.processors):
        if pipeline.processors.count(component_id) > 1:
            report.add(
                path,
                f'references processor "{component_id}" multiple times;'
                f" list it once, or configure a second one as {type_of(component_id)}/2",
                at=(*path, Kind.PROCESSOR.value),
            )


def _mend_reference(component_id: str, kind: Kind, known: set[str]) -> str:
    return suggest(component_id, known) or f"; add {component_id}: under {kind.value}:"


def _check_extensions(
    config: CollectorConfig, declared: dict[Kind, set[str]], report: Reporter
) -> None:
    known = declared[Kind.EXTENSION]
    for index, component_id in enumerate(config.service.extensions):
        if component_id not in known:
            report.add(
                ("service", "extensions"),
                f'references extension "{component_id}" which is not configured'
                + _mend_reference(component_id, Kind.EXTENSION, known),
                at=("service", "extensions", index),
            )


def _check_connectors(config: CollectorConfig, report: Reporter) -> None:
    pipelines = config.service.pipelines
    edges: dict[str, set[str]] = {}
    for connector in config.connectors:
        sources = [name for name, pipeline in pipelines.items() if connector in pipeline.exporters]
        targets = [name for name, pipeline in pipelines.items() if connector in pipeline.receivers]
        path = (Kind.CONNECTOR.value, connector)
        if sources and not targets:
            report.add(
                path,
                f'connector "{connector}" used as exporter in [{" ".join(sources)}] pipeline'
                " but not used in any supported receiver pipeline;"
                " list it under the receivers of another pipeline",
            )
        if targets and not sources:
            report.add(
                path,
                f'connector "{connector}" used as receiver in [{" ".join(targets)}] pipeline'
                " but not used in any supported exporter pipeline;"
                " list it under the exporters of another pipeline",
            )
        for source in sources:
            edges.setdefault(f"pipeline {source}", set()).add(f"connector {connector}")
        for target in targets:
            edges.setdefault(f"connector {connector}", set()).add(f"pipeline {target}")
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        # graphlib lists each step before the one it leads to, so the way is backwards.
        way = [_describe_step(step) for step in reversed(error.args[1])]
        while not way[0].startswith("connector"):
            way = [*way[1:], way[1]]
        report.add(("service", "pipelines"), f"cycle detected: {' -> '.join(way)}; break it")


def _describe_step(step: str) -> str:
    kind, _, name = step.partition(" ")
    return f'connector "{name}" (traces to traces)' if kind == "connector" else f'pipeline "{name}"'


def _check_component_references(
    config: CollectorConfig, declared: dict[Kind, set[str]], table: ComponentTable, report: Reporter
) -> None:
    used = _used_components(config)
    for kind, ids in used.items():
        for component_id, settings in config.components(kind).items():
            if component_id not in ids:
                continue
            for key, role, target in _references(settings):
                problem = _describe_reference(role, target, used, declared, table)
                if problem is not None:
                    report.add((kind.value, component_id, *key), problem)


def _describe_reference(
    role: str,
    target: str,
    used: dict[Kind, set[str]],
    declared: dict[Kind, set[str]],
    table: ComponentTable,
) -> str | None:
    """What is wrong with a setting that names another component, or None."""
    kind, description = _ROLES[role]
    noun = kind.name.lower()
    if target not in declared[kind]:
        mend = _mend_reference(target, kind, declared[kind])
        return f'references {noun} "{target}" which is not configured{mend}'
    factory = table.find(kind, type_of(target))
    if factory is not None and role not in factory.roles:
        return f'{noun} "{target}" is not {description}; name one that is'
    if target not in used[kind]:
        place = "service::extensions" if kind is Kind.EXTENSION else "a pipeline's exporters"
        return f'{noun} "{target}" is not started; add {target} to {place}'
    return None


def _used_components(config: CollectorConfig) -> dict[Kind, set[str]]:
    """The ids of what will be started."""
    used: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    used[Kind.EXTENSION].update(config.service.extensions)
    for pipeline in config.service.pipelines.values():
        used[Kind.RECEIVER].update(pipeline.receivers)
        used[Kind.PROCESSOR].update(pipeline.processors)
        used[Kind.EXPORTER].update(pipeline.exporters)
        used[Kind.CONNECTOR].update(pipeline.receivers, pipeline.exporters)
    return used


def _references(settings: Config) -> Iterator[tuple[Path, str, str]]:
    """Yield key, role and id of each setting that names another component."""
    for name, field in type(settings).model_fields.items():
        key, value = field.alias or name, getattr(settings, name)
        marker = _marker([*field.metadata, field.annotation])
        if marker is not None and value:
            yield (key,), marker.role, value
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            if isinstance(item, Config):
                step: Path = (key,) if index is None else (key, index)
                for inner, role, target in _references(item):
                    yield (*step, *inner), role, target


def _marker(candidates: list[Any]) -> RefersTo | None:
    for candidate in candidates:
        if isinstance(candidate, RefersTo):
            return candidate
        arguments = get_args(candidate)
        if arguments and get_origin(candidate) is not dict:
            nested = arguments[1:] if get_origin(candidate) is Annotated else arguments
            if (marker := _marker([*nested])) is not None:
                return marker
    return None
