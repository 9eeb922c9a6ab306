"""The embedded ClickHouse behind ClickHouse's HTTP interface, as far as our client speaks it.

Run as a program: `python -m tests.store.http_engine DIRECTORY` prints its port and serves until its
standard input ends. It takes statements with their settings, inserts with a body, and answers
errors the way a server does.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb

PASSWORD = "secret"
AUTHENTICATION_FAILED = 516
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s+(\S+)\s+FORMAT\s+Native\n", re.I)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*$", re.I)
# Query parameters that are no settings.
_PROTOCOL = {
    *("query", "database", "default_format", "session_id", "query_id", "compress"),
    *("client_protocol_version", "wait_end_of_query", "enable_http_compression"),
    *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory: str

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.read_body())

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, body: bytes) -> None:
        parameters = dict(parse_qsl(urlsplit(self.path).query))
        if self.headers.get("X-ClickHouse-Key", "") != PASSWORD and not self.has_basic_password():
            self.fail(f"Code: {AUTHENTICATION_FAILED}. DB::Exception: default: wrong password.")
            return
        statement = parameters.get("query", "").encode() + body
        insert = _INSERT.match(statement)
        end = insert.end() if insert else len(statement)
        sql, body = statement[:end].decode(), statement[end:]
        try:
            self.succeed(run(self.directory, sql, body, parameters), sql, parameters)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            self.fail(str(error))

    def has_basic_password(self) -> bool:
        import base64

        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        return scheme == "Basic" and base64.b64decode(encoded).decode().endswith(f":{PASSWORD}")

    def succeed(self, data: bytes, sql: str, parameters: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-ClickHouse-Format", format_of(sql, parameters))
        self.send_header("X-ClickHouse-Summary", "{}")
        self.end_headers()
        self.wfile.write(data)

    def fail(self, message: str) -> None:
        found = re.search(r"Code: (\d+)", message)
        data = message.encode()
        self.send_response(500)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-ClickHouse-Exception-Code", found[1] if found else "0")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def format_of(sql: str, parameters: dict[str, str]) -> str:
    found = _FORMAT.search(sql)
    return found[1] if found else parameters.get("default_format", "TabSeparated")


def run(directory: str, sql: str, body: bytes, parameters: dict[str, str]) -> bytes:
    connection = chdb.connect(directory)
    try:
        settings = {key: value for key, value in parameters.items() if key not in _PROTOCOL}
        for name, value in settings.items():
            connection.query(f"SET {name} = '{value}'")
        if not body:
            result = connection.query(sql, format_of(sql, parameters))
            return bytes(result.bytes() or b"")
        with tempfile.NamedTemporaryFile(dir=directory) as file:
            file.write(body)
            file.flush()
            target = sql.removesuffix("FORMAT Native\n")
            connection.query(f"{target} FROM INFILE '{file.name}' FORMAT Native")
        return b""
    finally:
        connection.close()


def main(directory: str) -> None:
    first = chdb.connect(directory)
    Handler.directory = directory
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    server.shutdown()
    first.close()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
