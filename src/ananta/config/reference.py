"""docs/configuration.md, written from the configuration classes.

`python -m ananta.config.reference > docs/configuration.md` writes it anew; a test compares.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from ananta.component import Kind
from ananta.config.duration import format_duration
from ananta.config.model import Config, Secret, alternatives, section_of
from ananta.config.service import ServiceConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from ananta.config.table import ComponentFactory, ComponentTable

_INTRODUCTION = """\
<!-- Written by `python -m ananta.config.reference`; edit the configuration classes instead. -->

# Configuration

`ananta collect --config FILE` and `ananta up` read OpenTelemetry Collector configuration files.
`ananta validate --config FILE` says everything that is wrong with one, `ananta print-config`
shows what it comes to, and `--up` with either lays the files over what `ananta up` runs.

```yaml
receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
```

Components are named `type` or `type/name` in their section, and run when a pipeline or
`service.extensions` lists them. Keys are case-sensitive and an unknown one is an error, as is a
value of another type. A text given for a list of texts is split on commas. A key without a value
keeps its default. A section that may be absent also takes `enabled: false`. Durations are written
`200ms`, `5s`, `1h30m`; a bare number is nanoseconds.

| Text in a value | What it becomes |
|---|---|
| `${env:NAME}`, `${NAME}` | the environment variable; empty, with a warning, when it is not set |
| `${env:NAME:-default}` | the same, with a default for when it is not set |
| `${file:/path}`, `${yaml:text}`, `${https://…}` | the file, the text, the page |
| `$$` | `$` |

A value that is one such reference is read as YAML, so that `true` or `[a, b]` keep their type; in
a text setting it stays the text it was. `--config` may be repeated: maps are merged, lists and
scalars replaced by the later file. `--set exporters.debug.verbosity=normal` is laid over all.
"""


def render_reference(table: ComponentTable) -> str:
    """The reference of every component in the table, as Markdown."""
    shared: dict[str, type[Config]] = {}
    parts = [_INTRODUCTION, "## service\n", _render_keys(ServiceConfig, shared)]
    for kind in Kind:
        parts.append(f"## {kind.value}\n")
        for component_type in table.types(kind):
            factory = table.find(kind, component_type)
            if factory is not None:
                parts.append(_render_component(factory, shared))
    parts.append("## Shared sections\n")
    rendered: set[str] = set()
    while missing := sorted(shared.keys() - rendered):
        for name in missing:
            rendered.add(name)
            parts.append(f"### {name}\n\n{_summary(shared[name])}\n")
            parts.append(_render_keys(shared[name], shared))
    return "\n".join(parts)


def _render_component(factory: ComponentFactory, shared: dict[str, type[Config]]) -> str:
    notes = f"Stability: {factory.stability.value}."
    if factory.aliases:
        aliases = ", ".join(f"`{alias}`" for alias in factory.aliases)
        notes += f" Older name: {aliases}."
    keys = _render_keys(factory.config_class(), shared)
    return f"### {factory.type}\n\n{factory.summary} {notes}\n\n{keys}"


def _render_keys(config_class: type[Config], shared: dict[str, type[Config]]) -> str:
    rows = [f"| {' | '.join(row)} |" for row in _rows(config_class, shared, "")]
    if not rows:
        return "No keys.\n"
    return "\n".join(["| Key | Value | Default | Meaning |", "|---|---|---|---|", *rows, ""])


def _rows(
    config_class: type[Config], shared: dict[str, type[Config]], prefix: str
) -> Iterator[tuple[str, str, str, str]]:
    """Yield the keys of a section and of those in it; what another module defines is shared."""
    for key, field in config_class.fields_by_key().items():
        section = nested_section(field.annotation)
        step, value = _describe_type(field.annotation, is_duration=_is_duration(field))
        path = f"{prefix}{key}{step}"
        is_shared = section is not None and section.__module__ != config_class.__module__
        if section is not None and is_shared:
            name = section.__name__.removesuffix("Config")
            shared[name] = section
            value = f"[{name}](#{name.lower()})"
        meaning = (field.description or "").replace("|", "\\|")
        yield f"`{path}`", value, _describe_default(field), meaning
        if section is not None and not is_shared:
            yield from _rows(section, shared, f"{path}.")


def nested_section(annotation: Any) -> type[Config] | None:
    """The section a setting holds: itself, as items of a list, or as values of a map."""
    if section := section_of(annotation):
        return section
    for kind in alternatives(annotation):
        if get_origin(kind) in (list, dict):
            return section_of(get_args(kind)[-1])
    return None


def _describe_type(annotation: Any, *, is_duration: bool = False) -> tuple[str, str]:
    """What to add to the key of a list or map of sections, and the words for the type."""
    step, names = "", []
    for kind in alternatives(annotation):
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            names.append(", ".join(f"`{choice}`" if choice else '`""`' for choice in arguments))
        elif origin in (list, dict):
            step = _STEPS[origin] if nested_section(kind) else ""
            names.append(f"{_COLLECTIONS[origin]} of {_describe_type(arguments[-1])[1]}")
        elif section_of(kind):
            names.append("section")
        elif kind is not types.NoneType:
            names.append("duration" if is_duration else _SCALARS.get(kind, "any"))
    return step, " or ".join(dict.fromkeys(names))


_STEPS: dict[Any, str] = {list: "[]", dict: ".<name>"}
_COLLECTIONS: dict[Any, str] = {list: "list", dict: "map"}
_SCALARS: dict[Any, str] = {
    bool: "bool",
    int: "integer",
    float: "number",
    str: "text",
    Secret: "secret text",
}


def _is_duration(field: FieldInfo) -> bool:
    return any(getattr(item, "func", None) is format_duration for item in field.metadata)


def _describe_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, Config):
        return "on" if types.NoneType in alternatives(field.annotation) else ""
    if default is None:
        return "off" if section_of(field.annotation) else "none"
    if isinstance(default, Secret):
        default = default.get_secret_value()
    if isinstance(default, float) and _is_duration(field):
        return f"`{format_duration(default)}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, (list, dict)):
        if nested_section(field.annotation):
            return "one" if default else "none"
        return ", ".join(f"`{item}`" if item else '`""`' for item in default) or "none"
    return f"`{default}`" if default != "" else "empty"


def _summary(config_class: type[Config]) -> str:
    return (config_class.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    from ananta.components import load_table

    print(render_reference(load_table()), end="")
