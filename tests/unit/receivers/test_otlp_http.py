"""OTLP over HTTP: every row of the table of requests and answers."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import httpx
import lz4.frame
import pytest
import zstandard
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ananta.errors import PermanentError, RetryableError

from .door import JSON, PROTOBUF, Door, open_door, request
from .messages import Status, snappy_block, snappy_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

JSON_REQUEST = (
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"from json",'
    b'"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]}'
)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door(grpc=None) as running:
        yield running


async def post(
    door: Door,
    body: bytes,
    content_type: str | None = PROTOBUF,
    *,
    path: str = "/v1/traces",
    **headers: str,
) -> httpx.Response:
    all_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        all_headers["content-type"] = content_type
    async with httpx.AsyncClient() as client:
        return await client.post(f"{door.http}{path}", content=body, headers=all_headers)


async def test_protobuf_is_accepted(door: Door) -> None:
    answer = await post(door, request("a", "b"))
    assert (answer.status_code, answer.content) == (200, b"\x0a\x00")
    assert answer.headers["content-type"] == PROTOBUF
    assert door.sink.names == ["a", "b"]
    assert door.spans("http", "accepted") == 2


async def test_json_is_accepted(door: Door) -> None:
    answer = await post(door, JSON_REQUEST, "application/json; charset=utf-8")
    assert (answer.status_code, answer.content) == (200, b'{"partialSuccess":{}}')
    assert answer.headers["content-type"] == JSON
    assert door.sink.names == ["from json"]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", PROTOBUF, b"\x0a\x00"),
        (b"{}", JSON, b'{"partialSuccess":{}}'),
        (b"\x0a\x00", PROTOBUF, b"\x0a\x00"),
    ],
)
async def test_a_request_without_spans_succeeds_without_the_pipeline(
    door: Door, body: bytes, content_type: str, expected: bytes
) -> None:
    answer = await post(door, body, content_type)
    assert (answer.status_code, answer.content) == (200, expected)
    assert door.sink.batches == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(door: Door, method: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.request(method, f"{door.http}/v1/traces")
    assert answer.status_code == 405
    assert answer.text == "405 method not allowed, supported: [POST]"
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-protobuf2"])
async def test_other_media_types_are_not_supported(door: Door, content_type: str | None) -> None:
    answer = await post(door, request("a"), content_type)
    assert answer.status_code == 415
    assert answer.text == (
        "415 unsupported media type, supported: [application/json, application/x-protobuf]"
    )
    assert answer.headers["content-type"].startswith("text/plain")
    assert door.requests("http", "unsupported") == 1


@pytest.mark.parametrize("path", ["/", "/v1/metrics", "/v1/traces/"])
async def test_other_paths_are_not_found(door: Door, path: str) -> None:
    answer = await post(door, request("a"), path=path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


async def test_the_path_can_be_set() -> None:
    async with open_door(grpc=None, http={"traces_url_path": "my/spans"}) as door:
        assert (await post(door, request("a"), path="/my/spans")).status_code == 200
        assert (await post(door, request("a"))).status_code == 404


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "zlib": zlib.compress,
    "deflate": zlib.compress,
    "snappy": snappy_block,
    "x-snappy-framed": snappy_stream,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
async def test_every_coding_is_taken(door: Door, coding: str) -> None:
    answer = await post(door, CODINGS[coding](request("a")), content_encoding=coding)
    assert (answer.status_code, answer.content) == (200, b"\x0a\x00")
    assert door.sink.names == ["a"]


async def test_snappy_is_told_apart_by_its_magic(door: Door) -> None:
    answer = await post(door, snappy_stream(request("a")), content_encoding="snappy")
    assert answer.status_code == 200


async def test_compressed_json_is_taken(door: Door) -> None:
    answer = await post(door, gzip.compress(JSON_REQUEST), JSON, content_encoding="gzip")
    assert answer.status_code == 200


@pytest.mark.parametrize("coding", ["br", "gzip, zstd", "GZIP"])
async def test_an_unknown_coding_is_refused_in_the_requests_form(door: Door, coding: str) -> None:
    answer = await post(door, request("a"), content_encoding=coding)
    status = Status.FromString(answer.content)
    assert (answer.status_code, status.code) == (400, 3)
    assert status.message == f"unsupported Content-Encoding: {coding}"
    answer = await post(door, b"{}", JSON, content_encoding=coding)
    assert answer.json() == {"code": 3, "message": f"unsupported Content-Encoding: {coding}"}
    answer = await post(door, b"{}", None, content_encoding=coding)
    assert answer.json()["message"] == f"unsupported Content-Encoding: {coding}"


async def test_a_refusal_without_a_form_falls_back_to_fixed_json(door: Door) -> None:
    answer = await post(door, b"x", "text/plain", content_encoding="br")
    assert answer.status_code == 500
    assert answer.content == b'{"code": 13, "message": "failed to marshal error message"}'


async def test_only_the_codings_configured_are_taken() -> None:
    async with open_door(grpc=None, http={"compression_algorithms": ["", "zstd"]}) as door:
        answer = await post(door, gzip.compress(request("a")), content_encoding="gzip")
        assert answer.status_code == 400
        answer = await post(door, zstandard.compress(request("a")), content_encoding="zstd")
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("coding", "text"),
    [
        ("gzip", "gzip: invalid header"),
        ("deflate", "zlib: invalid header"),
        ("zlib", "zlib: invalid header"),
        ("zstd", "invalid input: magic number mismatch"),
        ("snappy", "snappy: corrupt input"),
        ("x-snappy-framed", "snappy: corrupt input"),
        ("lz4", "lz4: invalid header"),
    ],
)
async def test_a_corrupt_body_is_refused_with_the_reason(
    door: Door, coding: str, text: str
) -> None:
    answer = await post(door, b"\xff" * 40, content_encoding=coding)
    status = Status.FromString(answer.content)
    assert (answer.status_code, status.code) == (400, 3)
    assert text in status.message
    assert door.requests("http", "malformed") == 1


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_torn_body_is_refused(door: Door, coding: str) -> None:
    body = CODINGS[coding](request(*(f"span {number}" for number in range(500))))
    answer = await post(door, body[: len(body) // 2], content_encoding=coding)
    assert answer.status_code == 400


async def test_undecodable_protobuf_names_field_and_offset(door: Door) -> None:
    bad = request("good")[:-1]
    answer = await post(door, bad)
    status = Status.FromString(answer.content)
    assert (answer.status_code, status.code) == (400, 3)
    assert "resource_spans" in status.message
    assert "at byte" in status.message
    assert answer.headers["content-type"] == PROTOBUF
    assert door.sink.batches == []


async def test_undecodable_json_is_refused_in_json(door: Door) -> None:
    answer = await post(door, b'{"resourceSpans": 5}', JSON)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert "resourceSpans" in answer.json()["message"]


async def test_an_id_of_a_wrong_length_is_refused(door: Door) -> None:
    message = ExportTraceServiceRequest.FromString(request("a"))
    message.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
    answer = await post(door, message.SerializeToString())
    assert answer.status_code == 400
    assert "trace_id" in Status.FromString(answer.content).message


async def test_a_body_over_the_limit_is_refused() -> None:
    async with open_door(grpc=None, http={"max_request_body_size": 1000}) as door:
        for body, coding in (
            (request("a", attribute="x" * 2000), ""),
            (gzip.compress(request("a", attribute="x" * 2000)), "gzip"),
        ):
            answer = await post(door, body, content_encoding=coding)
            status = Status.FromString(answer.content)
            assert (answer.status_code, status.code) == (400, 3)
            assert "http: request body too large" in status.message
            assert "max_request_body_size" in status.message
        assert door.requests("http", "too_large") == 2
        assert (await post(door, request("a"))).status_code == 200


@pytest.mark.parametrize(
    ("error", "http_status", "code", "message", "retry_after"),
    [
        (RetryableError("sending queue is full"), 503, 14, "sending queue is full", None),
        (RetryableError("soon", retry_after_seconds=1.5), 503, 14, "soon", "2"),
        (RetryableError("x", grpc_status=8, retry_after_seconds=7), 429, 8, "x", "7"),
        (RetryableError("x", grpc_status=8), 429, 8, "x", None),
        (PermanentError("bad"), 500, 13, "Permanent error: bad", None),
        (PermanentError("x", grpc_status=3), 400, 3, "x", None),
        (PermanentError("x", grpc_status=16), 401, 16, "x", None),
        (PermanentError("x", grpc_status=7), 403, 7, "x", None),
        (PermanentError("x", grpc_status=12), 404, 12, "x", None),
        (PermanentError("x", grpc_status=5), 500, 5, "x", None),
        *((RetryableError("x", grpc_status=code), 503, code, "x", None) for code in (1, 4, 10)),
        *((RetryableError("x", grpc_status=code), 503, code, "x", None) for code in (11, 14, 15)),
    ],
)
async def test_an_error_of_the_pipeline_becomes_a_status(
    door: Door,
    error: Exception,
    http_status: int,
    code: int,
    message: str,
    retry_after: str | None,
) -> None:
    door.sink.error = error
    answer = await post(door, request("a", "b"))
    status = Status.FromString(answer.content)
    assert (answer.status_code, status.code, status.message) == (http_status, code, message)
    assert answer.headers.get("retry-after") == retry_after
    answer = await post(door, JSON_REQUEST, JSON)
    assert (answer.status_code, answer.json()["code"]) == (http_status, code)
    assert door.spans("http", "refused") == 3
    assert door.spans("http", "accepted") == 0


async def test_a_component_that_breaks_its_contract_does_not_leave_senders_hanging(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.sink.error = KeyError("bug")
    answer = await post(door, request("a"))
    assert answer.status_code == 503
    assert "failed before it could answer" in Status.FromString(answer.content).message
    assert "The pipeline failed on spans received by OTLP" in caplog.text


async def test_response_headers_are_on_every_answer() -> None:
    async with open_door(grpc=None, http={"response_headers": {"X-Team": "blue"}}) as door:
        assert (await post(door, request("a"))).headers["x-team"] == "blue"
        assert (await post(door, b"", path="/other")).headers["x-team"] == "blue"


async def test_a_connection_serves_request_after_request(door: Door) -> None:
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as client:
        for number in range(20):
            answer = await client.post(
                f"{door.http}/v1/traces",
                content=request(f"{number}"),
                headers={"content-type": PROTOBUF},
            )
            assert answer.status_code == 200
        assert door.connections == 1


async def test_keep_alive_can_be_turned_off() -> None:
    async with open_door(grpc=None, http={"keep_alives_enabled": False}) as door:
        assert (await post(door, request("a"))).headers["connection"] == "close"


async def test_json_of_the_official_library_is_read(door: Door) -> None:
    # Its ids are base64 where OTLP says hex: set them by hand.
    message = ExportTraceServiceRequest.FromString(request("a"))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.ClearField("trace_id")
    span.ClearField("span_id")
    span.attributes.add(key="n").value.int_value = 2**62
    for snake_case in (False, True):
        text = MessageToJson(message, preserving_proto_field_name=snake_case)
        assert (await post(door, text.encode(), JSON)).status_code == 200
    assert all(row["attributes"] == {"n": 2**62} for row in door.sink.batches[1].rows())
