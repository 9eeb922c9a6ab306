"""Settings: precedence, origins, presets, and every known way to get a value wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ananta_tracing.limits import Limits
from ananta_tracing.sampler_names import SamplerChoice
from ananta_tracing.settings import Settings, resolve_settings

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"


def resolve(environ: dict[str, str] | None = None, **arguments: Any) -> Settings:
    return resolve_settings({"service_name": "x", **arguments}, environ or {})


def test_defaults_are_those_of_the_specification_and_the_guide() -> None:
    chosen = resolve()
    assert chosen.problems == ()
    assert (chosen.endpoint, chosen.protocol) == (
        "http://localhost:4318/v1/traces",
        "http/protobuf",
    )
    assert chosen.environment == "development"
    assert chosen.sampler == SamplerChoice("parentbased_always_on")
    assert chosen.propagators == ("tracecontext", "baggage")
    assert (chosen.timeout_seconds, chosen.compression, chosen.exporters) == (10, "none", ("otlp",))
    assert chosen.limits == Limits()
    assert chosen.batch.max_export_batch_size == 1024
    assert chosen.semconv_stability == "http,database"
    assert chosen.captured_headers.server_request == ()


def test_argument_over_variable_over_preset_over_default() -> None:
    environ = {"OTEL_TRACES_SAMPLER": "always_on", "DEPLOYMENT_ENVIRONMENT": "staging"}
    chosen = resolve(environ, sampling_ratio=0.1)
    assert str(chosen.sampler) == "parentbased_traceidratio 0.1"
    assert chosen.origins["sampler"] == "argument sampling_ratio (over OTEL_TRACES_SAMPLER)"
    chosen = resolve(environ)
    assert str(chosen.sampler) == "always_on"
    assert chosen.origins["sampler"] == "OTEL_TRACES_SAMPLER"
    chosen = resolve({"DEPLOYMENT_ENVIRONMENT": "staging"})
    assert str(chosen.sampler) == "parentbased_traceidratio 0.5"
    assert chosen.origins["sampler"] == "preset staging"
    assert resolve({"DEPLOYMENT_ENVIRONMENT": "moon"}).origins["sampler"] == "default"


@pytest.mark.parametrize(
    ("environment", "sampler", "delay_seconds"),
    [
        ("development", "parentbased_always_on", 1.0),
        ("Dev", "parentbased_always_on", 1.0),
        ("staging", "parentbased_traceidratio 0.5", 5.0),
        ("production", "parentbased_traceidratio 0.1", 5.0),
        ("prod", "parentbased_traceidratio 0.1", 5.0),
        ("qa", "parentbased_always_on", 5.0),
    ],
)
def test_presets(environment: str, sampler: str, delay_seconds: float) -> None:
    chosen = resolve(environment=environment)
    assert str(chosen.sampler) == sampler
    assert chosen.batch.schedule_delay_seconds == delay_seconds
    assert chosen.environment == environment


def test_production_on_aws_asks_xray() -> None:
    """The guide's ECS task definition."""
    chosen = resolve(
        {ENDPOINT: "http://localhost:4317", "AWS_XRAY_DAEMON_ADDRESS": "localhost:2000"},
        environment="production",
    )
    assert str(chosen.sampler) == "xray endpoint=localhost:2000"
    assert chosen.propagators == ("tracecontext", "baggage", "xray")
    assert chosen.problems == ()


def test_the_guide_s_development_environment() -> None:
    chosen = resolve_settings(
        {},
        {
            "OTEL_SERVICE_NAME": "tenant-management-service",
            "OTEL_SERVICE_VERSION": "1.0.0",
            ENDPOINT: "http://localhost:4317",
            "OTEL_TRACES_SAMPLER": "always_on",
            "OTEL_LOG_LEVEL": "debug",
            "JAEGER_ENDPOINT": "http://localhost:14268/api/traces",
        },
    )
    assert chosen.problems == ()
    assert chosen.service_name == "tenant-management-service"
    assert chosen.service_version == "1.0.0"
    assert (chosen.endpoint, chosen.protocol) == ("http://localhost:4317", "grpc")
    assert chosen.log_level == "debug"


def test_jaeger_endpoint_alone_becomes_its_otlp_door() -> None:
    chosen = resolve({"JAEGER_ENDPOINT": "http://jaeger:14268/api/traces"})
    assert chosen.endpoint == "http://jaeger:4318/v1/traces"
    assert chosen.problems == (
        "JAEGER_ENDPOINT: Jaeger takes OTLP now, so spans go to http://jaeger:4318/v1/traces;"
        " write OTEL_EXPORTER_OTLP_ENDPOINT=http://jaeger:4318",
    )


GOOD_ENDPOINTS: list[tuple[dict[str, str], str, str]] = [
    ({ENDPOINT: "http://h:4317"}, "http://h:4317", "grpc"),
    ({ENDPOINT: "http://h:4318"}, "http://h:4318/v1/traces", "http/protobuf"),
    ({ENDPOINT: "http://h:4318/"}, "http://h:4318/v1/traces", "http/protobuf"),
    ({ENDPOINT: "https://h"}, "https://h/v1/traces", "http/protobuf"),
    ({ENDPOINT: "https://h/base/"}, "https://h/base/v1/traces", "http/protobuf"),
    ({ENDPOINT: "http://h:4318/v1/traces"}, "http://h:4318/v1/traces", "http/protobuf"),
    ({TRACES_ENDPOINT: "http://h:1/x"}, "http://h:1/x", "http/protobuf"),
    ({ENDPOINT: " http://h:4317 "}, "http://h:4317", "grpc"),
    ({ENDPOINT: ""}, "http://localhost:4318/v1/traces", "http/protobuf"),
    ({PROTOCOL: "grpc"}, "http://localhost:4317", "grpc"),
    ({PROTOCOL: "grpc", ENDPOINT: ""}, "http://localhost:4317", "grpc"),
    ({PROTOCOL: "grpc", ENDPOINT: "https://h"}, "https://h:443", "grpc"),
    ({PROTOCOL: "grpc", ENDPOINT: "http://h"}, "http://h:4317", "grpc"),
    (
        {PROTOCOL: "http/protobuf", ENDPOINT: "http://h:4317"},
        "http://h:4317/v1/traces",
        "http/protobuf",
    ),
    ({ENDPOINT: "http://[::1]:4317"}, "http://[::1]:4317", "grpc"),
    ({ENDPOINT: "http://a", TRACES_ENDPOINT: "http://b/t"}, "http://b/t", "http/protobuf"),
]


@pytest.mark.parametrize(("environ", "endpoint", "protocol"), GOOD_ENDPOINTS)
def test_endpoints(environ, endpoint, protocol) -> None:
    chosen = resolve(environ)
    assert (chosen.endpoint, chosen.protocol, chosen.problems) == (endpoint, protocol, ())
    assert chosen.insecure is endpoint.startswith("http:")


MENDED_ENDPOINTS: list[tuple[dict[str, str], str, str, str]] = [
    ({ENDPOINT: "otel-collector:4317"}, "http://otel-collector:4317", "grpc", "no scheme"),
    ({ENDPOINT: "127.0.0.1:4317"}, "http://127.0.0.1:4317", "grpc", "no scheme"),
    ({ENDPOINT: "otel.example.com:4317"}, "https://otel.example.com:4317", "grpc", "no scheme"),
    (
        {ENDPOINT: "otel.example.com:4317", "OTEL_EXPORTER_OTLP_INSECURE": "true"},
        "http://otel.example.com:4317",
        "grpc",
        "no scheme",
    ),
    ({ENDPOINT: "localhost:4318"}, "http://localhost:4318/v1/traces", "http/protobuf", "no scheme"),
    ({ENDPOINT: "grpc://h:4317"}, "http://h:4317", "grpc", "over gRPC"),
    ({ENDPOINT: "http://h:4317/v1/traces"}, "http://h:4317", "grpc", "gRPC has no path"),
    ({TRACES_ENDPOINT: "http://h:4318"}, "http://h:4318/v1/traces", "http/protobuf", "no path"),
    (
        {ENDPOINT: "https://h:4317", "OTEL_EXPORTER_OTLP_INSECURE": "true"},
        "https://h:4317",
        "grpc",
        "TLS is used",
    ),
    (
        {PROTOCOL: "http", ENDPOINT: "http://h:1"},
        "http://h:1/v1/traces",
        "http/protobuf",
        "write http/protobuf",
    ),
    ({PROTOCOL: "thrift", ENDPOINT: "http://h:4317"}, "http://h:4317", "grpc", "unknown protocol"),
]


@pytest.mark.parametrize(("environ", "endpoint", "protocol", "said"), MENDED_ENDPOINTS)
def test_mended_endpoints_are_told_in_one_line(environ, endpoint, protocol, said) -> None:
    chosen = resolve(environ)
    assert (chosen.endpoint, chosen.protocol) == (endpoint, protocol)
    (problem,) = chosen.problems
    assert said in problem


@pytest.mark.parametrize(
    "text", ["http://", "http://h:abc", "http://h:99999", "ftp://h", "a b", "http://h o/"]
)
def test_an_endpoint_that_is_none_is_told_and_nothing_is_sent(text: str) -> None:
    chosen = resolve({ENDPOINT: text})
    assert chosen.endpoint == ""
    (problem,) = chosen.problems
    assert problem.startswith(f"{ENDPOINT}: {text!r}")


def test_a_password_in_an_endpoint_is_not_told() -> None:
    chosen = resolve({ENDPOINT: "http://me:geheim@h:abc"})
    assert "geheim" not in str(chosen.problems)
    chosen = resolve({ENDPOINT: "http://me:geheim@h:4318"})
    assert chosen.endpoint == "http://h:4318/v1/traces"
    assert "OTEL_EXPORTER_OTLP_HEADERS" in chosen.problems[0]
    assert "geheim" not in repr(chosen) + str(chosen.problems)


SAMPLERS: list[tuple[dict[str, str], str, str | None]] = [
    ({"OTEL_TRACES_SAMPLER": "always_off"}, "always_off", None),
    ({"OTEL_TRACES_SAMPLER": "Always_On "}, "always_on", "write always_on"),
    ({"OTEL_TRACES_SAMPLER": "nosuch"}, "parentbased_always_on", "unknown sampler 'nosuch'"),
    (
        {"OTEL_TRACES_SAMPLER": "traceidration"},
        "parentbased_always_on",
        "did you mean traceidratio",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
        "traceidratio 0.1",
        None,
    ),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10%"},
        "traceidratio 0.1",
        "write 0.1",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
        "traceidratio 1.0",
        "not a ratio",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "x"},
        "traceidratio 1.0",
        "not a ratio",
    ),
    ({"OTEL_TRACES_SAMPLER": "traceidratio"}, "traceidratio 1.0", "has no ratio"),
    (
        {
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "x",
            "DEPLOYMENT_ENVIRONMENT": "production",
        },
        "traceidratio 0.1",
        "not a ratio",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "nosuch", "DEPLOYMENT_ENVIRONMENT": "production"},
        "parentbased_traceidratio 0.1",
        "unknown sampler",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "xray", "OTEL_TRACES_SAMPLER_ARG": "endpoint=http://h:2000"},
        "xray endpoint=http://h:2000",
        None,
    ),
]


@pytest.mark.parametrize(("environ", "sampler", "said"), SAMPLERS)
def test_samplers(environ, sampler, said) -> None:
    chosen = resolve(environ)
    assert str(chosen.sampler) == sampler
    if said is None:
        assert chosen.problems == ()
    else:
        (problem,) = chosen.problems
        assert said in problem


@pytest.mark.parametrize(
    ("ratio", "sampler"),
    [(0.25, "0.25"), (0, "0.0"), (1, "1.0"), (1e-05, "1e-05"), ("5%", "0.05")],
)
def test_ratios_as_arguments(ratio, sampler) -> None:
    assert resolve(sampling_ratio=ratio).sampler.argument == sampler


@pytest.mark.parametrize("ratio", [-0.1, 1.5, 10, True, "much", float("nan"), float("inf")])
def test_a_ratio_that_is_none_is_as_if_it_were_not_given(ratio) -> None:
    chosen = resolve(sampling_ratio=ratio)
    assert str(chosen.sampler) == "parentbased_always_on"
    (problem,) = chosen.problems
    assert problem.startswith("argument sampling_ratio:")


OTHERS: list[tuple[dict[str, str], str, Any, str | None]] = [
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "5000"}, "timeout_seconds", 5.0, None),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, "timeout_seconds", 10.0, "write 10000"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10"}, "timeout_seconds", 10.0, "milliseconds"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, "timeout_seconds", 10.0, "not a number"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "0"}, "timeout_seconds", 10.0, "no time"),
    ({"OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP"}, "compression", "gzip", None),
    ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zip"}, "compression", "none", "write gzip or none"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "a=1, b=x%3D2"}, "headers", {"a": "1", "b": "x=2"}, None),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "a=1,geheim"}, "headers", {"a": "1"}, "item 2"),
    (
        {"OTEL_RESOURCE_ATTRIBUTES": "a=1,bad,c=3"},
        "resource_attributes",
        {"a": "1", "c": "3"},
        "item 2",
    ),
    ({"OTEL_TRACES_EXPORTER": "none"}, "exporters", (), None),
    ({"OTEL_TRACES_EXPORTER": "otlp,console"}, "exporters", ("otlp", "console"), None),
    ({"OTEL_TRACES_EXPORTER": "jaeger"}, "exporters", ("otlp",), "read as otlp"),
    ({"OTEL_PROPAGATORS": "b3, tracecontext,b3"}, "propagators", ("b3", "tracecontext"), None),
    (
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis, httpx"},
        "disabled_instrumentations",
        ("redis", "httpx"),
        None,
    ),
    ({"OTEL_PYTHON_LOG_CORRELATION": "false"}, "log_correlation", False, None),
    ({"OTEL_PYTHON_LOG_CORRELATION": "maybe"}, "log_correlation", True, "write true or false"),
    ({"ANANTA_TRACING_MESSAGING_CONSUMERS": " Link"}, "messaging_consumers", "link", None),
    (
        {"ANANTA_TRACING_MESSAGING_CONSUMERS": "sibling"},
        "messaging_consumers",
        "parent",
        "write parent or link",
    ),
    ({"OTEL_SDK_DISABLED": "True"}, "disabled", True, None),
    ({"OTEL_LOG_LEVEL": "warn"}, "log_level", "warning", None),
    ({"OTEL_LOG_LEVEL": "loud"}, "log_level", "", "unknown level"),
    (
        {"OTEL_PYTHON_EXCLUDED_URLS": "internal,[oops"},
        "excluded_urls",
        ("internal",),
        "regular expression",
    ),
    ({"OTEL_CONFIG_FILE": "x.yaml"}, "config_file", "x.yaml", None),
]


@pytest.mark.parametrize(("environ", "field", "value", "said"), OTHERS)
def test_other_variables(environ, field, value, said) -> None:
    chosen = resolve(environ)
    assert getattr(chosen, field) == value
    if said is None:
        assert chosen.problems == ()
    else:
        (problem,) = chosen.problems
        assert said in problem
        assert problem.startswith(next(iter(environ)))
    assert "geheim" not in repr(chosen) + str(chosen.problems)


def test_batches_and_limits() -> None:
    chosen = resolve(
        {
            "OTEL_BSP_SCHEDULE_DELAY": "250",
            "OTEL_BSP_MAX_QUEUE_SIZE": "100",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1000",
            "OTEL_BSP_EXPORT_TIMEOUT": "2000",
            "OTEL_ATTRIBUTE_COUNT_LIMIT": "7",
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "9",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "50",
            "OTEL_SPAN_EVENT_COUNT_LIMIT": "unset",
            "OTEL_SPAN_LINK_COUNT_LIMIT": "many",
        }
    )
    assert dataclasses.astuple(chosen.batch) == (0.25, 100, 100, 2.0)
    assert chosen.limits == Limits(
        attribute_count=9,
        attribute_value_length=50,
        event_count=None,
        link_count=128,
        event_attribute_count=7,
        link_attribute_count=7,
        event_attribute_value_length=50,
    )
    assert [problem.split(":")[0] for problem in chosen.problems] == [
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
    ]


def test_captured_headers_and_what_is_sanitized() -> None:
    prefix = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    chosen = resolve(
        {
            f"{prefix}SERVER_REQUEST": "accept, x-.*",
            f"{prefix}CLIENT_RESPONSE": "etag",
            f"{prefix}SANITIZE_FIELDS": "x-secret",
            "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "internal",
        }
    )
    assert chosen.captured_headers.server_request == ("accept", "x-.*")
    assert chosen.captured_headers.client_response == ("etag",)
    assert "x-secret" in chosen.sanitize_fields
    assert "authorization" in chosen.sanitize_fields
    assert chosen.excluded_urls_of("FastAPI") == ("internal",)
    assert chosen.excluded_urls_of("flask") == chosen.excluded_urls


def test_a_service_without_a_name_is_told() -> None:
    chosen = resolve_settings({}, {})
    assert chosen.service_name.startswith("unknown_service:python")
    assert len(chosen.problems) == 1
    named = resolve_settings({}, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.version=2"})
    assert (named.service_name, named.service_version, named.problems) == ("a", "2", ())
    assert named.origins["service_name"] == "OTEL_RESOURCE_ATTRIBUTES"


def test_the_environment_of_the_resource_chooses_the_preset() -> None:
    chosen = resolve({"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=production"})
    assert (chosen.environment, str(chosen.sampler)) == (
        "production",
        "parentbased_traceidratio 0.1",
    )


def test_every_value_has_an_origin() -> None:
    chosen = resolve()
    grouped = {"batch", "limits", "captured_headers", "framework_excluded_urls"}
    for field in dataclasses.fields(Settings):
        if field.compare and field.name not in grouped:
            assert chosen.origins[field.name], field.name


VARIABLES = sorted(
    {name for row in (*GOOD_ENDPOINTS, *MENDED_ENDPOINTS, *SAMPLERS, *OTHERS) for name in row[0]}
    | {"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_SPAN_LINK_COUNT_LIMIT"}
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(VARIABLES), st.text(max_size=30), max_size=6))
def test_whatever_the_variables_hold_settings_come_out(environ: dict[str, str]) -> None:
    chosen = resolve(environ)
    assert isinstance(chosen, Settings)
    assert all("\n" not in problem or "\n" in str(environ) for problem in chosen.problems)
