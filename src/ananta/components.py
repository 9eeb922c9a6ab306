"""The bill of materials: every component of this program, in one table.

To add a component, write its two classes in `receivers/`, `processors/`, `connectors/`,
`exporters/` or `extensions/` and add a line here. Another package adds one by an entry point in
the group `ananta.components` whose value is a `ComponentFactory`:

    [project.entry-points."ananta.components"]
    colour = "my_package:COLOUR_PROCESSOR"
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from ananta.component import Kind, Stability
from ananta.config.table import ComponentFactory, ComponentTable
from ananta.errors import StartupError

ENTRY_POINT_GROUP = "ananta.components"


def _built_in(
    kind: Kind,
    component_type: str,
    summary: str,
    *,
    module: str | None = None,
    aliases: tuple[str, ...] = (),
    roles: tuple[str, ...] = (),
    stability: Stability = Stability.BETA,
) -> ComponentFactory:
    """A component of ours: processor `span` is SpanConfig and SpanProcessor in processors.span."""
    module = module or f"ananta.{kind}.{component_type}"
    name = component_type.title().replace("_", "")
    return ComponentFactory(
        kind=kind,
        type=component_type,
        config=f"{module}:{name}Config",
        component=f"{module}:{name}{kind.name.title()}",
        summary=summary,
        stability=stability,
        aliases=aliases,
        roles=frozenset(roles),
    )


BUILT_IN = (
    _built_in(Kind.RECEIVER, "otlp", "Takes spans by OTLP over gRPC and HTTP."),
    _built_in(
        Kind.PROCESSOR, "memory_limiter", "Refuses spans while the process uses too much memory."
    ),
    _built_in(Kind.PROCESSOR, "batch", "Gathers spans into larger batches."),
    _built_in(Kind.PROCESSOR, "resource", "Changes resource attributes."),
    _built_in(Kind.PROCESSOR, "attributes", "Changes span attributes."),
    _built_in(Kind.PROCESSOR, "span", "Changes span names, status and attributes."),
    _built_in(Kind.PROCESSOR, "probabilistic_sampler", "Keeps a share of all traces."),
    _built_in(
        Kind.EXPORTER,
        "clickhouse",
        "Stores spans in ClickHouse, embedded or a server; what the query API reads.",
        roles=("trace store",),
    ),
    _built_in(Kind.EXPORTER, "otlp_grpc", "Sends spans by OTLP over gRPC.", aliases=("otlp",)),
    _built_in(Kind.EXPORTER, "otlp_http", "Sends spans by OTLP over HTTP.", aliases=("otlphttp",)),
    _built_in(Kind.EXPORTER, "debug", "Writes spans to the log.", aliases=("logging",)),
    _built_in(Kind.EXPORTER, "nop", "Throws spans away."),
    _built_in(
        Kind.CONNECTOR,
        "forward",
        "Joins pipelines: what one exports to it, another receives from it.",
    ),
    _built_in(Kind.EXTENSION, "health_check", "Answers over HTTP whether the process is ready."),
    _built_in(Kind.EXTENSION, "zpages", "Shows the running pipelines as web pages."),
    _built_in(
        Kind.EXTENSION,
        "file_storage",
        "Directory where exporters keep their queues, so that spans survive a crash.",
        roles=("storage",),
    ),
    _built_in(
        Kind.EXTENSION,
        "query",
        "Web UI and query APIs, Jaeger's and its own, over what an exporter stored.",
        module="ananta.api.extension",
    ),
)


def load_table() -> ComponentTable:
    """The table of every component there is: built-in ones and those of other packages.

    Raises:
        StartupError: a package's entry point can't be imported, is no `ComponentFactory`, or
            takes a type that is taken.
    """
    third_party = [_load(point) for point in entry_points(group=ENTRY_POINT_GROUP)]
    try:
        return ComponentTable([*BUILT_IN, *third_party])
    except ValueError as error:
        message = f"{error}; remove one of the packages that bring it"
        raise StartupError(message) from error


def _load(point: EntryPoint) -> ComponentFactory:
    source = point.dist.name if point.dist else "an unknown package"
    try:
        factory = point.load()
    except (ImportError, AttributeError) as error:
        message = (
            f"component {point.name!r} of {source} can't be loaded: {error}; update or remove it"
        )
        raise StartupError(message) from error
    if not isinstance(factory, ComponentFactory):
        message = (
            f"component {point.name!r} of {source} is no ComponentFactory ({point.value});"
            " update or remove the package"
        )
        raise StartupError(message)
    return factory
