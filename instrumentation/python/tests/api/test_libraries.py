"""Libraries are traced by their official instrumentations, each when it is imported.

Every test runs in a process of its own, for what is instrumented stays so.
"""

from __future__ import annotations

import textwrap

import pytest

from .conftest import run_python

START = """
import sys
from ananta_tracing import libraries
from ananta_tracing.settings import resolve_settings
from ananta_tracing.spans import create_span
from ananta_tracing.testing import record_spans

settings = resolve_settings({"service_name": "tests"})
"""


def run(script: str, **environ: str) -> str:
    return run_python(START + textwrap.dedent(script), **environ)


def test_nothing_is_imported_before_the_application_does():
    run("""
        before = set(sys.modules)
        libraries.instrument_libraries(settings)
        heavy = {"httpx", "sqlalchemy", "celery", "botocore", "redis", "grpc", "fastapi", "django"}
        assert not heavy & set(sys.modules) - before
        report = libraries.report_libraries()
        assert report["httpx"] == "waits for the import of httpx", report
        assert report["fastapi"] == "instrument_app traces it"
        assert report["threading"] == "instrumented"
    """)


HTTPX = """
    libraries.instrument_libraries(settings)
    import httpx
    from tests.api.conftest import serve_asgi

    seen = []

    async def app(scope, receive, send):
        seen.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    with record_spans() as spans, serve_asgi(app) as client:
        url = f"http://127.0.0.1:{client.port}/parts"
        headers = {"Authorization": "Bearer abcdefgh12345", "X-Tenant": "acme"}
        with create_span("enrich") as parent:
            httpx.get(url, headers=headers)
        trace_id = f"{parent.get_span_context().trace_id:032x}"
    assert trace_id in seen[0]["traceparent"]
    spans.assert_trace("enrich\\n  GET")
    span = spans.assert_span("GET", "enrich", {
        "http.request.method": "GET", "url.full": url, "http.response.status_code": 200,
    }, kind="client")
    spans.assert_no_secrets("abcdefgh12345")
    print(sorted(key for key in span.attributes if ".header." in key))
    print(span.attributes.get("http.request.header.authorization"))
"""


def test_httpx_makes_client_spans_of_the_stable_conventions_and_no_headers():
    assert run(HTTPX, OTEL_SEMCONV_STABILITY_OPT_IN="http,database").startswith("[]\n")


def test_headers_captured_on_request_are_redacted_by_default():
    said = run(
        HTTPX,
        OTEL_SEMCONV_STABILITY_OPT_IN="http,database",
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST="authorization,x-tenant",
    )
    assert "['http.request.header.authorization', 'http.request.header.x_tenant']" in said
    assert "REDACTED" in said


def test_a_health_check_that_calls_out_is_not_traced():
    run("""
        libraries.instrument_libraries(settings)
        import httpx
        from fastapi import FastAPI
        from ananta_tracing.apps import instrument_app
        from tests.api.conftest import serve_asgi

        app = FastAPI()

        @app.get("/ready")
        async def ready():
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://127.0.0.1:{port}/live")).status_code

        @app.get("/live")
        async def live():
            return 1

        instrument_app(app)
        with record_spans() as spans, serve_asgi(app) as client:
            port = client.port
            assert client.get("/ready").body == b"200"
        assert spans.finished == [], spans.tree()
    """)


def test_sqlalchemy_and_threads():
    run(
        """
        libraries.instrument_libraries(settings)
        from concurrent.futures import ThreadPoolExecutor
        import sqlalchemy
        from sqlalchemy.pool import StaticPool

        engine = sqlalchemy.create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )

        def count():
            with engine.connect() as connection:
                return connection.execute(sqlalchemy.text("SELECT :n"), {"n": 5}).scalar()

        with record_spans() as spans:
            with create_span("load_bom"), ThreadPoolExecutor(1) as pool:
                assert pool.submit(count).result() == 5
        spans.assert_trace("load_bom\\n  connect\\n  SELECT")
        spans.assert_span("SELECT", "load_bom", {"db.query.text": "SELECT ?"}, kind="client")
        assert len({span.context.trace_id for span in spans.finished}) == 1
        spans.assert_no_orphans()
    """,
        OTEL_SEMCONV_STABILITY_OPT_IN="http,database",
    )


def test_plain_threads_and_timers():
    run(
        """
        libraries.instrument_libraries(settings)
        import threading

        def work():
            with create_span("in thread"):
                pass

        with record_spans() as spans:
            with create_span("request"):
                threads = [threading.Thread(target=work), threading.Timer(0, work)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
        spans.assert_trace("request\\n  in thread\\n  in thread")
    """
    )


def test_disabled_ones_stay_out():
    run(
        """
        libraries.instrument_libraries(settings)
        import httpx
        report = libraries.report_libraries()
        assert report["httpx"] == "disabled by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
        assert report["requests"].startswith("waits")
        """,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="httpx, redis",
    )
    run(
        """
        libraries.instrument_libraries(settings)
        assert not any("instrumented" == what for what in libraries.report_libraries().values())
        """,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*",
    )


def test_only_those_named_and_what_is_missing_is_told():
    said = run("""
        libraries.instrument_libraries(settings, ["httpx", "pymongo"])
        import httpx, requests
        report = libraries.report_libraries()
        assert report["httpx"] == "instrumented"
        assert report["requests"] == "not among those init_tracing was told to instrument"
    """)
    assert "pip install opentelemetry-instrumentation-pymongo" in said
    assert said.count("pip install") == 1


def test_an_instrumentation_that_fails_does_not_break_the_import():
    said = run("""
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

        def broken(self, **keywords):
            raise RuntimeError("does not fit")

        HTTPXClientInstrumentor._instrument = broken
        libraries.instrument_libraries(settings)
        import httpx
        assert libraries.report_libraries()["httpx"] == "failed: does not fit"
    """)
    assert "httpx is not traced, its instrumentation failed: does not fit" in said


def test_instrumenting_twice_and_taking_back():
    said = run("""
        import httpx
        original = httpx.HTTPTransport.handle_request
        for _ in range(2):
            libraries.instrument_libraries(settings)
        assert httpx.HTTPTransport.handle_request is not original
        libraries.uninstrument_libraries()
        assert httpx.HTTPTransport.handle_request is original
        libraries.instrument_libraries(settings)
        assert httpx.HTTPTransport.handle_request is not original
    """)
    assert "already instrumented" not in said


def test_what_somebody_else_instrumented_is_left_to_them():
    said = run("""
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
        HTTPXClientInstrumentor().instrument()
        libraries.instrument_libraries(settings)
        assert libraries.report_libraries()["httpx"] == "instrumented by somebody else"
    """)
    assert "already instrumented" not in said


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_our_own_export_is_not_traced(protocol):
    run(f"""
        from ananta_tracing import flush_tracing, init_tracing
        from tests.core.sink import grpc_sink, http_sink

        with {"grpc_sink" if protocol == "grpc" else "http_sink"}() as sink:
            init_tracing("shop", sink.endpoint, 1.0, protocol="{protocol}")
            import grpc, requests, urllib3, urllib.request
            for number in range(3):
                with create_span(f"a {{number}}"):
                    pass
                assert flush_tracing()
        assert [span.name for span in sink.spans] == ["a 0", "a 1", "a 2"]
    """)


def test_temporal_clients_get_the_interceptor_of_their_sdk():
    run("""
        libraries.instrument_libraries(settings)
        import asyncio
        from temporalio.client import Client
        from temporalio.contrib.opentelemetry import TracingInterceptor

        def interceptors(client):
            return [each for each in client.config()["interceptors"]
                    if isinstance(each, TracingInterceptor)]

        async def main():
            client = await Client.connect("localhost:1", lazy=True)
            assert len(interceptors(client)) == 1
            mine = TracingInterceptor()
            client = await Client.connect("localhost:1", lazy=True, interceptors=[mine])
            assert interceptors(client) == [mine]

        asyncio.run(main())
        assert libraries.report_libraries()["temporal"] == "instrumented"
        libraries.uninstrument_libraries()
        assert interceptors(asyncio.run(Client.connect("localhost:1", lazy=True))) == []
    """)
