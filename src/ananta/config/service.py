"""The `service:` section, and `CollectorConfig`: a whole configuration, resolved and validated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field

from ananta.config.model import BrokenRule, Config, Duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ananta.component import Kind

VerbosityLevel = Annotated[
    Literal["none", "basic", "normal", "detailed"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]
LogLevel = Annotated[
    Literal["debug", "info", "warn", "error", "dpanic", "panic", "fatal"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]


class LogSamplingConfig(Config):
    """Thinning of repeated log lines."""

    enabled: bool = Field(True, description="Thin out lines that repeat.")
    tick: Duration = Field(10.0, description="Period in which repeats are counted.")
    initial: int = Field(10, description="Equal lines let through in each period.", ge=0)
    thereafter: int = Field(100, description="After those, one in so many is let through.", ge=0)


class LogsConfig(Config):
    """The process's own log."""

    level: LogLevel = Field("info", description="Least severe level to log.")
    encoding: Literal["console", "json"] = Field("console", description="Text or JSON lines.")
    development: bool = Field(False, description="Log for developers: warnings with stack traces.")
    disable_caller: bool = Field(False, description="Leave out the source file and line.")
    disable_stacktrace: bool = Field(False, description="Leave out stack traces of errors.")
    disable_zap_resource: bool = Field(False, description="Leave out the resource attributes.")
    sampling: LogSamplingConfig = Field(
        LogSamplingConfig(), description="Thinning of repeated lines."
    )
    output_paths: list[str] = Field(
        ["stderr"], description="Where to log: `stdout`, `stderr` or files."
    )
    error_output_paths: list[str] = Field(
        ["stderr"], description="Where the logger reports its own errors."
    )
    initial_fields: dict[str, Any] = Field({}, description="Fields added to each line.")
    processors: list[Any] = Field([], description="Must stay empty: logs are not sent by OTLP.")

    def check(self) -> Iterator[BrokenRule]:
        """Sending our own logs by OTLP is refused, not ignored."""
        yield from super().check()
        if self.processors:
            yield BrokenRule(
                "processors", "the own log can't be sent by OTLP; remove it and use output_paths"
            )


class PrometheusConfig(Config):
    """The endpoint that shows the process's own metrics."""

    host: str = Field("localhost", description="Address to listen on.")
    port: int = Field(8888, description="Port to listen on; 0 asks for a free one.", ge=0, le=65535)
    without_scope_info: bool = Field(True, description="Must stay true: there are no scope labels.")
    without_units: bool = Field(True, description="Must stay true: names carry no units.")
    without_type_suffix: bool = Field(True, description="Must stay true: names carry no `_total`.")

    def check(self) -> Iterator[BrokenRule]:
        """Names other than the Collector's default ones are refused, not ignored."""
        yield from super().check()
        for key in ("without_scope_info", "without_units", "without_type_suffix"):
            if not getattr(self, key):
                yield BrokenRule(key, "own metrics only have the plain names; remove it")


class PullExporterConfig(Config):
    """How metrics can be pulled."""

    prometheus: PrometheusConfig = Field(description="As Prometheus text over HTTP.")


class PullReaderConfig(Config):
    """Metrics others come for."""

    exporter: PullExporterConfig = Field(description="How they can be pulled.")


class MetricReaderConfig(Config):
    """One way out for the process's own metrics."""

    pull: PullReaderConfig | None = Field(None, description="Others come for them.")
    periodic: Any = Field(None, description="Must stay absent: metrics are not pushed.")

    def check(self) -> Iterator[BrokenRule]:
        """Only pulling is there."""
        yield from super().check()
        if self.periodic is not None:
            yield BrokenRule(
                "periodic",
                "own metrics can't be pushed; write pull: {exporter: {prometheus: {host, port}}}"
                " and let Prometheus or a Collector come for them",
            )
        elif self.pull is None:
            yield BrokenRule("pull", "a reader needs pull: {exporter: {prometheus: {host, port}}}")


def _default_readers() -> list[MetricReaderConfig]:
    exporter = PullExporterConfig(prometheus=PrometheusConfig())
    return [MetricReaderConfig(pull=PullReaderConfig(exporter=exporter))]


class MetricsConfig(Config):
    """The process's own metrics."""

    level: VerbosityLevel = Field("normal", description="How many metrics to keep.")
    readers: list[MetricReaderConfig] = Field(
        default_factory=_default_readers,
        description="Ways out; by default Prometheus text on localhost:8888.",
    )
    views: list[Any] = Field([], description="Must stay empty: metrics can't be reshaped.")

    def check(self) -> Iterator[BrokenRule]:
        """There is a way out, and one only."""
        yield from super().check()
        if self.level != "none" and not self.readers:
            yield BrokenRule(
                "readers",
                "collector telemetry metrics reader should exist when metric level is not none;"
                " remove readers for the default, or set level: none",
            )
        if self.views and self.level != "detailed":
            yield BrokenRule(
                "views",
                "service::telemetry::metrics::views can only be set when"
                " service::telemetry::metrics::level is detailed; remove views",
            )
        elif self.views:
            yield BrokenRule("views", "own metrics can't be reshaped by views; remove them")

    @property
    def prometheus(self) -> list[PrometheusConfig]:
        """Where the metrics are to be shown; empty at level `none`."""
        if self.level == "none":
            return []
        return [reader.pull.exporter.prometheus for reader in self.readers if reader.pull]


class TracesConfig(Config):
    """The process's own spans, shown by zpages."""

    level: VerbosityLevel = Field("normal", description="`none` keeps no spans of our own.")
    propagators: list[Literal["tracecontext", "b3"]] = Field(
        [], description="Formats in which context is passed on."
    )
    processors: list[Any] = Field([], description="Must stay empty: own spans are not exported.")

    def check(self) -> Iterator[BrokenRule]:
        """Exporting our own spans is refused, not ignored."""
        yield from super().check()
        if self.processors:
            yield BrokenRule("processors", "own spans are not exported; remove processors")


def _resource_map(value: Any) -> Any:
    """Accept `attributes: [{name, value}]` beside the plain map."""
    if not isinstance(value, dict) or not isinstance(value.get("attributes"), list):
        return value
    pairs = value["attributes"]
    if not all(isinstance(pair, dict) and "name" in pair for pair in pairs):
        message = "attributes must be a list of {name, value}"
        raise ValueError(message)
    return {pair["name"]: pair.get("value") for pair in pairs}


class TelemetryConfig(Config):
    """What the process says about itself."""

    logs: LogsConfig = Field(LogsConfig(), description="The own log.")
    metrics: MetricsConfig = Field(default_factory=MetricsConfig, description="The own metrics.")
    traces: TracesConfig = Field(TracesConfig(), description="The own spans.")
    resource: Annotated[
        dict[str, str | int | float | bool | None], BeforeValidator(_resource_map)
    ] = Field({}, description="Resource attributes of the process; null removes an automatic one.")


class PipelineConfig(Config):
    """One way from receivers to exporters."""

    receivers: list[str] = Field([], description="Ids of receivers or connectors.")
    processors: list[str] = Field([], description="Ids of processors, in the order of the way.")
    exporters: list[str] = Field([], description="Ids of exporters or connectors.")


class ServiceConfig(Config):
    """What runs."""

    extensions: list[str] = Field([], description="Ids of extensions, started in this order.")
    pipelines: dict[str, PipelineConfig] = Field(
        {}, description="`traces` or `traces/name` → receivers, processors and exporters."
    )
    telemetry: TelemetryConfig = Field(
        default_factory=TelemetryConfig, description="What the process says about itself."
    )


@dataclass(frozen=True, slots=True)
class CollectorConfig:
    """A whole configuration: every value expanded, every component's settings validated.

    Attributes:
        receivers: settings by component id, also of components no pipeline uses; the other
            sections alike.
        service: pipelines, extensions and telemetry; every id in it is configured above.
        as_given: the merged and expanded configuration as plain data, without defaults, secrets
            shown as `[REDACTED]`.
        warnings: what works but should be changed, one line each.
    """

    service: ServiceConfig
    receivers: Mapping[str, Config] = field(default_factory=dict)
    processors: Mapping[str, Config] = field(default_factory=dict)
    exporters: Mapping[str, Config] = field(default_factory=dict)
    connectors: Mapping[str, Config] = field(default_factory=dict)
    extensions: Mapping[str, Config] = field(default_factory=dict)
    as_given: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_yaml(self) -> str:
        """The configuration as given, as YAML, secrets masked."""
        return yaml.safe_dump(dict(self.as_given), sort_keys=False, allow_unicode=True)

    def components(self, kind: Kind) -> Mapping[str, Config]:
        """The settings of one section by component id."""
        section: Mapping[str, Config] = getattr(self, kind.value)
        return section
