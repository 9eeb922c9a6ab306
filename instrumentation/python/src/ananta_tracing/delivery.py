"""What came of a request: delivered, to be tried again, or refused, and what a person should do.

Both senders answer with an `Outcome`. Nothing here raises or logs.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol


class Verdict(Enum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    BUSY = "busy"
    """The other side is there and asks to try again later."""
    UNREACHABLE = "unreachable"
    """Nobody answered; trying again may help."""
    REFUSED = "refused"
    """Trying again would not help."""


class Outcome(NamedTuple):
    """The verdict on one attempt, with what explains it."""

    verdict: Verdict
    message: str = ""
    """What is wrong and what to do, when there is something."""
    retry_after_seconds: float | None = None
    rejected_spans: int = 0
    """Spans the other side did not take although it took the request."""


class Sender(Protocol):
    """Sends one encoded `ExportTraceServiceRequest` at a time."""

    def send(
        self, payload: bytes, timeout_seconds: float, connect_timeout_seconds: float
    ) -> Outcome:
        """Try once. Takes no longer than the timeout, give or take one reading of a socket.

        Where a connection has to be opened first, that may take no longer than its own timeout.
        """

    def close(self) -> None:
        """Let go of the connection; the next `send` would open another."""


def read_partial_success(data: bytes) -> Outcome:
    """The outcome an `ExportTraceServiceResponse` tells; what cannot be read counts as success."""
    for field, content in _fields(data):
        if field == 1 and isinstance(content, bytes):
            values = dict(_fields(content))
            rejected, message = values.get(1, 0), values.get(2, b"")
            text = message.decode(errors="replace") if isinstance(message, bytes) else ""
            if isinstance(rejected, int):
                return Outcome(Verdict.DELIVERED, text, rejected_spans=rejected)
    return Outcome(Verdict.DELIVERED)


def read_retry_delay(status: bytes) -> float | None:
    """The seconds of the `google.rpc.RetryInfo` inside a `google.rpc.Status`; None without one."""
    for field, content in _fields(status):
        if field != 3 or not isinstance(content, bytes):
            continue
        packed = dict(_fields(content))
        if packed.get(1) != b"type.googleapis.com/google.rpc.RetryInfo":
            continue
        info = packed.get(2, b"")
        delay = dict(_fields(info)).get(1, b"") if isinstance(info, bytes) else b""
        parts = dict(_fields(delay)) if isinstance(delay, bytes) else {}
        seconds, nanos = parts.get(1, 0), parts.get(2, 0)
        if isinstance(seconds, int) and isinstance(nanos, int):
            return seconds + nanos / 1e9
    return None


def read_status_message(status: bytes) -> str:
    """The message of a `google.rpc.Status`, as OTLP servers answer with over HTTP."""
    message = dict(_fields(status)).get(2, b"")
    return message.decode(errors="replace") if isinstance(message, bytes) else ""


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """The fields of a protobuf message: numbers and byte strings; stops at what it cannot read."""
    found: list[tuple[int, int | bytes]] = []
    position = 0
    try:
        while position < len(data):
            tag, position = _read_varint(data, position)
            if tag & 7 == 0:
                number, position = _read_varint(data, position)
                found.append((tag >> 3, number))
            elif tag & 7 == 2:
                length, position = _read_varint(data, position)
                if position + length > len(data):
                    break
                found.append((tag >> 3, data[position : position + length]))
                position += length
            else:
                break
    except IndexError:
        pass
    return found


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
