"""Small HTTP servers inside the running event loop: 8888, 13133, 55679, 16686.

Each is one ASGI application on one address. The socket is bound here, so that a taken port is
one line that names the setting; uvicorn speaks HTTP. uvicorn's own main loop is left out: it
wakes ten times a second to refresh a `Date` header nobody needs, and takes over the signals.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from ananta.config.shared.endpoint import Address, EndpointError, parse_endpoint
from ananta.errors import StartupError

if TYPE_CHECKING:
    import ssl

    import uvicorn
    from starlette.types import ASGIApp

_STOP_TIMEOUT_SECONDS = 3


class HttpServer:
    """One application on one address, from `await start()` to `await stop()`.

    Args:
        app: the ASGI application.
        endpoint: `host:port`; port 0 takes a free one, an empty host listens on every interface.
        setting: the configuration path to name when the address cannot be had.
        tls: serve HTTPS with this context.
    """

    def __init__(
        self, app: ASGIApp, endpoint: str, setting: str, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._app = app
        self._endpoint = endpoint
        self._setting = setting
        self._tls = tls
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None

    async def start(self) -> None:
        """Listen; raises `StartupError` when the address is taken or not this machine's."""
        import uvicorn  # here, because a run without servers should not pay for it

        self._socket = bind(self._endpoint, self._setting)
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            ws="none",
            interface="asgi3",
            timeout_graceful_shutdown=_STOP_TIMEOUT_SECONDS,
        )
        config.load()
        config.ssl = self._tls
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self._socket])
        self._server = server

    @property
    def address(self) -> str:
        """Where it listens, as `host:port` with the real port; the endpoint before `start`."""
        if self._socket is None:
            return self._endpoint
        host, port = self._socket.getsockname()[:2]
        return str(Address(host, port))

    async def stop(self) -> None:
        """Stop listening and give requests a few seconds to end; legal twice."""
        server, self._server = self._server, None
        if server is not None and self._socket is not None:
            await server.shutdown(sockets=[self._socket])


def bind(endpoint: str, setting: str) -> socket.socket:
    """A listening TCP socket on the endpoint; raises `StartupError` that names the setting."""
    try:
        host, port = parse_endpoint(endpoint)
        everywhere = not host and socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if everywhere or ":" in host else socket.AF_INET
        listening = socket.create_server(
            (host, port), family=family, dualstack_ipv6=everywhere, backlog=2048
        )
        # Connections inherit it. asyncio sets it only where the protocol is spelled out, and
        # without it the second packet of an answer waits 40 ms for the client's delayed ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except EndpointError as error:
        msg = f"{setting}: {error}"
        raise StartupError(msg) from None
    except OSError as error:
        raise StartupError(_bind_problem(endpoint, setting, error)) from error


def _bind_problem(endpoint: str, setting: str, error: OSError) -> str:
    port = endpoint.rpartition(":")[2]
    if error.errno == errno.EADDRINUSE:
        cause = f"port {port} is already taken; stop the program that holds it or set another port"
    elif error.errno == errno.EACCES:
        cause = f"no permission to use port {port}; set a port above 1023"
    elif isinstance(error, socket.gaierror):
        cause = "the host name does not resolve; set localhost, 0.0.0.0 or an address of this host"
    else:
        cause = f"{error.strerror}; set localhost, 0.0.0.0 or an address of this host"
    return f"{setting}: cannot listen on {endpoint}: {cause}"
