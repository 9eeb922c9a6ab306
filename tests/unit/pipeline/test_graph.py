"""The graph: who hands batches to whom, how often each component is made, what is counted."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from ananta.config.load import load_config
from ananta.errors import PermanentError, RetryableError, StartupError
from ananta.pipeline.fanout import FanOut, combine_errors
from ananta.pipeline.graph import Graph
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.operations import Operations
from tests.unit.pipeline.batches import Recorder, batch_of
from tests.unit.pipeline.components import INSTANCES, table, the

if TYPE_CHECKING:
    from ananta.config.service import CollectorConfig
    from ananta.errors import DeliveryError


def configuration(text: str) -> CollectorConfig:
    return load_config([f"yaml:{textwrap.dedent(text)}"], table=table())


def graph_of(text: str, metrics: Metrics | None = None) -> Graph:
    return Graph(configuration(text), table(), metrics or Metrics(), Operations())


TWO_PIPELINES = """
    receivers: {plain/in: , plain/other: }
    processors: {plain/p1: , plain/p2: }
    exporters: {plain/out: , plain/extra: }
    service:
      pipelines:
        traces:
          receivers: [plain/in]
          processors: [plain/p1, plain/p2]
          exporters: [plain/out]
        traces/2:
          receivers: [plain/in, plain/other]
          processors: [plain/p1]
          exporters: [plain/out, plain/extra]
"""


async def test_a_batch_goes_through_the_processors_in_order_to_every_exporter() -> None:
    graph_of(TWO_PIPELINES)
    await the("plain/other").next_sink.consume(batch_of("a"))
    assert the("plain/out").received == ["a"]
    assert the("plain/extra").received == ["a"]
    assert [p.received for p in INSTANCES["plain/p1"]] == [[], ["a"]]
    assert the("plain/p2").received == []


async def test_a_receiver_in_two_pipelines_feeds_both() -> None:
    graph_of(TWO_PIPELINES)
    await the("plain/in").next_sink.consume(batch_of("a"))
    assert the("plain/out").received == ["a", "a"]
    assert the("plain/extra").received == ["a"]


def test_receivers_and_exporters_are_made_once_and_processors_once_a_pipeline() -> None:
    graph_of(TWO_PIPELINES)
    made = {component_id: len(instances) for component_id, instances in INSTANCES.items()}
    assert made == {
        "plain/in": 1,
        "plain/other": 1,
        "plain/p1": 2,
        "plain/p2": 1,
        "plain/out": 1,
        "plain/extra": 1,
    }


def test_every_component_comes_after_all_it_hands_batches_to() -> None:
    nodes = graph_of(TWO_PIPELINES).nodes
    for place, node in enumerate(nodes):
        assert all(nodes.index(target) < place for target in node.targets)
    assert [node.id for node in nodes[-2:]] == ["plain/in", "plain/other"]


CONNECTED = """
    receivers: {plain/in: }
    processors: {plain/late: }
    exporters: {plain/out: }
    connectors: {forward: }
    service:
      pipelines:
        traces/in: {receivers: [plain/in], exporters: [forward]}
        traces/out: {receivers: [forward], processors: [plain/late], exporters: [plain/out]}
        traces/other: {receivers: [forward], exporters: [plain/out]}
"""


async def test_a_connector_joins_pipelines() -> None:
    graph_of(CONNECTED)
    await the("plain/in").next_sink.consume(batch_of("a"))
    assert the("plain/late").received == ["a"]
    assert the("plain/out").received == ["a", "a"]


def test_an_unused_component_is_not_made() -> None:
    graph_of(
        """
        receivers: {plain/in: , plain/unused: }
        exporters: {plain/out: , plain/unused2: }
        service: {pipelines: {traces: {receivers: [plain/in], exporters: [plain/out]}}}
        """
    )
    assert set(INSTANCES) == {"plain/in", "plain/out"}


def test_a_component_that_cannot_be_made_is_named() -> None:
    with pytest.raises(StartupError) as caught:
        graph_of(
            """
            receivers: {plain/in: }
            exporters: {plain/out: {fail_to_make: no such colour}}
            service: {pipelines: {traces: {receivers: [plain/in], exporters: [plain/out]}}}
            """
        )
    assert str(caught.value) == "exporters::plain/out: cannot be made: ValueError: no such colour"


def test_what_may_hold_spans_before_an_exporter_is_found_across_connectors() -> None:
    graph = graph_of(
        """
        receivers: {plain/in: }
        processors: {holding/first: , holding/second: , holding/elsewhere: , plain/p: }
        exporters: {plain/out: , plain/elsewhere: }
        connectors: {forward: }
        service:
          pipelines:
            traces/in:
              receivers: [plain/in]
              processors: [holding/first, plain/p]
              exporters: [forward]
            traces/out: {receivers: [forward], processors: [holding/second], exporters: [plain/out]}
            traces/elsewhere:
              receivers: [plain/in]
              processors: [holding/elsewhere]
              exporters: [plain/elsewhere]
        """
    )
    holders = [node.id for node in graph.holders_before("plain/out")]
    assert holders == ["holding/first", "holding/second"]
    assert [node.id for node in graph.holders_before("plain/elsewhere")] == ["holding/elsewhere"]


async def test_what_goes_into_and_out_of_processors_is_counted() -> None:
    metrics = Metrics()
    graph_of(TWO_PIPELINES, metrics)
    await the("plain/other").next_sink.consume(batch_of("a", "b"))
    labels = ("processor", "otel.signal")
    for name in ("otelcol_processor_incoming_items", "otelcol_processor_outgoing_items"):
        counter = metrics.counter(name, "", labels)
        assert counter.value(**{"processor": "plain/p1", "otel.signal": "traces"}) == 2
    assert 'otelcol_processor_incoming_items{processor="plain/p1",otel_signal="traces"} 2.0' in (
        metrics.exposition().decode()
    )


async def test_each_component_records_its_operations() -> None:
    operations = Operations()
    Graph(configuration(TWO_PIPELINES), table(), Metrics(), operations)
    await the("plain/in").next_sink.consume(batch_of("a", "b"))
    spans = {operation.name: operation.spans for operation in operations.all()}
    assert spans == {
        "receiver/plain/in": 2,
        "receiver/plain/other": 0,
        "processor/plain/p1": 4,
        "processor/plain/p2": 2,
        "exporter/plain/out": 4,
        "exporter/plain/out/delivery": 4,
        "exporter/plain/extra": 2,
        "exporter/plain/extra/delivery": 2,
    }


def failing(error: DeliveryError) -> Recorder:
    recorder = Recorder()
    recorder.failures = [error]
    return recorder


async def test_a_failing_consumer_does_not_keep_the_batch_from_the_others() -> None:
    first, last = failing(RetryableError("full")), Recorder()
    with pytest.raises(RetryableError, match=r"^full$"):
        await FanOut([first, last]).consume(batch_of("a"))
    assert last.names == ["a"]


def test_combined_errors_are_permanent_if_any_is() -> None:
    mixed = combine_errors([RetryableError("full"), PermanentError("bad")])
    assert isinstance(mixed, PermanentError)
    assert str(mixed) == "full; bad"
    retryable = combine_errors(
        [
            RetryableError("a", grpc_status=14, retry_after_seconds=2),
            RetryableError("b", grpc_status=14, retry_after_seconds=7),
        ]
    )
    assert isinstance(retryable, RetryableError)
    assert retryable.retry_after_seconds == 7
    assert retryable.grpc_status == 14
