"""The exporter `debug`: what each verbosity shows, sampling, outputs."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.trace.v1 import trace_pb2 as trace
from pydantic import ValidationError

from ananta.component import Settings
from ananta.errors import StartupError
from ananta.exporters.debug import DebugConfig, DebugExporter, count_resource_spans
from ananta.model import SpanBatch
from ananta.telemetry.metrics import Metrics
from tests.unit.pipeline.batches import batch_of

HOST: Any = None


def exporter_with(**config: Any) -> DebugExporter:
    log = logging.getLogger("ananta.exporters.debug")
    log.setLevel(logging.INFO)
    return DebugExporter(DebugConfig.model_validate(config), Settings("debug", log, Metrics()))


def full_batch() -> SpanBatch:
    """A span with everything in it."""
    Value = common.AnyValue
    data = trace.TracesData()
    resource = data.resource_spans.add(schema_url="https://r")
    resource.resource.attributes.add(key="service.name", value=Value(string_value="shop"))
    scope = resource.scope_spans.add(schema_url="https://s")
    scope.scope.name, scope.scope.version = "lib", "1.2"
    span = scope.spans.add(
        name="checkout",
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        parent_span_id=bytes(range(1, 9)),
        trace_state="a=b",
        kind=trace.Span.SPAN_KIND_SERVER,
        start_time_unix_nano=1_700_000_000_000_000_321,
        end_time_unix_nano=1_700_000_001_000_000_000,
    )
    span.status.code, span.status.message = trace.Status.STATUS_CODE_ERROR, "no money"
    numbers = common.ArrayValue(values=[Value(int_value=1), Value(int_value=2)])
    pairs = common.KeyValueList(values=[common.KeyValue(key="x", value=Value(bool_value=True))])
    span.attributes.add(key="count", value=Value(int_value=7))
    span.attributes.add(key="share", value=Value(double_value=0.5))
    span.attributes.add(key="list", value=Value(array_value=numbers))
    span.attributes.add(key="map", value=Value(kvlist_value=pairs))
    event = span.events.add(name="paid", time_unix_nano=1_700_000_000_500_000_000)
    event.attributes.add(key="by", value=Value(string_value="card"))
    span.links.add(trace_id=bytes(16), span_id=bytes(range(2, 10)), dropped_attributes_count=4)
    return SpanBatch.from_otlp(data.SerializeToString())


async def shown(caplog, batch: SpanBatch, **config: Any) -> list[str]:
    exporter = exporter_with(**config)
    await exporter.start(HOST)
    await exporter.consume(batch)
    await exporter.shutdown()
    return [record.getMessage() for record in caplog.records]


async def test_basic_says_how_many(caplog) -> None:
    batch = SpanBatch.concat([batch_of("a", "b"), batch_of("c")])
    assert await shown(caplog, batch) == ["Traces"]
    fields = vars(caplog.records[0])
    assert (fields["resource spans"], fields["spans"]) == (2, 3)


async def test_normal_adds_a_line_for_each_resource_scope_and_span(caplog) -> None:
    _, text = await shown(caplog, full_batch(), verbosity="normal")
    assert text.splitlines() == [
        "ResourceTraces #0 service.name=shop",
        "ScopeTraces #0 lib@1.2",
        "checkout 000102030405060708090a0b0c0d0e0f 0001020304050607"
        ' count=7 share=0.5 list=[1, 2] map={"x": true}',
    ]


async def test_detailed_shows_every_field(caplog) -> None:
    _, text = await shown(caplog, full_batch(), verbosity="detailed")
    assert text.splitlines() == [
        "ResourceSpans #0",
        "Resource SchemaURL: https://r",
        "Resource attributes:",
        "     -> service.name: Str(shop)",
        "ScopeSpans #0",
        "ScopeSpans SchemaURL: https://s",
        "InstrumentationScope lib 1.2",
        "Span #0",
        "    Trace ID       : 000102030405060708090a0b0c0d0e0f",
        "    Parent ID      : 0102030405060708",
        "    ID             : 0001020304050607",
        "    Name           : checkout",
        "    Kind           : Server",
        "    TraceState     : a=b",
        "    Start time     : 2023-11-14 22:13:20.000000321 +0000 UTC",
        "    End time       : 2023-11-14 22:13:21 +0000 UTC",
        "    Status code    : Error",
        "    Status message : no money",
        "Attributes:",
        "     -> count: Int(7)",
        "     -> share: Double(0.5)",
        "     -> list: Slice([1, 2])",
        '     -> map: Map({"x": true})',
        "Events:",
        "SpanEvent #0",
        "     -> Name: paid",
        "     -> Timestamp: 2023-11-14 22:13:20.5 +0000 UTC",
        "     -> DroppedAttributesCount: 0",
        "     -> Attributes::",
        "          -> by: Str(card)",
        "Links:",
        "SpanLink #0",
        "     -> Trace ID: 00000000000000000000000000000000",
        "     -> ID: 0203040506070809",
        "     -> TraceState:",
        "     -> DroppedAttributesCount: 4",
    ]


async def test_after_the_first_of_a_second_every_so_manieth_batch_is_shown(
    caplog, monkeypatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr("ananta.telemetry.logs.time.monotonic", lambda: seconds[0])
    exporter = exporter_with(sampling_initial=2, sampling_thereafter=3)
    await exporter.start(HOST)
    for _ in range(8):
        await exporter.consume(batch_of("a"))
    assert len(caplog.records) == 4
    seconds[0] = 101.0
    await exporter.consume(batch_of("a"))
    assert len(caplog.records) == 5


async def test_a_file_may_take_the_place_of_the_log(tmp_path, caplog) -> None:
    path = tmp_path / "spans.txt"
    config = {"use_internal_logger": False, "output_paths": [str(path)], "verbosity": "normal"}
    assert await shown(caplog, batch_of("checkout"), **config) == []
    text = path.read_text()
    assert '"spans": 1' in text
    assert "checkout 7474" in text


async def test_a_file_that_cannot_be_written_names_the_setting(tmp_path) -> None:
    exporter = exporter_with(use_internal_logger=False, output_paths=[str(tmp_path)])
    with pytest.raises(StartupError, match=r"^exporters::debug::output_paths: cannot write to"):
        await exporter.start(HOST)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"verbosity": "none"}, 'verbosity level "None" is not supported'),
        ({"verbosity": "chatty"}, "Input should be"),
        (
            {"output_paths": ["stdout"]},
            "output_paths is not supported when use_internal_logger is true",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message) -> None:
    with pytest.raises(ValidationError, match=message):
        DebugConfig.model_validate(settings)


def test_resources_are_counted_in_the_bytes() -> None:
    data = trace.TracesData()
    for number in range(5):
        data.resource_spans.add().scope_spans.add().spans.add(name="x" * 100 * number)
    assert count_resource_spans(data.SerializeToString()) == 5
    assert count_resource_spans(b"") == 0
