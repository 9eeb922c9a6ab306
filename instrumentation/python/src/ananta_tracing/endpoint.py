"""Where spans go: one URL and one protocol out of everything people write for them.

The specification has traps here (a general endpoint gets `/v1/traces` appended and a signal
endpoint does not, a missing scheme means TLS over gRPC). Each known one is recognised, mended
where only one meaning is left, and told as a problem.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from ananta_tracing.variables import Reader

Protocol = Literal["grpc", "http/protobuf"]

TRACES_PATH = "/v1/traces"
GRPC_PORT = 4317
HTTP_PORT = 4318
DEFAULT_ENDPOINT = {
    "grpc": f"http://localhost:{GRPC_PORT}",
    "http/protobuf": f"http://localhost:{HTTP_PORT}{TRACES_PATH}",
}
_PROTOCOLS: dict[str, Protocol] = {
    "grpc": "grpc",
    "http/protobuf": "http/protobuf",
    "http": "http/protobuf",
    "httpprotobuf": "http/protobuf",
    "http/json": "http/protobuf",
}
_SIGNAL_VARIABLE = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_GENERAL_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_EXAMPLE = f"write for example http://localhost:{GRPC_PORT}"
_JAEGER_VARIABLES = ("JAEGER_ENDPOINT", "OTEL_EXPORTER_JAEGER_ENDPOINT")


class Destination(NamedTuple):
    """Where to send, and how."""

    endpoint: str
    """The whole URL for HTTP; scheme, host and port for gRPC. Empty: it could not be read."""
    protocol: Protocol
    insecure: bool
    """No TLS. `https` always means TLS."""


def read_destination(reader: Reader) -> Destination:
    """Find endpoint and protocol in the arguments and variables of the reader."""
    insecure = reader.read(
        "insecure",
        ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"),
        reader.flag,
        None,
        argument="insecure",
    )
    protocol = _read_protocol(reader)
    origin, text, is_general = _find_endpoint(reader)
    if not text:
        protocol = protocol or "http/protobuf"
        endpoint = DEFAULT_ENDPOINT[protocol]
        _note_inferred(reader)
        return Destination(endpoint, protocol, insecure=True)
    url, hinted = _split(reader, origin, text, insecure=insecure)
    if url is None:
        return Destination("", protocol or "http/protobuf", insecure=True)
    if protocol is None:
        protocol = hinted or ("grpc" if read_port(url) == GRPC_PORT else "http/protobuf")
        _note_inferred(reader)
    endpoint = (
        _grpc_endpoint(reader, origin, url)
        if protocol == "grpc"
        else _http_endpoint(reader, origin, url, is_general=is_general)
    )
    if insecure and url.scheme == "https":
        reader.problem(
            reader.origins["insecure"], f"{origin} begins with https, so TLS is used; write http"
        )
    return Destination(endpoint, protocol, insecure=url.scheme == "http")


def _note_inferred(reader: Reader) -> None:
    if reader.origins.get("protocol", "default") == "default":
        reader.origins["protocol"] = "inferred from endpoint"


def _read_protocol(reader: Reader) -> Protocol | None:
    def parse(origin: str, text: str) -> Protocol | None:
        folded = text.strip().lower()
        protocol = _PROTOCOLS.get(folded)
        if protocol is None:
            message = f"unknown protocol {text!r}; write grpc or http/protobuf"
            raise ValueError(message)
        if folded != protocol:
            reader.problem(origin, f"{text!r} is read as {protocol}; write {protocol}")
        return protocol

    return reader.read(
        "protocol",
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
        parse,
        None,
        argument="protocol",
    )


def _find_endpoint(reader: Reader) -> tuple[str, str, bool]:
    """(origin, text, whether the traces path is still to be appended)."""

    def parse(_: str, text: str) -> str:
        return text.strip()

    text = reader.read(
        "endpoint",
        (_SIGNAL_VARIABLE, _GENERAL_VARIABLE),
        parse,
        "",
        argument="otlp_endpoint",
    )
    origin = reader.origins["endpoint"].partition(" (")[0]
    if text:
        return origin, text, origin != _SIGNAL_VARIABLE
    name, jaeger = reader.variable(*_JAEGER_VARIABLES)
    if not name:
        return origin, "", True
    host = _host_of(jaeger) or "localhost"
    endpoint = f"http://{_authority(host, HTTP_PORT)}"
    reader.origins["endpoint"] = name
    reader.problem(
        name,
        f"Jaeger takes OTLP now, so spans go to {endpoint}{TRACES_PATH};"
        f" write {_GENERAL_VARIABLE}={endpoint}",
    )
    return name, endpoint, True


def _split(
    reader: Reader, origin: str, text: str, *, insecure: bool | None
) -> tuple[SplitResult | None, Protocol | None]:
    """The parts of the URL, and the protocol its scheme hints at."""
    shown = _shown(text)
    if any(character.isspace() for character in text):
        reader.problem(origin, f"{shown} is not a URL, so no span is sent; {_EXAMPLE}")
        return None, None
    hinted: Protocol | None = None
    scheme, separator, rest = text.partition("://")
    if not separator:
        rest = text.lstrip("/")
        plain = insecure if insecure is not None else _is_nearby(_host_of(rest))
        scheme = "http" if plain else "https"
        reader.problem(
            origin,
            f"{shown} has no scheme and is read as {scheme}; write http:// or https:// before it",
        )
    elif scheme.lower() in ("grpc", "grpcs"):
        hinted = "grpc"
        scheme = "https" if scheme.lower() == "grpcs" else "http"
        reader.problem(
            origin,
            f"{shown} is read as {scheme} over gRPC; write {scheme}:// and"
            " OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        )
    try:
        url = urlsplit(f"{scheme.lower()}://{rest}")
        usable = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        reader.problem(origin, f"{shown} is not a URL, so no span is sent; {_EXAMPLE}")
        return None, None
    if url.username is not None:
        reader.problem(
            origin,
            "the user name and password inside are not sent; put credentials into"
            " OTEL_EXPORTER_OTLP_HEADERS",
        )
        url = url._replace(netloc=url.netloc.rpartition("@")[2])
    return url, hinted


def _shown(text: str) -> str:
    """The text in quotes, without a password."""
    return repr(re.sub(r"(//|^)[^/]*@", r"\1***@", text))


def _host_of(text: str) -> str:
    """The host of a URL with or without scheme; empty where it has none."""
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""


def _is_nearby(host: str) -> bool:
    """Whether a host without a scheme is one of this machine or network, where TLS is rare."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
    return address.is_private or address.is_loopback


def read_port(url: SplitResult) -> int:
    """The port of a URL, or the usual one of its scheme."""
    return url.port or (443 if url.scheme == "https" else 80)


def _grpc_endpoint(reader: Reader, origin: str, url: SplitResult) -> str:
    if url.path.strip("/"):
        reader.problem(
            origin,
            f"gRPC has no path, so {url.path!r} is left out;"
            f" for OTLP over HTTP use port {HTTP_PORT}",
        )
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else GRPC_PORT)
    return f"{url.scheme}://{_authority(host, port)}"


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _http_endpoint(reader: Reader, origin: str, url: SplitResult, *, is_general: bool) -> str:
    path = url.path
    if is_general:
        trimmed = path.rstrip("/")
        path = trimmed if trimmed.endswith(TRACES_PATH) else trimmed + TRACES_PATH
    elif not path:
        path = TRACES_PATH
        reader.problem(
            origin,
            f"{url.geturl()!r} has no path and this variable is used as it is;"
            f" spans go to {path}; write {url.geturl()}{path}",
        )
    return url._replace(path=path, fragment="").geturl()
