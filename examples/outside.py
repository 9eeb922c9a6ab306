"""Three APIs that belong to others: an identity provider, a DNS provider, a parts distributor.

They are here so that the example needs no network. They are not traced, as in life, and they fail
in the ways such APIs fail:

- the identity provider answers the first request for each tenant with 503, and the second with 201;
- the DNS provider refuses domains below `.invalid`;
- the distributor does not know `UNKNOWN-*`, is down for `FLAKY-*` and is slow for `SLOW-*`.

Usage: outside.py PORT
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote

SLOW_SECONDS = 0.4
LIFECYCLES = ("active", "active", "active", "not recommended", "obsolete")


class Outside(BaseHTTPRequestHandler):
    """Answers for all three, by the first part of the path."""

    protocol_version = "HTTP/1.1"
    asked_before: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        """`/parts/{mpn}`: what the distributor knows of a part; `/health`."""
        _, api, *rest = unquote(self.path).split("/")
        if api == "health":
            self._answer(200, {"status": "ok"})
        elif api == "parts" and rest:
            self._part(rest[0])
        else:
            self._answer(404, {"error": f"no such path: {self.path}"})

    def do_POST(self) -> None:
        """`/identity/users` and `/dns/records`."""
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self.path == "/identity/users":
            self._identity(asked)
        elif self.path == "/dns/records":
            self._dns(asked)
        else:
            self._answer(404, {"error": f"no such path: {self.path}"})

    def do_DELETE(self) -> None:
        """`/identity/users/{id}`: taken back."""
        self._answer(200, {"deleted": self.path.rpartition("/")[2]})

    def _identity(self, asked: dict[str, str]) -> None:
        tenant_id = asked["tenant_id"]
        if tenant_id not in self.asked_before:
            self.asked_before.add(tenant_id)
            self._answer(503, {"error": "identity provider is starting"})
        else:
            self._answer(201, {"user_id": f"user-{_number(tenant_id) % 100_000:05}"})

    def _dns(self, asked: dict[str, str]) -> None:
        if asked["domain"].endswith(".invalid"):
            self._answer(422, {"error": f"{asked['domain']} cannot be registered"})
        else:
            self._answer(201, {"record_id": f"dns-{_number(asked['domain']) % 100_000:05}"})

    def _part(self, mpn: str) -> None:
        if mpn.startswith("FLAKY-"):
            self._answer(503, {"error": "distributor is overloaded"})
        elif mpn.startswith("UNKNOWN-"):
            self._answer(404, {"error": f"no part {mpn}"})
        else:
            if mpn.startswith("SLOW-"):
                time.sleep(SLOW_SECONDS)
            number = _number(mpn)
            price = {"unit_price": round(0.01 + number % 900 / 100, 2), "stock": number % 50_000}
            self._answer(200, {"lifecycle": LIFECYCLES[number % len(LIFECYCLES)], **price})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the traces tell it."""


def _number(text: str) -> int:
    """A number that depends on the text alone, so that every run shows the same."""
    return zlib.crc32(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Outside).serve_forever()
