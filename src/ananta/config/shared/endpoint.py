"""Taking an endpoint apart: `host:port`, `[::1]:4317`, `:4317`, `unix:/path`."""

from __future__ import annotations

from typing import NamedTuple

_MAX_PORT = 65535


class EndpointError(ValueError):
    """An endpoint is not `host:port`; the message names the part that is wrong."""


class Address(NamedTuple):
    """Where something listens or connects to.

    Attributes:
        host: name or IP address without brackets; "" stands for every interface.
        port: 0 asks the system for a free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(endpoint: str) -> Address:
    """Split `host:port`.

    Raises:
        EndpointError: there is no port, or it is not a number from 0 to 65535, or an IPv6
            address lacks its brackets.
    """
    host, colon, port = endpoint.rpartition(":")
    if not colon or host.endswith(":"):
        message = f'missing port in address "{endpoint}"; write host:port, such as localhost:4317'
        raise EndpointError(message)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        message = f'too many colons in address "{endpoint}"; write an IPv6 address as [::1]:{port}'
        raise EndpointError(message)
    if not (port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        message = f'invalid port "{port}" in "{endpoint}"; write a number from 0 to {_MAX_PORT}'
        raise EndpointError(message)
    return Address(host, int(port))


def endpoint_problem(endpoint: str) -> str | None:
    """What is wrong with a `host:port`, or None."""
    try:
        parse_endpoint(endpoint)
    except EndpointError as error:
        return str(error)
    return None
