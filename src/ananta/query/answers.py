"""What the questions of our own API are answered with.

Times are microseconds since 1970 (`…_micros`), durations nanoseconds (`…_nanos`): both stay below
2⁵³, so JavaScript reads them exactly. Ids are lower-case hexadecimal. The OpenAPI description and
the UI's types are made from these classes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base of all answers: immutable, described by the texts below its fields."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Operation(Answer):
    """Spans of one name and kind."""

    name: str
    kind: str
    """server, client, producer, consumer, internal, or empty."""


class ServiceShare(Answer):
    """What a service contributed to a trace."""

    service: str
    spans: int
    errors: int


class TraceSummary(Answer):
    """One line of a list of traces, of the whole trace."""

    trace_id: str
    root_service: str
    """Empty where no span without a parent has arrived."""
    root_operation: str
    start_micros: int
    duration_nanos: int
    """From the first start to the last end."""
    spans: int
    errors: int
    """Spans whose status is error."""
    services: list[ServiceShare]
    """By number of spans, most first."""


class TraceList(Answer):
    """A page of a search."""

    traces: list[TraceSummary]
    more: bool
    """Whether there are traces after these; ask with a larger `offset`."""


class Histogram(Answer):
    """Spans that match a search, by time and duration."""

    start_micros: int
    """When the first bucket of time begins."""
    step_micros: int
    """How long each bucket of time is."""
    duration_bounds_nanos: list[int]
    """Lower bound of each bucket of duration, ascending."""
    spans: list[list[int]]
    """Number of spans: one list for each bucket of time, one number for each of duration."""
    errors: list[list[int]]
    """How many of them have the status error."""
    total_spans: int
    total_traces: int
    """Distinct traces of these spans; estimated within 2 % beyond 65,000."""


class RootOperation(Answer):
    """Traces that match a search and begin with the same operation."""

    service: str
    operation: str
    traces: int
    errors: int
    """Traces with at least one error."""
    p50_nanos: int
    p95_nanos: int
    max_nanos: int
    slowest_trace_id: str


class AttributeKey(Answer):
    """A name that can be searched for."""

    key: str
    level: Literal["field", "span", "resource", "scope", "event", "link"]


class AttributeValue(Answer):
    """A value that an attribute has."""

    value: str
    spans: int
    """How often, among the newest spans looked at."""


class TypicalTrace(Answer):
    """What is normal for traces that begin with the same operation.

    A trace counts as long as its root lasts.
    """

    traces: int
    """How many there were in the day around the trace; 0 where it stands alone."""
    p50_nanos: int
    p95_nanos: int
    share_slower: float
    """Share of them that took longer than this trace, 0 to 1."""
    trace_id: str
    """The other trace whose duration is nearest to the median; empty where there is none."""


class LinkingSpan(Answer):
    """A span of another trace with a link to a span of this one."""

    trace_id: str
    span_id: str
    target_span_id: str
    """The span of this trace that is linked to."""
    service: str
    operation: str
    start_micros: int


class MapNode(Answer):
    """A service in the service map, by its spans that begin in the window."""

    service: str
    spans: int
    requests: int
    """Spans of the kinds server and consumer; of a service without them, its roots."""
    errors: int
    """Requests whose status is error."""
    p50_nanos: int
    p95_nanos: int
    """Of the requests."""
    kind: Literal["service", "database", "queue", "external"] = "service"
    """What it is: a service that sends spans, or something known by its clients' spans alone.

    Of such a one `spans` is 0, and its requests are those spans.
    """


class MapEdge(Answer):
    """Calls from one service to another, or to what sends no spans."""

    caller: str
    callee: str
    calls: int
    """Called spans; messages are counted by the links of their receivers."""
    messages: int = 0
    """How many of the calls are messages: the called span links to its caller in another trace."""
    errors: int
    p50_nanos: int
    p95_nanos: int
    """Of the called spans; where the callee sends none, of the calling ones."""


class ServiceMap(Answer):
    """Who calls whom."""

    nodes: list[MapNode]
    edges: list[MapEdge]


class ServiceOverview(Answer):
    """How a service does, and whether it is instrumented well."""

    service: str
    spans: int
    requests: int
    errors: int
    p50_nanos: int
    p95_nanos: int
    p99_nanos: int
    """Of the requests, as in `MapNode`."""
    last_span_micros: int
    versions: list[str]
    """Values of `service.version`, the newest first."""
    sdk: str
    """`telemetry.sdk.language` and version, such as `python 1.40.0`; empty when not told."""
    rate: list[int]
    """Requests in each of 24 equal parts of the window, oldest first."""


class OperationOverview(Answer):
    """How an operation of a service does."""

    operation: str
    kind: str
    calls: int
    errors: int
    p50_nanos: int
    p95_nanos: int
    p99_nanos: int
    total_nanos: int
    """Sum of the durations: the operation's weight."""
    slowest_trace_id: str
    slowest_span_id: str
    failed_trace_id: str
    failed_span_id: str
    """The newest span that failed, and its trace; empty where none did."""


class ExceptionOverview(Answer):
    """Spans with an event that records an exception, of one type and alike messages."""

    type: str
    """`exception.type`; empty where not told."""
    message: str
    """`exception.message` of the newest span; empty where not told, cut after 1,000 bytes."""
    messages: int
    """How many different messages there are; they differ in numbers alone."""
    spans: int
    """A span in which the same was recorded twice counts once."""
    last_micros: int
    """When the newest span began."""
    trace_id: str
    span_id: str
    """Of the newest span."""


class ServiceExceptions(Answer):
    """The exceptions recorded most often in spans of a service."""

    exceptions: list[ExceptionOverview]
    """Those of the most spans first."""
    start_micros: int
    """First start of the spans counted: later than asked for where very many have exceptions."""


class ServiceMetrics(Answer):
    """Rate, errors and durations over time; each list has one number a step."""

    start_micros: int
    step_micros: int
    calls: list[int]
    errors: list[int]
    p50_nanos: list[int | None]
    p95_nanos: list[int | None]
    p99_nanos: list[int | None]
    """None where there were no calls."""
    versions: list[VersionStart]


class VersionStart(Answer):
    """When a version of the service was first seen in the window."""

    version: str
    first_micros: int


class PipelineComponent(Answer):
    """One component that runs, with what it has counted since the start."""

    kind: Literal["receivers", "processors", "exporters", "connectors", "extensions"]
    id: str
    pipelines: list[str]
    """Those it is part of; none for extensions."""
    addresses: dict[str, str]
    """Where it listens, by protocol; empty for most."""
    accepted: int
    """Spans taken: received, passed on, or delivered."""
    refused: int
    """Spans not taken, to be sent again by their sender."""
    refused_requests: dict[str, int]
    """Requests turned away before their spans were counted, by reason; of receivers alone."""
    dropped: int
    """Spans lost or left out on purpose, such as by sampling."""
    dropped_reasons: dict[str, int]
    errors: list[ComponentError]
    """The last ones, the newest first."""
    queue_size: int | None
    queue_capacity: int | None
    """In `queue_unit`; None for components without a queue."""
    queue_unit: str
    """bytes, spans or requests; empty for components without a queue."""


class ComponentError(Answer):
    """Something that went wrong."""

    at_micros: int
    message: str
    spans: int
    """How many spans it was about."""


class Pipeline(Answer):
    """The running process."""

    version: str
    started_micros: int
    now_micros: int
    pipelines: dict[str, dict[str, list[str]]]
    """Ids of each pipeline's receivers, processors and exporters as configured, and `connectors`:
    those of them that are connectors."""
    components: list[PipelineComponent]
    problems: list[str]
    """What is wrong now, in words, such as a queue that is full; empty when all is well."""
    memory_bytes: int
    """The process's own, as `memory_limiter` counts it."""
    memory_limit_bytes: int | None
    """The hard limit of the strictest `memory_limiter`; None where none runs."""
    disk_bytes: int | None
    """What the embedded store and the journal take; None where they are elsewhere."""
    disk_free_bytes: int | None
    stored_spans: int
    """0 until the store is open, or while it does not answer."""
    config: str
    """The effective configuration as YAML, secrets masked."""


class TestSpan(Answer):
    """A span that was sent to try the way."""

    trace_id: str
    endpoint: str
    """Where it was sent."""
