"""Delivery: what arrives, what is tried again, what is lost and counted, what people are told."""

from __future__ import annotations

import gc
import logging
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme
from opentelemetry.sdk.trace.sampling import Decision, StaticSampler

from ananta_tracing.encoding import SpanEncoder
from ananta_tracing.settings import resolve_settings

from .conftest import export_spans, wait_until
from .serving import QuietHandler, serving
from .sink import Answer, Sink, attributes, grpc_sink, http_sink, partial_success

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta_tracing.export import ExportProcessor

DEAD = "http://127.0.0.1:9"


@contextmanager
def exporting(endpoint: str, **environ: str) -> Iterator[tuple[Any, ExportProcessor]]:
    """A tracer whose spans go to the endpoint, and its processor."""
    chosen = resolve_settings(
        {"service_name": "exporter", "otlp_endpoint": endpoint},
        {"OTEL_BSP_SCHEDULE_DELAY": "50", **environ},
    )
    assert not chosen.problems
    tracer, processor = export_spans(chosen)
    try:
        yield tracer, processor
    finally:
        processor.close(0.2)


def end_spans(tracer: Any, count: int = 1, **span_attributes: Any) -> None:
    for number in range(count):
        tracer.start_span(f"span {number}", attributes=span_attributes).end()


GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
DOORS = pytest.mark.parametrize(
    ("open_sink", "environ"), [(http_sink, {}), (grpc_sink, GRPC)], ids=["http", "grpc"]
)


ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("open_sink", "variable", "written", "told"),
    [
        (grpc_sink, ENDPOINT, "127.0.0.1:{port}", "no scheme"),
        (grpc_sink, TRACES_ENDPOINT, "localhost:{port}", "no scheme"),
        (grpc_sink, ENDPOINT, "http://127.0.0.1:{port}/v1/traces", "gRPC has no path"),
        (grpc_sink, ENDPOINT, " grpc://127.0.0.1:{port} ", "over gRPC"),
        (http_sink, ENDPOINT, "127.0.0.1:{port}", "no scheme"),
        (http_sink, ENDPOINT, "http://127.0.0.1:{port}/", None),
        (http_sink, ENDPOINT, "http://127.0.0.1:{port}/v1/traces", None),
        (http_sink, TRACES_ENDPOINT, "http://127.0.0.1:{port}", "no path"),
        (http_sink, "argument", "http://127.0.0.1:{port}", None),
        (http_sink, "argument", "http://127.0.0.1:{port}/v1/traces", None),
    ],
)
def test_spans_arrive_however_the_endpoint_is_written(open_sink, variable, written, told) -> None:
    with open_sink() as sink:
        text = written.format(port=sink.port)
        is_argument = variable == "argument"
        chosen = resolve_settings(
            {"service_name": "x", **({"otlp_endpoint": text} if is_argument else {})},
            {
                **(GRPC if open_sink is grpc_sink else {}),
                **({} if is_argument else {variable: text}),
            },
        )
        tracer, processor = export_spans(chosen)
        end_spans(tracer)
        assert processor.flush(10)
        processor.close(0.2)
        assert len(sink.spans) == 1
        assert open_sink is grpc_sink or sink.headers[0]["path"] == "/v1/traces"
    if told is None:
        assert chosen.problems == ()
    else:
        (problem,) = chosen.problems
        assert problem.startswith(f"{variable}: ")
        assert told in problem


def test_spans_that_end_while_others_are_sent_wait_for_their_own_time(monkeypatch) -> None:
    """They would leave one by one, each in a request of its own."""
    delay = {"OTEL_BSP_SCHEDULE_DELAY": "1000"}
    with http_sink() as sink, exporting(sink.endpoint, **delay) as (tracer, processor):
        send = processor._send

        def send_and_end_one(*arguments: Any) -> Any:
            end_spans(tracer)
            return send(*arguments)

        monkeypatch.setattr(processor, "_send", send_and_end_one)
        end_spans(tracer, 3)
        sink.wait_for(3)
        time.sleep(0.2)
        assert len(sink.spans) == 3
        monkeypatch.setattr(processor, "_send", send)
        assert processor.flush(10)
        assert len(sink.spans) == 4


def test_waiting_spans_are_nothing_that_the_garbage_collector_follows() -> None:
    """It goes through the whole heap when enough objects are new, and stops the service."""
    with exporting(DEAD, OTEL_BSP_SCHEDULE_DELAY="60000") as (tracer, _):
        end_spans(tracer, 10, answer=42)
        gc.collect()
        before = len(gc.get_objects())
        end_spans(tracer, 400, answer=42)
        assert len(gc.get_objects()) < before + 20


@DOORS
def test_spans_arrive_by_themselves(open_sink, environ) -> None:
    with open_sink() as sink, exporting(sink.endpoint, **environ) as (tracer, processor):
        end_spans(tracer, 3, answer=42)
        spans = sink.wait_for(3)
        assert attributes(spans[0].attributes) == {"answer": 42}
        assert sink.resources == [{"service.name": "exporter"}]
        wait_until(lambda: processor.report.statistics == (3, {}))


@DOORS
def test_compression_and_headers(open_sink, environ) -> None:
    more = {
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20abc,x-tenant=acme",
    }
    with open_sink() as sink, exporting(sink.endpoint, **environ, **more) as (tracer, processor):
        end_spans(tracer, 100, text="the same again and again")
        assert processor.flush(10)
        assert len(sink.spans) == 100
        headers = sink.headers[0]
        assert headers["authorization"] == "Bearer abc"
        assert headers["x-tenant"] == "acme"
        assert headers["user-agent"].startswith("ananta-tracing")
        if not environ:
            assert headers["content-encoding"] == "gzip"
            assert headers["content-type"] == "application/x-protobuf"
            assert headers["path"] == "/v1/traces"


def test_one_connection_serves_many_requests(http: Sink) -> None:
    with exporting(http.endpoint) as (tracer, processor):
        for _ in range(5):
            end_spans(tracer)
            assert processor.flush(10)
    assert (len(http.requests), http.connections) == (5, 1)


def test_a_connection_closed_meanwhile_is_opened_again_unnoticed(
    http: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    with exporting(http.endpoint) as (tracer, processor):
        end_spans(tracer)
        assert processor.flush(10)
        http.hang_up()
        end_spans(tracer)
        assert processor.flush(10)
    assert (len(http.spans), http.connections) == (2, 2)
    assert not caplog.records


def test_batches_keep_to_their_limits(http: Sink) -> None:
    with exporting(http.endpoint, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10") as (tracer, processor):
        end_spans(tracer, 95)
        assert processor.flush(10)
    assert len(http.spans) == 95
    assert max(len(r.resource_spans[0].scope_spans[0].spans) for r in http.requests) == 10


def test_requests_stay_below_what_servers_take(grpc_server: Sink) -> None:
    with exporting(grpc_server.endpoint, **GRPC) as (tracer, processor):
        end_spans(tracer, 30, text="x" * 400_000)
        assert processor.flush(30)
    assert len(grpc_server.spans) == 30
    assert max(map(len, grpc_server.raw)) < 4 * 1024 * 1024


@DOORS
def test_a_busy_collector_is_asked_again(open_sink, environ, caplog) -> None:
    busy = grpc_status("UNAVAILABLE") if environ else 503
    with open_sink() as sink, exporting(sink.endpoint, **environ) as (tracer, processor):
        sink.answers = [Answer(busy), Answer(busy)]
        end_spans(tracer, 2)
        assert len(sink.wait_for(2)) == 2
        wait_until(lambda: processor.report.statistics == (2, {}))
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 2
    assert "kept for a while" in told[0]
    assert "again" in told[1]


def grpc_status(name: str) -> int:
    return [code.name for code in grpc.StatusCode].index(name)


def retry_info(seconds: int) -> bytes:
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.duration_pb2 import Duration

    def message(field: int, data: bytes) -> bytes:
        return bytes([field << 3 | 2, len(data)]) + data

    packed = AnyMessage(
        type_url="type.googleapis.com/google.rpc.RetryInfo",
        value=message(1, Duration(seconds=seconds).SerializeToString()),
    )
    return b"\x08\x08" + message(2, b"full") + message(3, packed.SerializeToString())


@pytest.mark.parametrize(
    ("open_sink", "environ", "answer"),
    [
        (http_sink, {}, Answer(429, {"Retry-After": "2"})),
        (
            grpc_sink,
            GRPC,
            Answer(grpc_status("RESOURCE_EXHAUSTED"), {"grpc-status-details-bin": retry_info(2)}),
        ),
    ],
    ids=["http", "grpc"],
)
def test_the_collector_says_when(open_sink, environ, answer) -> None:
    with open_sink() as sink, exporting(sink.endpoint, **environ) as (tracer, _):
        sink.answers = [answer]
        begin = time.monotonic()
        end_spans(tracer)
        sink.wait_for(1)
        assert time.monotonic() - begin >= 2


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "is it an OTLP endpoint?"),
        (401, "OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (413, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
        (500, "log of the collector"),
    ],
)
def test_a_refusal_is_counted_and_told_once_with_advice(http: Sink, status, advice, caplog) -> None:
    with exporting(http.endpoint) as (tracer, processor):
        for _ in range(3):
            http.answers = [Answer(status, body=b"no such thing")]
            end_spans(tracer, 2)
            assert processor.flush(10) is False
        assert processor.report.statistics == (0, {"refused": 6})
        told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert f"answered {status}" in told[0]
    assert "no such thing" in told[0]
    assert advice in told[0]


def test_a_redirect_is_not_followed_but_told(http: Sink, caplog) -> None:
    http.answers = [Answer(307, {"Location": "https://elsewhere/v1/traces"})]
    with exporting(http.endpoint) as (tracer, processor):
        end_spans(tracer)
        assert not processor.flush(10)
    assert "redirects to https://elsewhere/v1/traces" in caplog.text


@DOORS
def test_rejected_spans_are_counted_and_told(open_sink, environ, caplog) -> None:
    with open_sink() as sink, exporting(sink.endpoint, **environ) as (tracer, processor):
        sink.answers = [Answer(body=partial_success(2, "names too long"))]
        end_spans(tracer, 5)
        assert processor.flush(10) is False
        assert processor.report.statistics == (3, {"rejected": 2})
    assert "names too long" in caplog.text


def test_a_warning_with_success_is_told(http: Sink, caplog) -> None:
    http.answers = [Answer(body=partial_success(0, "this door closes in May"))]
    with exporting(http.endpoint) as (tracer, processor):
        end_spans(tracer)
        assert processor.flush(10) is True
    assert "this door closes in May" in caplog.text


@DOORS
def test_a_restarted_collector_gets_what_waited_and_the_drops_are_counted(
    open_sink, environ, caplog
) -> None:
    with open_sink() as sink:
        port = sink.port
    limits = {"OTEL_BSP_MAX_QUEUE_SIZE": "20", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5"}
    endpoint = f"http://127.0.0.1:{port}"
    with exporting(endpoint, **environ, **limits) as (tracer, processor):
        end_spans(tracer, 5)
        wait_until(lambda: processor._batch is not None)
        end_spans(tracer, 50)
        with open_sink(port) as sink:
            sink.wait_for(25)
            wait_until(lambda: processor.report.statistics == (25, {"queue_full": 30}))
    told = [record.getMessage() for record in caplog.records]
    assert sum("cannot be delivered now" in each for each in told) == 1
    assert sum("OTEL_BSP_MAX_QUEUE_SIZE" in each for each in told) == 1
    assert sum("again; 30 were dropped" in each for each in told) == 1


def test_a_batch_nobody_takes_expires_and_is_counted(caplog) -> None:
    with exporting(DEAD, OTEL_BSP_EXPORT_TIMEOUT="300") as (tracer, processor):
        end_spans(tracer, 4)
        wait_until(lambda: processor.report.statistics == (0, {"unreachable": 4}))
    assert "nothing listens there; start the collector" in caplog.text


def test_flush_tells_the_truth(http: Sink) -> None:
    with exporting(http.endpoint, OTEL_BSP_SCHEDULE_DELAY="60000") as (tracer, processor):
        assert processor.flush(0.1) is True
        end_spans(tracer)
        http.answers = [Answer(delay_seconds=2)]
        begin = time.monotonic()
        assert processor.force_flush(300) is False
        assert time.monotonic() - begin < 1.5
        assert processor.force_flush(10_000) is True
        assert len(http.spans) == 1
    with exporting(DEAD) as (tracer, processor):
        end_spans(tracer)
        begin = time.monotonic()
        assert processor.flush(5) is False
        assert time.monotonic() - begin < 2


def test_many_threads_lose_nothing(http: Sink) -> None:
    with exporting(http.endpoint, OTEL_BSP_MAX_QUEUE_SIZE="100000") as (tracer, processor):
        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(end_spans, tracer, 1000)
        assert processor.flush(30)
        assert processor.report.statistics == (8000, {})
    assert len({span.span_id for span in http.spans}) == 8000


def test_http_on_a_port_that_speaks_grpc_is_recognised(grpc_server: Sink, caplog) -> None:
    with exporting(grpc_server.endpoint) as (tracer, processor):
        end_spans(tracer)
        assert not processor.flush(5)
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in caplog.text


def test_grpc_on_a_port_that_speaks_http_is_recognised(http: Sink, caplog) -> None:
    with exporting(http.endpoint, **GRPC) as (tracer, processor):
        end_spans(tracer)
        assert not processor.flush(5)
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in caplog.text


@pytest.mark.parametrize("environ", [{}, GRPC], ids=["http", "grpc"])
def test_an_unknown_host_is_told(environ, caplog) -> None:
    with exporting("http://no-such-host.invalid:4318", **environ) as (tracer, processor):
        end_spans(tracer)
        assert not processor.flush(10)
    assert "host name is not known here" in caplog.text


@contextmanager
def https_sink(authority: trustme.CA) -> Iterator[tuple[int, list[str]]]:
    paths: list[str] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with serving(Handler, tls=context) as port:
        yield port, paths


def test_tls_over_http(tmp_path, caplog) -> None:
    authority = trustme.CA()
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with https_sink(authority) as (port, paths):
        endpoint = f"https://localhost:{port}"
        with exporting(endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE=str(trusted)) as (
            tracer,
            processor,
        ):
            end_spans(tracer)
            assert processor.flush(10)
        assert paths == ["/v1/traces"]
        assert not caplog.records
        with exporting(endpoint) as (tracer, processor):
            end_spans(tracer)
            assert not processor.flush(10)
        assert "set OTEL_EXPORTER_OTLP_CERTIFICATE" in caplog.text
        caplog.clear()
        missing = str(tmp_path / "missing.pem")
        with exporting(endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE=missing) as (tracer, processor):
            end_spans(tracer)
            assert not processor.flush(10)
        assert "a certificate file is missing" in caplog.text


def test_tls_over_grpc(tmp_path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    received: list[bytes] = []

    def export(data: bytes, _: grpc.ServicerContext) -> bytes:
        received.append(data)
        return b""

    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "opentelemetry.proto.collector.trace.v1.TraceService",
                {"Export": grpc.unary_unary_rpc_method_handler(export)},
            ),
        )
    )
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(issued.private_key_pem.bytes(), chain)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        environ = {**GRPC, "OTEL_EXPORTER_OTLP_CERTIFICATE": str(trusted)}
        with exporting(f"https://localhost:{port}", **environ) as (tracer, processor):
            end_spans(tracer)
            assert processor.flush(10)
        assert len(received) == 1
    finally:
        server.stop(0).wait()


def test_a_proxy_of_the_environment_is_used_and_bypassed(http: Sink, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", http.endpoint)
    with exporting("http://collector.example:4318") as (tracer, processor):
        end_spans(tracer)
        assert processor.flush(10)
    assert http.headers[0]["path"] == "http://collector.example:4318/v1/traces"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("http_proxy", DEAD)
    with exporting(http.endpoint) as (tracer, processor):
        end_spans(tracer)
        assert processor.flush(10)


def test_unsampled_spans_stay_here(http: Sink) -> None:
    chosen = resolve_settings({"service_name": "x", "otlp_endpoint": http.endpoint}, {})
    tracer, processor = export_spans(chosen, sampler=StaticSampler(Decision.RECORD_ONLY))
    tracer.start_span("recorded only").end()
    assert processor.close(5)
    assert not http.spans


def test_a_span_that_cannot_be_encoded_is_counted_and_told_once(http: Sink, caplog) -> None:
    def fail(key: str, value: Any) -> Any:
        raise RuntimeError(key)

    chosen = resolve_settings({"service_name": "x", "otlp_endpoint": http.endpoint}, {})
    tracer, processor = export_spans(chosen, SpanEncoder(fail))
    end_spans(tracer, 3)
    assert processor.report.statistics == (0, {"encoding": 3})
    assert len(caplog.records) == 1
