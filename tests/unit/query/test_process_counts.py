"""What the process tells of each component's spans."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.pipeline.batches import until
from tests.unit.pipeline.components import the
from tests.unit.query.running_process import Running, running, service_of

from ananta.errors import PermanentError, RetryableError
from ananta.query.process import ProcessReader
from ananta.store.connection import StoreError

PATIENT = "{initial_interval: 1h, max_interval: 1h, max_elapsed_time: 0s}"
CHAIN = """
    receivers: {plain/in: }
    processors:
      plain/p1:
      probabilistic_sampler: {sampling_percentage: %s}
    exporters: {queued: }
    service:
      pipelines:
        traces:
          receivers: [plain/in]
          processors: [plain/p1, probabilistic_sampler]
          exporters: [queued]
"""


def one_exporter(settings: str) -> str:
    return f"""
    receivers: {{plain/in: }}
    exporters: {{queued: {settings}}}
    service: {{pipelines: {{traces: {{receivers: [plain/in], exporters: [queued]}}}}}}
    """


async def test_spans_are_counted_all_the_way() -> None:
    async with running(CHAIN % 100) as process:
        await process.send("a", "b", "c")
        await process.service.flush("queued")
        told = {each.id: each for each in (await process.pipeline()).components}
    assert list(told) == ["plain/in", "plain/p1", "probabilistic_sampler", "queued"]
    assert {each.accepted for each in told.values()} == {3}
    assert {each.refused + each.dropped for each in told.values()} == {0}
    assert [each.queue_size for each in told.values()] == [None, None, None, 0]
    assert (told["queued"].queue_capacity, told["queued"].queue_unit) == (1000, "requests")


async def test_what_a_sampler_leaves_out_is_dropped_as_sampled_out() -> None:
    async with running(CHAIN % 0) as process:
        await process.send("a", "b", "c")
        sampler = await process.component("probabilistic_sampler")
        exporter = await process.component("queued")
    assert (sampler.dropped, sampler.dropped_reasons) == (3, {"sampled out": 3})
    assert exporter.accepted == 0


async def test_what_a_full_queue_refuses_is_refused_on_the_whole_way() -> None:
    queue = "{queue_size: 3, sizer: items}"
    settings = f"{{sending_queue: {queue}, retry_on_failure: {PATIENT}}}"
    async with running(one_exporter(settings)) as process:
        the("queued").failures = [RetryableError("away")] * 9
        await process.send("a", "b")
        with pytest.raises(RetryableError, match="queue is full"):
            await process.send("c", "d")
        receiver, exporter = (await process.pipeline()).components
    assert (receiver.accepted, receiver.refused) == (2, 2)
    assert (exporter.accepted, exporter.refused, exporter.dropped) == (0, 2, 0)
    assert (exporter.queue_size, exporter.queue_capacity) == (2, 3)
    assert exporter.queue_unit == "spans"
    assert {error.message for error in exporter.errors} == {"sending queue is full", "away"}
    assert [error.spans for error in receiver.errors] == [2]


async def test_what_cannot_be_delivered_is_dropped_and_the_newest_error_comes_first() -> None:
    async with running(one_exporter("{}")) as process:
        for number, text in enumerate(["older", "newer"], 1):
            the("queued").failures = [PermanentError(text)]
            await process.send("a")
            exporter = await told_of_errors(process, number)
    assert [error.message for error in exporter.errors] == ["newer", "older"]
    assert exporter.errors[0].at_micros >= exporter.errors[1].at_micros > 1e15
    assert exporter.dropped_reasons == {"could not be delivered": 2}
    assert (exporter.dropped, exporter.accepted, exporter.refused) == (2, 0, 0)


async def told_of_errors(process: Running, number: int):
    operation = process.service.overview.operations.operation("exporter/queued/delivery")
    await until(lambda: operation.num_errors == number)
    await process.service.flush("queued")
    return await process.component("queued")


async def test_without_a_queue_the_sender_has_them_still() -> None:
    async with running(one_exporter("{sending_queue: {enabled: false}}")) as process:
        the("queued").failures = [PermanentError("bad span")]
        with pytest.raises(PermanentError):
            await process.send("a")
        await process.send("b", "c")
        exporter = await process.component("queued")
    assert (exporter.accepted, exporter.refused, exporter.dropped) == (2, 1, 0)
    assert (exporter.queue_size, exporter.queue_capacity, exporter.queue_unit) == (None, None, "")


async def test_what_a_batch_processor_gives_up_is_dropped() -> None:
    text = """
    receivers: {plain/in: }
    processors: {batch: {timeout: 1h, send_batch_size: 2}}
    exporters: {queued: {sending_queue: {enabled: false}}}
    service:
      pipelines: {traces: {receivers: [plain/in], processors: [batch], exporters: [queued]}}
    """
    async with running(text) as process:
        the("queued").failures = [PermanentError("bad span")]
        await process.send("a", "b")
        await process.service.flush("queued")
        batch = await process.component("batch")
    assert (batch.accepted, batch.dropped) == (2, 2)
    assert batch.dropped_reasons == {"refused for good further on": 2}


async def test_pipelines_are_told_with_their_connectors() -> None:
    text = """
    receivers: {plain/in: }
    connectors: {forward: }
    exporters: {nop: , queued: }
    service:
      pipelines:
        traces: {receivers: [plain/in], exporters: [forward, nop]}
        traces/second: {receivers: [plain/in, forward], exporters: [queued]}
    """
    async with running(text) as process:
        await process.send("a")
        await process.service.flush("queued")
        told = await process.pipeline()
    assert told.pipelines == {
        "traces": {
            "receivers": ["plain/in"],
            "processors": [],
            "exporters": ["forward", "nop"],
            "connectors": ["forward"],
        },
        "traces/second": {
            "receivers": ["plain/in", "forward"],
            "processors": [],
            "exporters": ["queued"],
            "connectors": ["forward"],
        },
    }
    places = {each.id: (each.kind, each.pipelines) for each in told.components}
    assert places == {
        "plain/in": ("receivers", ["traces", "traces/second"]),
        "forward": ("connectors", ["traces", "traces/second"]),
        "nop": ("exporters", ["traces"]),
        "queued": ("exporters", ["traces/second"]),
    }
    assert {each.id: each.accepted for each in told.components} == {
        "plain/in": 1,
        "forward": 1,
        "nop": 1,
        "queued": 2,
    }


async def test_the_configuration_is_told_without_its_secrets() -> None:
    text = """
    receivers: {plain/in: }
    exporters:
      otlp_http:
        endpoint: http://me:sesame@localhost:1/in
        headers: {authorization: Bearer sesame}
    service: {pipelines: {traces: {receivers: [plain/in], exporters: [otlp_http]}}}
    """
    async with running(text) as process:
        config = (await process.pipeline()).config
    assert "sesame" not in config
    assert "endpoint: http://me:[REDACTED]@localhost:1/in" in config
    assert "authorization: '[REDACTED]'" in config


async def test_a_store_that_does_not_answer_is_a_problem_and_no_failure() -> None:
    asked = 0

    async def broken() -> int:
        raise StoreError("ClickHouse: gone")

    async def hanging() -> int:
        nonlocal asked
        asked += 1
        return await asyncio.Future()

    async with running(one_exporter("{}")) as process:
        opening = await process.pipeline()
        assert (opening.stored_spans, opening.problems) == (0, [])
        overview, metrics = process.service.overview, process.service.metrics
        told = await ProcessReader(overview, metrics, broken).pipeline()
        assert told.problems[0].startswith("The store cannot be asked: ClickHouse: gone.")
        reader = ProcessReader(overview, metrics, hanging, count_timeout_seconds=0.01)
        for _ in range(3):
            told = await reader.pipeline()
            assert told.stored_spans == 0
            assert "did not answer within" in told.problems[0]
    assert asked == 1


async def test_a_process_that_does_not_run_yet_is_told_of() -> None:
    service = service_of(one_exporter("{}"))
    told = await ProcessReader(
        service.overview, service.metrics, lambda: asyncio.sleep(0, 7)
    ).pipeline()
    assert told.stored_spans == 7
    assert [each.accepted for each in told.components] == [0, 0]
    assert told.problems[0].startswith("Not every component runs")
