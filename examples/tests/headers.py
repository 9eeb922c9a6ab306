"""Trace context as headers carry it, and a server of somebody else's that remembers headers."""

from __future__ import annotations

import json
import secrets
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Format:
    """One format: its name in OTEL_PROPAGATORS, how it is written, and how it is read."""

    propagators: str
    write: Callable[[str, str], dict[str, str]]
    read: Callable[[Mapping[str, str]], tuple[str, str]]


def _write_w3c(trace_id: str, span_id: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-{span_id}-01"}


def _read_w3c(headers: Mapping[str, str]) -> tuple[str, str]:
    _, trace_id, span_id, _ = headers["traceparent"].split("-")
    return trace_id, span_id


def _write_xray(trace_id: str, span_id: str) -> dict[str, str]:
    root = f"1-{trace_id[:8]}-{trace_id[8:]}"
    return {"X-Amzn-Trace-Id": f"Root={root};Parent={span_id};Sampled=1"}


def _read_xray(headers: Mapping[str, str]) -> tuple[str, str]:
    parts = dict(part.split("=") for part in headers["x-amzn-trace-id"].split(";"))
    return parts["Root"].removeprefix("1-").replace("-", ""), parts["Parent"]


def _write_b3(trace_id: str, span_id: str) -> dict[str, str]:
    return {"b3": f"{trace_id}-{span_id}-1"}


def _read_b3(headers: Mapping[str, str]) -> tuple[str, str]:
    trace_id, span_id, *_ = headers["b3"].split("-")
    return trace_id, span_id


def _write_b3_multi(trace_id: str, span_id: str) -> dict[str, str]:
    return {"X-B3-TraceId": trace_id, "X-B3-SpanId": span_id, "X-B3-Sampled": "1"}


def _read_b3_multi(headers: Mapping[str, str]) -> tuple[str, str]:
    return headers["x-b3-traceid"], headers["x-b3-spanid"]


FORMATS = {
    "w3c": Format("tracecontext,baggage", _write_w3c, _read_w3c),
    "xray": Format("xray", _write_xray, _read_xray),
    "b3": Format("b3", _write_b3, _read_b3),
    "b3multi": Format("b3multi", _write_b3_multi, _read_b3_multi),
}


def new_ids() -> tuple[str, str]:
    """A trace id and a span id; the trace id begins as those of X-Ray do, with a time."""
    return f"6745a1b2{secrets.token_hex(12)}", secrets.token_hex(8)


# What a distributor, an identity provider and a DNS provider answer, in one.
ANSWER = {
    "lifecycle": "active",
    "unit_price": 1.5,
    "stock": 3,
    "user_id": "user-1",
    "record_id": "dns-1",
}


class Listener:
    """All APIs of others at one address; it says yes and remembers with which headers.

    While `answers` is cleared, whoever asks has to wait.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.answers = threading.Event()
        self.answers.set()
        requests, answers = self.requests, self.answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                requests.append({name.lower(): value for name, value in self.headers.items()})
                answers.wait()
                with suppress(BrokenPipeError):  # whoever asked may have crashed
                    self._answer()

            def _answer(self) -> None:
                content = json.dumps(ANSWER).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {"DISTRIBUTOR_URL": url, "IDENTITY_URL": url, "DNS_URL": url}

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener that serves within the block."""
    listener = Listener()
    thread = threading.Thread(target=listener.serve)
    thread.start()
    try:
        yield listener
    finally:
        listener.close()
        thread.join()
