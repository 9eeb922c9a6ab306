"""HTTP/2 for a client that asks one thing at a time, on a socket that is open already.

h2 knows the protocol and touches no socket; here its bytes are moved, each request within a
deadline. Between requests nobody reads: what the server said meanwhile is read before the next.
"""

from __future__ import annotations

import time
from ssl import SSLWantReadError
from typing import TYPE_CHECKING, Any, NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

_READ_BYTES = 65_536
_LONGEST_ANSWER_BYTES = 65_536


class Http2Error(Exception):
    """The other side does not speak HTTP/2, or not as the standard has it."""


class Response(NamedTuple):
    """A whole answer."""

    headers: dict[str, str]
    """Headers and trailers together, by names in lower case."""
    body: bytes


class Http2Connection:
    """One connection; used by one thread. After an error it is of no more use.

    Args:
        connected: a socket on which nothing was said yet; closing it is left to the caller.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._protocol = _Protocol(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._protocol.initiate_connection()
        self._stream_id = 0
        self._headers: dict[str, str] = {}
        self._body = b""
        self._is_answered = False
        self._has_met = False
        self._is_ending = False

    def is_usable(self) -> bool:
        """Whether the other side would take one more request, as far as can be known here."""
        self._socket.settimeout(0)
        try:
            while not self._is_ending:
                self._read()
        except (BlockingIOError, SSLWantReadError):  # nothing more was said
            return True
        except (OSError, Http2Error):
            pass
        return False

    def request(self, headers: Iterable[tuple[str, str]], body: bytes, deadline: float) -> Response:
        """Send a request and wait for its whole answer.

        Args:
            headers: in the order of the standard, those that begin with a colon first.
            body: what follows them.
            deadline: by the monotonic clock.

        Raises:
            ValueError: HTTP/2 has no such headers.
            OSError: the connection broke, or the deadline passed (`TimeoutError`).
            Http2Error: the other side speaks something else.
        """
        self._stream_id = self._protocol.get_next_available_stream_id()
        self._headers, self._body, self._is_answered = {}, b"", False
        try:
            self._protocol.send_headers(self._stream_id, headers)
        except ProtocolError as error:
            raise ValueError(str(error)) from error
        rest: bytes | None = body
        while True:
            rest = self._queue(rest)
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._socket.sendall(self._protocol.data_to_send())
            if self._is_answered:
                break
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._read()
        if rest is not None:
            self._is_ending = True  # answered before all was sent; the stream is still half open
        return Response(self._headers, self._body)

    def _queue(self, rest: bytes | None) -> bytes | None:
        """Hand over as much of a body as the server takes now; None when that was the end of it."""
        while rest is not None and not self._is_answered:
            size = min(
                self._protocol.local_flow_control_window(self._stream_id),
                self._protocol.max_outbound_frame_size,
            )
            if size <= 0:  # new settings may have taken back what was granted
                break
            is_last = len(rest) <= size
            self._protocol.send_data(self._stream_id, rest[:size], end_stream=is_last)
            rest = None if is_last else rest[size:]
        return rest

    def _read(self) -> None:
        data = self._socket.recv(_READ_BYTES)
        if not data:
            message = "the other side closed the connection"
            raise ConnectionResetError(message) if self._has_met else Http2Error(message)
        try:
            for event in self._protocol.receive_data(data):
                self._note(event)
        except ProtocolError as error:
            raise Http2Error(str(error)) from error

    def _note(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self._is_ending = True
            if (event.last_stream_id or 0) < self._stream_id and not self._is_answered:
                message = "the other side is about to close the connection"
                raise ConnectionResetError(message)
        elif isinstance(event, RemoteSettingsChanged):  # every server begins with this
            self._has_met = True
        elif getattr(event, "stream_id", None) != self._stream_id or self._is_answered:
            return
        elif isinstance(event, (ResponseReceived, TrailersReceived)):
            self._headers.update((str(name), str(text)) for name, text in event.headers)
        elif isinstance(event, DataReceived):
            self._body += event.data
            self._protocol.acknowledge_received_data(event.flow_controlled_length, self._stream_id)
            if len(self._body) > _LONGEST_ANSWER_BYTES:
                message = "the answer is far too long"
                raise Http2Error(message)
        elif isinstance(event, StreamEnded):
            self._is_answered = True
        elif isinstance(event, StreamReset):
            message = f"the other side gave the request up ({event.error_code!r})"
            raise ConnectionResetError(message)


class _Protocol(H2Connection):
    """That of h2, which would lose the answers under way when a server announces its end."""

    def _receive_goaway_frame(self, frame: Any) -> Any:
        state = self.state_machine.state
        received = super()._receive_goaway_frame(frame)
        self.state_machine.state = state
        return received
