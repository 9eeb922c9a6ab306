"""The graph of one configuration: which component hands its batches to which, and who starts when.

    receivers ─▶ processors of a pipeline, in order ─▶ fan-out ─▶ exporters and connectors
                     ▲                                                            │
                     └────────────── pipelines that receive from a connector ◀────┘

A receiver, a connector and an exporter is one instance however many pipelines name it; a processor
is one instance for each pipeline. Nodes are built from the far end, so the order of building is
the order of starting, receivers last, and its reverse the order of stopping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ananta.component import Kind, Settings
from ananta.config.ids import type_of
from ananta.errors import StartupError
from ananta.pipeline.exporter import ExporterRunner
from ananta.pipeline.fanout import fan_out
from ananta.telemetry.logs import component_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ananta.component import SpanSink
    from ananta.config.model import Config
    from ananta.config.service import CollectorConfig
    from ananta.config.table import ComponentTable
    from ananta.model import SpanBatch
    from ananta.telemetry.metrics import Counter, Metrics
    from ananta.telemetry.operations import Operation, Operations


@dataclass(eq=False, slots=True)
class Node:
    """One component in the graph.

    Attributes:
        kind: what it does.
        id: its id in the configuration.
        component: the instance; of an exporter, its `ExporterRunner`.
        pipeline: the pipeline of a processor; "" for what pipelines share.
        targets: the nodes it hands its batches to.
    """

    kind: Kind
    id: str
    component: Any
    pipeline: str
    targets: list[Node]

    @property
    def path(self) -> str:
        """Where its settings are: `exporters::otlp`."""
        return f"{self.kind.value}::{self.id}"

    @property
    def place(self) -> str:
        """Its path, and its pipeline where each pipeline has its own."""
        return describe_place(self.kind, self.id, self.pipeline)


def describe_place(kind: Kind, component_id: str, pipeline: str) -> str:
    """Which component of a configuration an error is about."""
    path = f"{kind.value}::{component_id}"
    return f"{path} in pipeline {pipeline}" if pipeline else path


class Edge:
    """The way into a component, or out of a receiver: counts and times what passes.

    Args:
        sink: where batches go.
        operation: where their passing is recorded.
        counts: counters of spans, each with its labels.
    """

    def __init__(
        self, sink: SpanSink, operation: Operation, counts: Sequence[tuple[Counter, dict[str, str]]]
    ) -> None:
        self._sink = sink
        self._operation = operation
        self._counts = counts

    async def consume(self, batch: SpanBatch) -> None:
        """Hand the batch on."""
        num_spans = len(batch)
        for counter, labels in self._counts:
            counter.add(num_spans, **labels)
        began = self._operation.begin()
        try:
            await self._sink.consume(batch)
        except BaseException as error:
            self._operation.fail(began, num_spans, error)
            raise
        self._operation.end(began, num_spans)


class Graph:
    """Builds the components a configuration uses and the ways between them.

    Args:
        config: resolved and checked: every id it names is configured, and there is no cycle.
        table: where the classes are.
        metrics: the process's own metrics.
        operations: the record of what components do.

    Raises:
        StartupError: a component's class cannot be loaded or made.
    """

    def __init__(
        self,
        config: CollectorConfig,
        table: ComponentTable,
        metrics: Metrics,
        operations: Operations,
    ) -> None:
        self._config = config
        self._maker = ComponentMaker(table, metrics)
        self._operations = operations
        labels = ("processor", "otel.signal")
        self._incoming = metrics.counter(
            "otelcol_processor_incoming_items", "Spans handed to a processor.", labels
        )
        self._outgoing = metrics.counter(
            "otelcol_processor_outgoing_items", "Spans a processor handed on.", labels
        )
        self._pipelines = config.service.pipelines
        self._entries: dict[str, list[Node]] = {}
        self._shared: dict[tuple[Kind, str], Node] = {}
        self._holders: dict[str, list[Node]] = {}
        self.nodes: list[Node] = []
        for name in self._pipelines:
            self._enter(name)
        for receiver_id in self._receiver_ids():
            self._build_receiver(receiver_id)

    @property
    def exporters(self) -> dict[str, ExporterRunner]:
        """The exporters by id."""
        return {node.id: node.component for node in self.nodes if node.kind is Kind.EXPORTER}

    def holders_before(self, exporter_id: str) -> list[Node]:
        """What may hold spans back on their way to an exporter, in the order they pass it."""
        if exporter_id not in self._holders:
            reached = {self._shared[Kind.EXPORTER, exporter_id]}
            for node in self.nodes:  # a node comes after all its targets
                if reached.intersection(node.targets):
                    reached.add(node)
            self._holders[exporter_id] = [
                node
                for node in reversed(self.nodes)
                if node in reached
                and node.kind is not Kind.EXPORTER
                and hasattr(node.component, "flush")
            ]
        return self._holders[exporter_id]

    def _receiver_ids(self) -> list[str]:
        named = [name for pipeline in self._pipelines.values() for name in pipeline.receivers]
        return [name for name in dict.fromkeys(named) if name in self._config.receivers]

    def _enter(self, pipeline_name: str) -> list[Node]:
        """The nodes a pipeline's batches go to first; builds the pipeline at the first call."""
        if pipeline_name in self._entries:
            return self._entries[pipeline_name]
        pipeline = self._pipelines[pipeline_name]
        targets = [
            self._build_exporter_or_connector(name) for name in dict.fromkeys(pipeline.exporters)
        ]
        for processor_id in reversed(pipeline.processors):
            processor = self._build(Kind.PROCESSOR, processor_id, targets, pipeline_name)
            targets = [processor]
        self._entries[pipeline_name] = targets
        return targets

    def _build_exporter_or_connector(self, component_id: str) -> Node:
        if component_id in self._config.exporters:
            key = (Kind.EXPORTER, component_id)
            if key not in self._shared:
                self._shared[key] = self._build(*key, [])
        else:
            key = (Kind.CONNECTOR, component_id)
            if key not in self._shared:
                self._shared[key] = self._build(*key, self._entries_from(component_id))
        return self._shared[key]

    def _entries_from(self, source_id: str) -> list[Node]:
        """The first nodes of every pipeline that receives from a receiver or connector."""
        pipelines = [name for name, each in self._pipelines.items() if source_id in each.receivers]
        return [node for name in pipelines for node in self._enter(name)]

    def _build_receiver(self, receiver_id: str) -> None:
        self._build(Kind.RECEIVER, receiver_id, self._entries_from(receiver_id))

    def _build(
        self, kind: Kind, component_id: str, targets: list[Node], pipeline: str = ""
    ) -> Node:
        next_sinks = [self._way_from(kind, component_id, targets)] if targets else []
        config = self._config.components(kind)[component_id]
        component, settings = self._maker.make(
            kind, component_id, config, *next_sinks, pipeline=pipeline
        )
        if kind is Kind.EXPORTER:
            operation = self._operations.operation(f"exporter/{component_id}/delivery")
            component = ExporterRunner(component, config, settings, operation)
        node = Node(kind, component_id, component, pipeline, targets)
        self.nodes.append(node)
        return node

    def _way_from(self, kind: Kind, component_id: str, targets: list[Node]) -> SpanSink:
        """What a component is given as its next sink: the way to all its targets."""
        edges: list[SpanSink] = []
        for target in targets:
            counts = []
            if target.kind is Kind.PROCESSOR:
                counts.append((self._incoming, _processor_labels(target.id)))
            if kind is Kind.PROCESSOR and not edges:  # once, however many targets there are
                counts.append((self._outgoing, _processor_labels(component_id)))
            name = f"{target.kind.name.lower()}/{target.id}"
            edges.append(Edge(target.component, self._operations.operation(name), counts))
        if kind is not Kind.RECEIVER:
            return fan_out(edges)
        operation = self._operations.operation(f"receiver/{component_id}")
        return Edge(fan_out(edges), operation, [])


def _processor_labels(processor_id: str) -> dict[str, str]:
    return {"processor": processor_id, "otel.signal": "traces"}


class ComponentMaker:
    """Makes components from the table.

    Args:
        table: where the classes are.
        metrics: the process's own metrics.
        extra: what else components find in their settings.
    """

    def __init__(
        self, table: ComponentTable, metrics: Metrics, extra: Mapping[str, Any] | None = None
    ) -> None:
        self._table = table
        self._metrics = metrics
        self._extra = dict(extra or {})

    def make(
        self,
        kind: Kind,
        component_id: str,
        config: Config,
        *next_sink: SpanSink,
        pipeline: str = "",
    ) -> tuple[Any, Settings]:
        """A new component and the settings it was given; raises `StartupError`."""
        log = component_logger(kind, component_id)
        settings = Settings(component_id, log, self._metrics, self._extra)
        factory = self._table.find(kind, type_of(component_id))
        place = describe_place(kind, component_id, pipeline)
        if factory is None:
            message = f"{place}: there is no such component in this program"
            raise StartupError(message)
        try:
            return factory.component_class()(config, settings, *next_sink), settings
        except StartupError:
            raise
        except Exception as error:
            message = f"{place}: cannot be made: {type(error).__name__}: {error}"
            raise StartupError(message) from error
