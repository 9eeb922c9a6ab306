"""Settings of the exporters `otlp_grpc` and `otlp_http`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ananta.exporters import otlp_grpc, otlp_http
from ananta.exporters.otlp_grpc import OtlpGrpcConfig
from ananta.exporters.otlp_http import OtlpHttpConfig


def test_the_defaults_are_the_collectors() -> None:
    grpc = OtlpGrpcConfig.model_validate({"endpoint": "collector:4317"})
    assert (grpc.timeout, grpc.compression, grpc.write_buffer_size) == (5, "gzip", 2**19)
    assert grpc.uses_tls
    assert grpc.retry_on_failure.enabled
    assert grpc.sending_queue is not None
    http = OtlpHttpConfig.model_validate({"endpoint": "http://collector:4318"})
    assert (http.timeout, http.compression, http.encoding) == (30, "gzip", "proto")


@pytest.mark.parametrize("config", [{}, {"endpoint": ""}, {"endpoint": "http://"}])
def test_grpc_needs_an_endpoint(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match='requires a non-empty "endpoint"'):
        OtlpGrpcConfig.model_validate(config)


@pytest.mark.parametrize("config", [{}, {"metrics_endpoint": "http://a/m"}])
def test_http_needs_an_endpoint_for_spans(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="at least one endpoint must be specified"):
        OtlpHttpConfig.model_validate(config)


def test_http_knows_two_encodings() -> None:
    with pytest.raises(ValidationError, match="invalid encoding type: yaml; write proto or json"):
        OtlpHttpConfig.model_validate({"endpoint": "http://a", "encoding": "yaml"})


@pytest.mark.parametrize("key", ["endpoint", "traces_endpoint"])
def test_http_endpoints_are_urls(key: str) -> None:
    with pytest.raises(ValidationError, match='"collector:4318" is not a URL'):
        OtlpHttpConfig.model_validate({key: "collector:4318"})


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({"endpoint": "http://a:4318"}, "http://a:4318/v1/traces"),
        ({"endpoint": "http://a:4318/"}, "http://a:4318/v1/traces"),
        ({"endpoint": "https://a/otlp/"}, "https://a/otlp/v1/traces"),
        ({"traces_endpoint": "http://a/spans"}, "http://a/spans"),
        ({"endpoint": "http://a", "traces_endpoint": "http://b/x/"}, "http://b/x/"),
    ],
)
def test_the_url_is_the_base_with_the_path_or_the_whole_one(
    config: dict[str, Any], url: str
) -> None:
    assert OtlpHttpConfig.model_validate(config).url == url


@pytest.mark.parametrize(
    ("endpoint", "target", "tls"),
    [
        ("collector:4317", "collector:4317", True),
        ("https://collector:4317", "collector:4317", True),
        ("http://collector:4317", "collector:4317", True),
        ("dns:///collector:4317", "collector:4317", True),
        ("passthrough:collector:4317", "collector:4317", True),
        ("unix:///run/otel.sock", "unix:///run/otel.sock", True),
    ],
)
def test_a_grpc_endpoint_may_have_a_prefix(endpoint: str, target: str, tls: bool) -> None:
    options = otlp_grpc.client_options(OtlpGrpcConfig.model_validate({"endpoint": endpoint}))
    assert (options["target"], options["tls"] is not None) == (target, tls)


def test_https_means_tls_whatever_insecure_says() -> None:
    config = {"endpoint": "https://collector:4317", "tls": {"insecure": True}}
    assert OtlpGrpcConfig.model_validate(config).uses_tls


def test_settings_reach_the_http_client() -> None:
    config = OtlpHttpConfig.model_validate(
        {
            "endpoint": "http://a",
            "compression": "zstd",
            "compression_params": {"level": 7},
            "headers": {"x-team": "blue"},
            "disable_keep_alives": True,
            "max_conns_per_host": 3,
            "force_attempt_http2": False,
        }
    )
    options = otlp_http.client_options(config)
    assert (options["compression"], options["compression_level"]) == ("zstd", 7)
    assert options["headers"] == [("x-team", "blue")]
    assert (options["keep_alives"], options["http2"]) == (False, False)
    assert options["max_connections"] == 3
