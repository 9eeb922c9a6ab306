"""The `otlp` receiver's settings: defaults, errors, and what a startup error says."""

from __future__ import annotations

import socket

import pytest
from pydantic import ValidationError

from ananta.errors import StartupError
from ananta.receivers.otlp import OtlpConfig, grpc_options, http_options

from .door import open_door


def parse(protocols: object) -> OtlpConfig:
    return OtlpConfig.model_validate({"protocols": protocols})


def test_a_bare_protocol_takes_all_defaults() -> None:
    config = parse({"grpc": None, "http": None})
    assert config.protocols.grpc is not None
    assert config.protocols.grpc.endpoint == "localhost:4317"
    assert config.protocols.grpc.max_message_bytes == 4 * 2**20
    assert config.protocols.http is not None
    assert config.protocols.http.endpoint == "localhost:4318"
    assert config.protocols.http.traces_url_path == "/v1/traces"
    assert config.protocols.http.idle_timeout == 0


def test_a_protocol_that_is_not_named_is_off() -> None:
    assert parse({"http": {}}).protocols.grpc is None


@pytest.mark.parametrize("protocols", [None, {}, {"grpc": {"enabled": False}}])
def test_at_least_one_protocol_must_be_on(protocols: object) -> None:
    with pytest.raises(ValidationError, match="must specify at least one protocol when using"):
        parse(protocols)


def test_an_unknown_protocol_is_an_error() -> None:
    with pytest.raises(ValidationError, match="thrift"):
        parse({"grpc": None, "thrift": None})


@pytest.mark.parametrize("path", ["", "/v1/traces?x", "a b"])
def test_a_bad_path_is_an_error(path: str) -> None:
    with pytest.raises(ValidationError, match="invalid HTTP URL path set for signal"):
        parse({"http": {"traces_url_path": path}})


def test_a_path_gets_its_slash() -> None:
    config = parse({"http": {"traces_url_path": "spans"}})
    assert config.protocols.http is not None
    assert http_options(config.protocols.http)["traces_path"] == "/spans"


def test_keepalive_settings_reach_the_door() -> None:
    parameters = {"max_connection_age": "1m", "max_connection_age_grace": "5s", "time": "10s"}
    config = parse({"grpc": {"keepalive": {"server_parameters": parameters}}})
    assert config.protocols.grpc is not None
    options = grpc_options(config.protocols.grpc)
    assert options["max_connection_age_seconds"] == 60
    assert options["max_connection_age_grace_seconds"] == 5
    assert options["max_connection_idle_seconds"] is None
    assert options["keepalive_time_seconds"] == 10
    assert options["keepalive_timeout_seconds"] == 20


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_a_taken_port_is_one_line_that_names_the_setting(protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StartupError) as caught:
            async with open_door(**{protocol: {"endpoint": endpoint}}):
                pass
    assert str(caught.value) == (
        f"receivers::otlp::protocols::{protocol}::endpoint: {endpoint} is taken by another"
        " process; set another port there or stop that process"
    )


async def test_an_address_of_another_machine_names_the_setting() -> None:
    with pytest.raises(StartupError, match=r"grpc::endpoint: 192\.0\.2\.1:4317 is no address of"):
        async with open_door(grpc={"endpoint": "192.0.2.1:4317"}):
            pass


async def test_a_port_refused_at_the_start_leaves_nothing_listening() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        grpc = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        http = f"127.0.0.1:{taken.getsockname()[1]}"
        for _ in range(2):
            with pytest.raises(StartupError, match="http::endpoint"):
                async with open_door(grpc={"endpoint": grpc}, http={"endpoint": http}):
                    pass


def test_room_for_pending_requests_grows_with_the_largest_request() -> None:
    assert parse({"grpc": None}).pending_bytes == 64 * 2**20
    assert parse({"grpc": {"max_recv_msg_size_mib": 100}}).pending_bytes == 300 * 2**20
    assert (
        OtlpConfig.model_validate(
            {"protocols": {"grpc": None}, "max_pending_bytes": 10 * 2**20}
        ).pending_bytes
        == 10 * 2**20
    )


def test_one_request_must_fit_into_what_may_be_pending() -> None:
    with pytest.raises(ValidationError, match="1000 is less than one request may have, 4194304"):
        OtlpConfig.model_validate({"protocols": {"grpc": None}, "max_pending_bytes": 1000})


async def test_settings_without_effect_are_said_so(caplog: pytest.LogCaptureFixture) -> None:
    async with open_door(grpc=None, http={"include_metadata": True}):
        assert "receivers::otlp::protocols::http::include_metadata has no effect" in caplog.text


@pytest.mark.parametrize(("transport", "address"), [("tcp4", "127.0.0.1:"), ("tcp6", "[::1]:")])
async def test_a_family_of_addresses_can_be_chosen(transport: str, address: str) -> None:
    host = "localhost" if transport == "tcp4" else "[::1]"
    async with open_door(grpc={"endpoint": f"{host}:0", "transport": transport}) as door:
        assert door.grpc.startswith(address)


async def test_localhost_and_every_interface_can_be_listened_on() -> None:
    async with open_door(grpc={"endpoint": "localhost:0"}, http={"endpoint": ":0"}) as door:
        assert door.grpc.startswith("127.0.0.1:")
        assert door.grpc_address[1] != 0
        socket.create_connection(("127.0.0.1", door.http_address[1])).close()


async def test_shutdown_is_legal_before_start_and_twice() -> None:
    async with open_door(grpc=None) as door:
        await door.receiver.shutdown()
        await door.receiver.shutdown()
