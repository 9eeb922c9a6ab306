"""Exporter `debug`: writes what passes to the log, a line a batch or everything.

`basic` says how many spans there are, `normal` adds a line a span, `detailed` shows every field.
Sampling counts batches: the first `sampling_initial` of a second are shown, then every
`sampling_thereafter`-th.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ananta.config.model import NULL_MEANS_DEFAULTS, BrokenRule, Config
from ananta.config.service import LogSamplingConfig, LogsConfig
from ananta.config.shared import QueueConfig
from ananta.telemetry.logs import Sampling, log_handler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Settings
    from ananta.model import SpanBatch

_KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUS_CODES = ("Unset", "Ok", "Error")


class DebugConfig(Config):
    """Settings of the exporter `debug`."""

    verbosity: Annotated[
        Literal["none", "basic", "normal", "detailed"],
        BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    ] = Field("basic", description="How much to show: `basic`, `normal` or `detailed`.")
    sampling_initial: int = Field(
        2, description="Batches shown in each second before sampling.", ge=0
    )
    sampling_thereafter: int = Field(
        1, description="After those, every so manieth batch is shown; 0 shows none.", ge=0
    )
    use_internal_logger: bool = Field(
        True, description="Write to the process's own log, as `service::telemetry::logs` says."
    )
    output_paths: list[str] = Field(
        ["stdout"], description="Where to write otherwise: `stdout`, `stderr` or files."
    )
    sending_queue: Annotated[QueueConfig | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="Queue before the exporter; absent goes without."
    )

    def check(self) -> Iterator[BrokenRule]:
        """There is something to show, and one place to show it."""
        yield from super().check()
        if self.verbosity == "none":
            yield BrokenRule(
                "verbosity",
                'verbosity level "None" is not supported; write basic, normal or detailed',
            )
        if self.use_internal_logger and "output_paths" in self.model_fields_set:
            yield BrokenRule(
                "output_paths",
                "output_paths is not supported when use_internal_logger is true;"
                " set use_internal_logger: false or remove output_paths",
            )


class DebugExporter:
    """Writes batches to a log."""

    def __init__(self, config: DebugConfig, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._log = settings.log
        self._handlers: list[logging.Handler] = []
        self._sampling = Sampling(
            LogSamplingConfig.model_validate(
                {
                    "tick": "1s",
                    "initial": config.sampling_initial,
                    "thereafter": config.sampling_thereafter,
                }
            )
        )

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Open the outputs; raises `StartupError` when a file cannot be written."""
        if self._config.use_internal_logger:
            return
        # Not from `getLogger`: what is written here goes nowhere else.
        self._log = logging.Logger(self._settings.log.name, logging.INFO)  # noqa: LOG001
        unsampled = {"sampling": {"enabled": False}, "disable_caller": True}
        for path in self._config.output_paths:
            setting = f"exporters::{self._settings.id}::output_paths"
            handler = log_handler(path, LogsConfig.model_validate(unsampled), setting)
            self._handlers.append(handler)
            self._log.addHandler(handler)

    async def consume(self, batch: SpanBatch) -> None:
        """Show the batch, unless sampling leaves it out."""
        if not self._sampling.lets_through(logging.INFO, "Traces"):
            return
        if self._config.verbosity == "basic":
            num_resources = count_resource_spans(batch.to_otlp())
        else:
            resources = json.loads(batch.to_otlp_json()).get("resourceSpans", [])
            num_resources = len(resources)
        self._log.info("Traces", extra={"resource spans": num_resources, "spans": len(batch)})
        if self._config.verbosity == "normal":
            self._log.info("\n".join(normal_lines(resources)))
        elif self._config.verbosity == "detailed":
            self._log.info("\n".join(detailed_lines(resources)))

    async def shutdown(self) -> None:
        """Close the outputs."""
        for handler in self._handlers:
            handler.close()
        self._handlers.clear()


def count_resource_spans(payload: bytes) -> int:
    """How many ResourceSpans a TracesData message has; they are all it has."""
    count = position = 0
    while position < len(payload):
        position += 1  # the tag
        length = shift = 0
        while True:
            byte = payload[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        position += length
        count += 1
    return count


def normal_lines(resources: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each resource, scope and span."""
    for number, resource in enumerate(resources):
        yield f"ResourceTraces #{number} {_pairs(resource.get('resource', {}))}".rstrip()
        for scope_number, scope in enumerate(resource.get("scopeSpans", [])):
            about = scope.get("scope", {})
            name = "@".join(filter(None, (about.get("name"), about.get("version"))))
            yield f"ScopeTraces #{scope_number} {name} {_pairs(about)}".rstrip()
            for span in scope.get("spans", []):
                ids = f"{span.get('traceId', '')} {span.get('spanId', '')}"
                yield f"{span.get('name', '')} {ids} {_pairs(span)}".rstrip()


def detailed_lines(resources: list[dict[str, Any]]) -> Iterator[str]:
    """Every field of every resource, scope and span."""
    for number, resource in enumerate(resources):
        yield f"ResourceSpans #{number}"
        yield f"Resource SchemaURL: {resource.get('schemaUrl', '')}"
        yield from _attributes(resource.get("resource", {}), "Resource attributes:", "     ")
        for scope_number, scope in enumerate(resource.get("scopeSpans", [])):
            about = scope.get("scope", {})
            yield f"ScopeSpans #{scope_number}"
            yield f"ScopeSpans SchemaURL: {scope.get('schemaUrl', '')}"
            name = f"{about.get('name', '')} {about.get('version', '')}"
            yield f"InstrumentationScope {name}".rstrip()
            yield from _attributes(about, "InstrumentationScope attributes:", "     ")
            for span_number, span in enumerate(scope.get("spans", [])):
                yield f"Span #{span_number}"
                yield from _span_lines(span)


def _span_lines(span: dict[str, Any]) -> Iterator[str]:
    status = span.get("status", {})
    fields = {
        "Trace ID": span.get("traceId", ""),
        "Parent ID": span.get("parentSpanId", ""),
        "ID": span.get("spanId", ""),
        "Name": span.get("name", ""),
        "Kind": _named(_KINDS, span.get("kind", 0)),
        "TraceState": span.get("traceState", ""),
        "Start time": _time(span.get("startTimeUnixNano", 0)),
        "End time": _time(span.get("endTimeUnixNano", 0)),
        "Status code": _named(_STATUS_CODES, status.get("code", 0)),
        "Status message": status.get("message", ""),
        "DroppedAttributesCount": span.get("droppedAttributesCount"),
        "DroppedEventsCount": span.get("droppedEventsCount"),
        "DroppedLinksCount": span.get("droppedLinksCount"),
    }
    for name, value in fields.items():
        if value is not None:
            yield f"    {name:<14} : {value}".rstrip()
    yield from _attributes(span, "Attributes:", "     ")
    if events := span.get("events"):
        yield "Events:"
        for number, event in enumerate(events):
            yield f"SpanEvent #{number}"
            yield f"     -> Name: {event.get('name', '')}"
            yield f"     -> Timestamp: {_time(event.get('timeUnixNano', 0))}"
            yield f"     -> DroppedAttributesCount: {event.get('droppedAttributesCount', 0)}"
            yield from _attributes(event, "     -> Attributes::", "          ")
    if links := span.get("links"):
        yield "Links:"
        for number, link in enumerate(links):
            yield f"SpanLink #{number}"
            yield f"     -> Trace ID: {link.get('traceId', '')}"
            yield f"     -> ID: {link.get('spanId', '')}"
            yield f"     -> TraceState: {link.get('traceState', '')}".rstrip()
            yield f"     -> DroppedAttributesCount: {link.get('droppedAttributesCount', 0)}"
            yield from _attributes(link, "     -> Attributes::", "          ")


def _attributes(holder: dict[str, Any], title: str, indent: str) -> Iterator[str]:
    if pairs := holder.get("attributes"):
        yield title
        for pair in pairs:
            kind, value = _typed(pair.get("value", {}))
            yield f"{indent}-> {pair.get('key', '')}: {kind}({_text(value)})"


def _pairs(holder: dict[str, Any]) -> str:
    return " ".join(
        f"{pair.get('key', '')}={_text(_typed(pair.get('value', {}))[1])}"
        for pair in holder.get("attributes", [])
    )


def _typed(value: dict[str, Any]) -> tuple[str, Any]:
    """The name of an OTLP value's type, and the value as Python has it."""
    match value:
        case {"stringValue": text}:
            return "Str", text
        case {"boolValue": flag}:
            return "Bool", flag
        case {"intValue": number}:
            return "Int", int(number)
        case {"doubleValue": number}:
            return "Double", number
        case {"bytesValue": data}:
            return "Bytes", data
        case {"arrayValue": items}:
            return "Slice", [_typed(item)[1] for item in items.get("values", [])]
        case {"kvlistValue": pairs}:
            return "Map", {
                pair.get("key", ""): _typed(pair.get("value", {}))[1]
                for pair in pairs.get("values", [])
            }
    return "Empty", ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else str(number)


def _time(unix_nano: int | str) -> str:
    seconds, nanoseconds = divmod(int(unix_nano), 1_000_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError):  # beyond the year 9999
        return f"{unix_nano} ns"
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"
