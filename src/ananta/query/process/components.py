"""What each component has counted since the start, from the process's own metrics.

Receivers and exporters count spans themselves, under the Collector's names. For all others, and
for receivers of other packages that count nothing, the record of what passed their way in is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ananta.component import Kind
from ananta.processors.probabilistic_sampler import ProbabilisticSamplerConfig
from ananta.query.answers import ComponentError, PipelineComponent

if TYPE_CHECKING:
    from ananta.config.service import CollectorConfig
    from ananta.telemetry.metrics import Metrics
    from ananta.telemetry.operations import Operation
    from ananta.telemetry.overview import Overview

_UNITS = {"items": "spans"}
_REQUEST_REASONS = {
    "malformed": "malformed",
    "unsupported": "path, method or encoding not served here",
    "too_large": "too large",
    "overloaded": "too much waiting",
    "unfinished": "broken off",
    "shutting_down": "shutting down",
}


class Counts(NamedTuple):
    """Spans a component has taken, refused, and lost or left out by reason."""

    accepted: int
    refused: int
    dropped: dict[str, int]


class Queue(NamedTuple):
    """How full a sending queue is; unit as in `PipelineComponent`."""

    size: int | None = None
    capacity: int | None = None
    unit: str = ""


def running_components(config: CollectorConfig) -> dict[tuple[Kind, str], list[str]]:
    """Every component that runs, in the order of a span's way, with the pipelines it is part of."""
    found: dict[Kind, dict[str, list[str]]] = {kind: {} for kind in Kind}
    for name, pipeline in config.service.pipelines.items():
        for kind in (Kind.RECEIVER, Kind.PROCESSOR, Kind.EXPORTER):
            for component_id in getattr(pipeline, kind.value):
                known = config.components(kind)
                own_kind = kind if component_id in known else Kind.CONNECTOR
                pipelines = found[own_kind].setdefault(component_id, [])
                if name not in pipelines:
                    pipelines.append(name)
    found[Kind.EXTENSION] = {component_id: [] for component_id in config.service.extensions}
    order = (Kind.RECEIVER, Kind.PROCESSOR, Kind.CONNECTOR, Kind.EXPORTER, Kind.EXTENSION)
    return {(kind, each): names for kind in order for each, names in found[kind].items()}


def operations_of(overview: Overview, kind: Kind, component_id: str) -> list[Operation]:
    """The records of a component: its way in, and of an exporter its deliveries before that."""
    if kind is Kind.EXTENSION:
        return []
    name = f"{kind.name.lower()}/{component_id}"
    names = [f"{name}/delivery", name] if kind is Kind.EXPORTER else [name]
    return [overview.operations.operation(each) for each in names]


class ComponentReader:
    """Reads what components have counted.

    Args:
        overview: what runs.
        metrics: what it counts with.
    """

    def __init__(self, overview: Overview, metrics: Metrics) -> None:
        self._overview = overview
        self._metrics = metrics

    def read(self) -> list[PipelineComponent]:
        """Every component that runs, receivers first, extensions last."""
        running = running_components(self._overview.config)
        return [self._describe(kind, each, names) for (kind, each), names in running.items()]

    def _describe(self, kind: Kind, component_id: str, pipelines: list[str]) -> PipelineComponent:
        counts = self._counts(kind, component_id)
        queue = self._queue(component_id) if kind is Kind.EXPORTER else Queue()
        return PipelineComponent(
            kind=kind.value,
            id=component_id,
            pipelines=pipelines,
            addresses=self._overview.addresses.get(f"{kind.value}::{component_id}", {}),
            accepted=counts.accepted,
            refused=counts.refused,
            refused_requests=self._refused_requests(component_id) if kind is Kind.RECEIVER else {},
            dropped=sum(counts.dropped.values()),
            dropped_reasons=counts.dropped,
            errors=self._errors(kind, component_id),
            queue_size=queue.size,
            queue_capacity=queue.capacity,
            queue_unit=queue.unit,
        )

    def _counts(self, kind: Kind, component_id: str) -> Counts:
        if kind is Kind.EXTENSION:
            return Counts(0, 0, {})
        if kind is Kind.EXPORTER:
            return self._exporter_counts(component_id)
        (way_in,) = operations_of(self._overview, kind, component_id)
        counts = Counts(way_in.spans, way_in.failed_spans, {})
        if kind is Kind.RECEIVER:
            label = {"receiver": component_id}
            accepted = self._total("otelcol_receiver_accepted_spans", label)
            refused = self._total("otelcol_receiver_refused_spans", label)
            return counts if accepted is None else Counts(accepted, refused or 0, {})
        dropped = self._dropped_by_processor(component_id) if kind is Kind.PROCESSOR else {}
        return counts._replace(dropped=dropped)

    def _dropped_by_processor(self, component_id: str) -> dict[str, int]:
        label = {"processor": component_id}
        reasons = {"refused for good further on": "otelcol_processor_dropped_spans"}
        dropped = {reason: self._total(name, label) or 0 for reason, name in reasons.items()}
        config = self._overview.config.processors.get(component_id)
        if isinstance(config, ProbabilisticSamplerConfig):
            incoming = self._total("otelcol_processor_incoming_items", label) or 0
            outgoing = self._total("otelcol_processor_outgoing_items", label) or 0
            dropped["sampled out"] = incoming - outgoing
        return _told(dropped)

    def _exporter_counts(self, component_id: str) -> Counts:
        label = {"exporter": component_id}
        sent = self._total("otelcol_exporter_sent_spans", label) or 0
        refused = self._total("otelcol_exporter_enqueue_failed_spans", label) or 0
        failed = self._total("otelcol_exporter_send_failed_spans", label) or 0
        lost = self._total("ananta_journal_lost_spans", label) or 0
        if self._queue_config(component_id) is None:  # the sender was told, and has them still
            refused, failed = refused + failed, 0
        dropped = {"could not be delivered": failed, "unreadable in the journal": lost}
        return Counts(sent, refused, _told(dropped))

    def _queue(self, component_id: str) -> Queue:
        config = self._queue_config(component_id)
        if config is None:
            return Queue()
        label = {"exporter": component_id}
        size = self._total("otelcol_exporter_queue_size", label) or 0
        return Queue(size, config.queue_size, _UNITS.get(config.sizer, config.sizer))

    def _queue_config(self, exporter_id: str) -> Any:
        return getattr(self._overview.config.exporters[exporter_id], "sending_queue", None)

    def _refused_requests(self, component_id: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for labels, value in self._metrics.series(
            "ananta_receiver_requests", receiver=component_id
        ):
            if reason := _REQUEST_REASONS.get(labels["outcome"]):
                counts[reason] = counts.get(reason, 0) + int(value)
        return _told(counts)

    def _errors(self, kind: Kind, component_id: str) -> list[ComponentError]:
        operations = operations_of(self._overview, kind, component_id)
        samples = [sample for operation in operations for sample in operation.errors]
        samples.sort(key=lambda sample: sample.ended_at, reverse=True)
        return [
            ComponentError(
                at_micros=int(sample.ended_at * 1e6), message=sample.error, spans=sample.spans
            )
            for sample in samples
        ]

    def _total(self, name: str, labels: dict[str, str]) -> int | None:
        values = [value for _, value in self._metrics.series(name, **labels)]
        return int(sum(values)) if values else None


def _told(counts: dict[str, int]) -> dict[str, int]:
    """The reasons there is something to tell of."""
    return {reason: count for reason, count in counts.items() if count}
