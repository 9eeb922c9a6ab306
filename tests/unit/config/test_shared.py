"""Defaults and rules of the sections components share, with the Collector's texts."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from ananta.config.shared import (
    DeliveryConfig,
    EndpointError,
    GrpcClientConfig,
    GrpcServerConfig,
    HttpClientConfig,
    HttpServerConfig,
    QueueConfig,
    RetryConfig,
    TlsClientConfig,
    TlsServerConfig,
    parse_endpoint,
)

CERTIFICATE = {"cert_file": "/c.pem", "key_file": "/k.pem"}


def test_defaults_are_the_collectors():
    retry = RetryConfig()
    assert (retry.enabled, retry.initial_interval, retry.randomization_factor) == (True, 5.0, 0.5)
    assert (retry.multiplier, retry.max_interval, retry.max_elapsed_time) == (1.5, 30.0, 300.0)
    queue = QueueConfig()
    assert (queue.num_consumers, queue.queue_size, queue.sizer) == (10, 1000, "requests")
    assert (queue.block_on_overflow, queue.wait_for_result) == (False, False)
    assert (queue.storage, queue.batch) == (None, None)
    batch = QueueConfig.model_validate({"queue_size": 9000, "batch": None}).batch
    assert batch is not None
    assert (batch.flush_timeout, batch.min_size, batch.max_size) == (0.2, 8192, 0)
    http = HttpServerConfig()
    assert http.max_request_body_size == 20971520
    assert (http.read_timeout, http.read_header_timeout) == (0.0, 60.0)
    assert (http.write_timeout, http.idle_timeout, http.keep_alives_enabled) == (30.0, 60.0, True)
    assert http.compression_algorithms == [
        "", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed",
    ]  # fmt: skip
    grpc = GrpcServerConfig()
    assert (grpc.read_buffer_size, grpc.max_message_bytes) == (524288, 4 * 2**20)
    client = GrpcClientConfig()
    assert (client.balancer_name, client.uses_tls, client.keepalive) == ("round_robin", True, None)
    keepalive = GrpcClientConfig.model_validate({"keepalive": {}}).keepalive
    assert keepalive is not None
    assert (keepalive.time, keepalive.timeout) == (10.0, 10.0)
    assert (HttpClientConfig().max_idle_conns, HttpClientConfig().idle_conn_timeout) == (100, 90.0)
    assert DeliveryConfig().timeout == 5.0


@pytest.mark.parametrize(
    ("section", "values", "text"),
    [
        (RetryConfig, {"initial_interval": "-1s"}, "'initial_interval' must be non-negative"),
        (RetryConfig, {"multiplier": -1.0}, "'multiplier' must be non-negative"),
        (RetryConfig, {"max_interval": "-1s"}, "'max_interval' must be non-negative"),
        (RetryConfig, {"max_elapsed_time": "-1s"}, "'max_elapsed_time' must be non-negative"),
        (
            RetryConfig,
            {"randomization_factor": 1.1},
            "'randomization_factor' must be within [0, 1]",
        ),
        (
            RetryConfig,
            {"enabled": False, "max_elapsed_time": "1s"},
            "'max_elapsed_time' must not be less than 'initial_interval'",
        ),
        (
            RetryConfig,
            {"max_elapsed_time": "10s"},
            "'max_elapsed_time' must not be less than 'max_interval'",
        ),
        (QueueConfig, {"num_consumers": 0}, "`num_consumers` must be positive"),
        (QueueConfig, {"queue_size": 0}, "`queue_size` must be positive"),
        (
            QueueConfig,
            {"wait_for_result": True, "storage": "file_storage"},
            "`wait_for_result` is not supported with a persistent queue configured with `storage`",
        ),
        (
            QueueConfig,
            {"sizer": "items", "batch": {"min_size": 2000}},
            "`min_size` must be less than or equal to `queue_size`",
        ),
        (
            QueueConfig,
            {"batch": {"sizer": "requests"}},
            "`batch` supports only `items` or `bytes` sizer",
        ),
        (
            QueueConfig,
            {"sizer": "requests", "batch": {}},
            "`batch` supports only `items` or `bytes` sizer",
        ),
        (QueueConfig, {"batch": {"flush_timeout": 0}}, "`flush_timeout` must be positive"),
        (
            QueueConfig,
            {"batch": {"min_size": 10, "max_size": 5}},
            "`max_size` (5) must be greater or equal to `min_size` (10)",
        ),
        (
            QueueConfig,
            {"batch": {"partition": {"metadata_keys": ["Tenant", "tenant"]}}},
            'duplicate entry in metadata_keys: "tenant" (case-insensitive)',
        ),
        (DeliveryConfig, {"timeout": "-1s"}, "'timeout' must be non-negative"),
        (
            HttpServerConfig,
            {"transport": "carrier-pigeon"},
            'invalid transport type "carrier-pigeon"',
        ),
        (HttpServerConfig, {"endpoint": "localhost"}, "missing port"),
        (HttpServerConfig, {"idle_timeout": "-1s"}, "'idle_timeout' must be non-negative"),
        (GrpcServerConfig, {"transport": "unix"}, "unix socket path cannot be empty"),
        (
            GrpcServerConfig,
            {"max_recv_msg_size_mib": -1},
            "invalid max_recv_msg_size_mib value, must be between 1 and",
        ),
        (GrpcServerConfig, {"read_buffer_size": -1}, "invalid read_buffer_size value: -1"),
        (GrpcClientConfig, {"endpoint": "host:http"}, 'invalid port "http"'),
        (GrpcClientConfig, {"endpoint": "https://"}, 'requires a non-empty "endpoint"'),
        (GrpcClientConfig, {"endpoint": "unix:///"}, "unix socket path cannot be empty"),
        (GrpcClientConfig, {"balancer_name": "x"}, "invalid balancer_name: x"),
        (HttpClientConfig, {"endpoint": "localhost:4318"}, "is not a URL"),
        (TlsClientConfig, {"ca_file": "/a", "ca_pem": "x"}, "but not both"),
        (TlsClientConfig, {"cert_file": "/a"}, "provide both certificate and key, or neither"),
        (TlsServerConfig, {"key_pem": "k"}, "provide both certificate and key, or neither"),
        (TlsServerConfig, {}, "a TLS server needs a certificate"),
        (TlsServerConfig, {**CERTIFICATE, "key_pem": "x"}, "but not both"),
        (TlsClientConfig, {"min_version": "0.9"}, 'unsupported TLS version: "0.9"'),
        (
            TlsClientConfig,
            {"min_version": "1.3", "max_version": "1.2"},
            "min_version cannot be greater than max_version",
        ),
        (TlsClientConfig, {"curve_preferences": ["P1"]}, 'invalid curve type "P1"'),
        (TlsClientConfig, {"tpm": {"enabled": True}}, "TPM keys are not supported"),
    ],
)
def test_a_broken_rule_is_refused_with_its_text(section, values, text):
    with pytest.raises(ValidationError, match=re.escape(text)):
        section.model_validate(values)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (RetryConfig, {"max_elapsed_time": 0, "initial_interval": "1h", "max_interval": "1h"}),
        (QueueConfig, {"sizer": "bytes", "queue_size": 10**9, "batch": {"max_size": 10**6}}),
        (QueueConfig, {"batch": {"min_size": 5000}}),
        (HttpServerConfig, {"endpoint": "0.0.0.0:4318", "tls": CERTIFICATE}),
        (HttpServerConfig, {"endpoint": "/run/otlp.sock", "transport": "unix"}),
        (GrpcClientConfig, {"endpoint": "dns:///collector:4317"}),
        (GrpcClientConfig, {"endpoint": "dns://10.0.0.1/collector:4317"}),
        (GrpcClientConfig, {"endpoint": "unix:/run/otlp.sock"}),
        (TlsServerConfig, {**CERTIFICATE, "client_ca_file": "/ca.pem", "min_version": "1.3"}),
    ],
)
def test_what_keeps_the_rules_is_accepted(section, values):
    section.model_validate(values)


def test_a_queue_batch_counts_in_its_own_sizer_then_the_queues_then_spans():
    assert QueueConfig.model_validate({"batch": {"sizer": "bytes"}}).batch_sizer == "bytes"
    queue = QueueConfig.model_validate({"sizer": "bytes", "queue_size": 10**6, "batch": {}})
    assert queue.batch_sizer == "bytes"
    assert QueueConfig.model_validate({"batch": {}}).batch_sizer == "items"


def test_https_forces_tls_and_schemes_are_not_dialled():
    client = GrpcClientConfig.model_validate(
        {"endpoint": "https://host:4317", "tls": {"insecure": True}}
    )
    assert (client.target, client.uses_tls) == ("host:4317", True)
    client = GrpcClientConfig.model_validate(
        {"endpoint": "http://host:4317", "tls": {"insecure": True}}
    )
    assert (client.target, client.uses_tls) == ("host:4317", False)


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("localhost:4317", "localhost", 4317),
        ("0.0.0.0:0", "0.0.0.0", 0),
        ("[::1]:4317", "::1", 4317),
        (":8888", "", 8888),
    ],
)
def test_an_endpoint_is_taken_apart(endpoint, host, port):
    assert parse_endpoint(endpoint) == (host, port)
    assert str(parse_endpoint(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("localhost", "missing port"),
        ("", "missing port"),
        ("localhost:", 'invalid port ""'),
        ("localhost:65536", 'invalid port "65536"'),
        ("localhost:-1", 'invalid port "-1"'),
        ("::1:4317", "too many colons"),
    ],
)
def test_an_endpoint_that_is_none_says_why(endpoint, text):
    with pytest.raises(EndpointError, match=re.escape(text)):
        parse_endpoint(endpoint)
