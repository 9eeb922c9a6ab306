"""A running configuration: order of start and stop, errors, signals, flush, last words."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import textwrap
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ananta.config.load import load_config
from ananta.errors import RetryableError, StartupError
from ananta.pipeline import service as service_module
from ananta.pipeline.service import Listening, Service, run
from tests.unit.pipeline.batches import batch_of, until
from tests.unit.pipeline.components import EVENTS, table, the

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ananta.config.service import CollectorConfig

QUIET = "service: {telemetry: {metrics: {level: none}, logs: {level: error}}}"
CHAIN = """
    receivers: {plain/in: }
    processors: {plain/p1: , plain/p2: }
    exporters: {plain/out: }
    extensions: {plain/e1: , plain/e2: , plain/unused: }
    service:
      extensions: [plain/e1, plain/e2]
      pipelines:
        traces: {receivers: [plain/in], processors: [plain/p1, plain/p2], exporters: [plain/out]}
"""


def configuration(text: str, *overrides: str) -> CollectorConfig:
    sources = [f"yaml:{textwrap.dedent(text)}", f"yaml:{QUIET}"]
    return load_config(sources, table=table(), overrides=overrides)


@asynccontextmanager
async def started(text: str, *overrides: str, **arguments: Any) -> AsyncIterator[Service]:
    service = Service(configuration(text, *overrides), table(), **arguments)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def test_everything_starts_from_the_far_end_and_stops_the_other_way_round() -> None:
    async with started(CHAIN) as service:
        assert service.overview.ready_since is not None
        assert EVENTS == [
            "start plain/e1",
            "start plain/e2",
            "start plain/out",
            "start plain/p2",
            "start plain/p1",
            "start plain/in",
        ]
        EVENTS.clear()
    assert service.overview.ready_since is None
    assert EVENTS == [
        "stop plain/in",
        "stop plain/p1",
        "stop plain/p2",
        "stop plain/out",
        "stop plain/e2",
        "stop plain/e1",
    ]


async def test_pipelines_behind_a_connector_start_before_those_that_feed_it() -> None:
    connected = """
        receivers: {plain/in: , plain/in2: }
        processors: {plain/p1: , plain/p2: }
        exporters: {plain/out: }
        connectors: {plain/join: }
        service:
          pipelines:
            traces/1: {receivers: [plain/in], processors: [plain/p1], exporters: [plain/join]}
            traces/2:
              receivers: [plain/join, plain/in2]
              processors: [plain/p2]
              exporters: [plain/out]
    """
    order = ["plain/out", "plain/p2", "plain/join", "plain/p1", "plain/in", "plain/in2"]
    async with started(connected):
        assert [event.removeprefix("start ") for event in EVENTS] == order
        EVENTS.clear()
    assert [event.removeprefix("stop ") for event in EVENTS[:2]] == ["plain/in2", "plain/in"]
    assert EVENTS[-1] == "stop plain/out"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "fail_to_start=the port is taken",
            "processors::plain/p1 in pipeline traces: the port is taken",
        ),
        (
            "fail_to_start=processors::plain/p1::port is taken",
            "processors::plain/p1::port is taken",
        ),
        (
            "crash_at_start=oops",
            "processors::plain/p1 in pipeline traces: cannot start: ValueError: oops",
        ),
    ],
)
async def test_a_component_that_cannot_start_is_named_and_the_others_are_stopped(
    setting, message
) -> None:
    with pytest.raises(StartupError) as caught:
        async with started(CHAIN, f"processors.plain/p1.{setting}"):
            pass
    assert str(caught.value) == message
    starts = {event.split()[1] for event in EVENTS if event.startswith("start")}
    stops = {event.split()[1] for event in EVENTS if event.startswith("stop")}
    assert starts == stops
    assert "plain/in" not in starts


async def test_a_component_that_fails_to_stop_does_not_keep_the_others_from_it(caplog) -> None:
    async with started(CHAIN, "processors.plain/p1.fail_to_stop=oops"):
        pass
    assert EVENTS[-1] == "stop plain/e1"
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.message == "A component failed to stop."
    assert record.component == "processors::plain/p1 in pipeline traces"


async def test_a_component_that_does_not_stop_in_time_is_left_behind(caplog, monkeypatch) -> None:
    monkeypatch.setattr(service_module, "_LAST_CHANCE_SECONDS", 0.01)
    async with started(CHAIN, shutdown_timeout_seconds=0):

        async def hang() -> None:
            await asyncio.Event().wait()

        the("plain/p2").shutdown = hang
    assert EVENTS[-1] == "stop plain/e1"
    assert "A component did not stop in time." in caplog.text


QUEUED = """
    receivers: {plain/in: }
    processors: {holding: }
    exporters:
      queued: {sending_queue: {sizer: items, queue_size: 9000, batch: {flush_timeout: 1h}}}
    service:
      pipelines:
        traces: {receivers: [plain/in], processors: [holding], exporters: [queued]}
"""


async def test_a_flush_brings_everything_accepted_to_the_exporter() -> None:
    async with started(QUEUED) as service:
        await the("plain/in").next_sink.consume(batch_of("a"))
        assert the("queued").received == []
        await the("plain/in").host.flush("queued")
        assert the("queued").received == ["a"]
        assert service.exporter("queued") is the("queued")


async def test_a_flush_fails_while_the_exporter_does() -> None:
    async with started(QUEUED) as service:
        the("queued").failures = [RetryableError("store is down")]
        await the("plain/in").next_sink.consume(batch_of("a"))
        with pytest.raises(RetryableError, match="store is down"):
            await service.flush("queued")


async def test_what_does_not_run_cannot_be_asked_for() -> None:
    async with started(CHAIN) as service:
        assert service.extension("plain/e1") is the("plain/e1")
        with pytest.raises(StartupError, match="list it in service::extensions"):
            service.extension("plain/unused")
        with pytest.raises(StartupError, match=r'exporter "clickhouse" does not run'):
            service.exporter("clickhouse")
        with pytest.raises(StartupError, match=r'exporter "clickhouse" does not run'):
            await service.flush("clickhouse")


async def test_the_end_says_what_was_delivered_saved_and_dropped(caplog) -> None:
    async with started(QUEUED, "service.telemetry.logs.level=info"):
        await the("plain/in").next_sink.consume(batch_of("a", "b"))
        await the("plain/in").host.flush("queued")
        await the("plain/in").next_sink.consume(batch_of("c"))
        await the("plain/in").host.flush("queued")
    assert "Stopped: 3 spans delivered, 0 saved for the next start, 0 dropped." in caplog.text


async def test_what_a_journal_keeps_counts_as_saved(tmp_path, caplog) -> None:
    text = f"""
        receivers: {{plain/in: }}
        exporters: {{queued: {{sending_queue: {{storage: file_storage}}}}}}
        extensions: {{file_storage: {{directory: {tmp_path}}}}}
        service:
          extensions: [file_storage]
          pipelines: {{traces: {{receivers: [plain/in], exporters: [queued]}}}}
    """
    async with started(text, "service.telemetry.logs.level=info"):
        the("queued").failures = [RetryableError("away")] * 9
        await the("plain/in").next_sink.consume(batch_of("a", "b"))
    assert "Stopped: 0 spans delivered, 2 saved for the next start, 0 dropped." in caplog.text


def announced() -> tuple[list[Sequence[Listening]], Any]:
    told: list[Sequence[Listening]] = []
    return told, told.append


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_everything(number) -> None:
    told, announce = announced()
    running = asyncio.create_task(run(configuration(CHAIN), table=table(), announce=announce))
    await until(lambda: bool(told))
    os.kill(os.getpid(), number)
    assert await running == 0
    assert EVENTS[-1] == "stop plain/e1"


async def test_a_hangup_reads_the_configuration_again() -> None:
    told, announce = announced()
    other = CHAIN.replace("plain/in", "plain/new")
    configurations = [configuration(other)]
    running = asyncio.create_task(
        run(
            configuration(CHAIN),
            table=table(),
            announce=announce,
            reload=lambda: configurations.pop(),
        )
    )
    await until(lambda: len(told) == 1)
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: len(told) == 2)
    assert EVENTS.index("stop plain/e1") < EVENTS.index("start plain/new")
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


async def test_a_stop_while_it_stops_to_reload_ends_the_run() -> None:
    told, announce = announced()
    running = asyncio.create_task(
        run(
            configuration(CHAIN),
            table=table(),
            announce=announce,
            reload=lambda: pytest.fail("reloaded"),
        )
    )
    await until(lambda: bool(told))
    stop = the("plain/in").shutdown

    async def stop_when_asked_again() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        await stop()

    the("plain/in").shutdown = stop_when_asked_again
    os.kill(os.getpid(), signal.SIGHUP)
    assert await running == 0


async def test_a_fatal_error_ends_the_run_and_names_the_component(caplog) -> None:
    told, announce = announced()
    running = asyncio.create_task(run(configuration(CHAIN), table=table(), announce=announce))
    await until(lambda: bool(told))
    the("plain/p1").host.report_fatal("plain/p1", RuntimeError("lost the connection"))
    assert await running == 1
    assert EVENTS[-1] == "stop plain/e1"
    record = caplog.records[0]
    assert record.message == "Asynchronous error received, terminating process"
    assert record.component == "plain/p1"
    assert record.error == "lost the connection"


async def test_a_signal_during_a_slow_start_ends_it() -> None:
    class Slow:
        entered = asyncio.Event()

    from tests.unit.pipeline import components

    start = components.Plain.start

    async def hang(self: Any, host: Any) -> None:
        await start(self, host)
        if self.settings.id == "plain/p2":
            Slow.entered.set()
            await asyncio.Event().wait()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(components.Plain, "start", hang)
        _, announce = announced()
        running = asyncio.create_task(run(configuration(CHAIN), table=table(), announce=announce))
        await Slow.entered.wait()
        os.kill(os.getpid(), signal.SIGINT)
        assert await running == 0
    assert "stop plain/out" in EVENTS
    assert "start plain/in" not in EVENTS


READERS = "[{pull: {exporter: {prometheus: {port: 0}}}}]"
WITH_METRICS = f"service.telemetry.metrics={{level: basic, readers: {READERS}}}"


async def test_the_own_metrics_are_served_under_the_collectors_names() -> None:
    async with started(
        CHAIN, WITH_METRICS, "service.telemetry.resource={team: blue, ours: true}"
    ) as service:
        (metrics,) = service.listening()
        assert metrics.name == "metrics"
        async with httpx.AsyncClient() as client:
            response = await client.get(metrics.address)
    assert response.headers["content-type"].startswith("text/plain; version=")
    lines = response.text.splitlines()
    shown = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    assert shown >= {
        "otelcol_process_memory_rss",
        "otelcol_process_uptime",
        "otelcol_process_cpu_seconds",
        "otelcol_process_runtime_heap_alloc_bytes",
        "otelcol_process_runtime_total_sys_memory_bytes",
        "otelcol_exporter_sent_spans",
        "target_info",
    }
    assert "# TYPE otelcol_process_uptime counter" in lines
    assert not any(name.endswith("_total") for name in shown)
    (target,) = [line for line in lines if line.startswith("target_info")]
    assert 'service_name="ananta"' in target
    assert 'team="blue",ours="true"' in target


async def test_a_taken_metrics_port_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        override = WITH_METRICS.replace("port: 0", f"port: {port}")
        with pytest.raises(StartupError) as caught:
            async with started(CHAIN, override):
                pass
    assert str(caught.value).startswith(
        f"service::telemetry::metrics::readers[0]: cannot listen on localhost:{port}: "
    )
    assert EVENTS == []


async def test_everything_that_listens_is_announced_with_its_address_and_purpose() -> None:
    text = CHAIN.replace("plain/e1", "health_check").replace("plain/e2", "zpages")
    settings = (
        "extensions.health_check.endpoint=localhost:0",
        "extensions.zpages.endpoint=localhost:0",
    )
    async with started(text, *settings) as service:
        listening = {each.name: each for each in service.listening()}
    assert list(listening) == ["health_check", "zpages"]
    assert listening["health_check"].address.startswith("127.0.0.1:")
    assert listening["health_check"].purpose == "Answers over HTTP whether the process is ready."
