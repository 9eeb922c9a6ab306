"""Opening a connection to the collector: proxy, TLS, and what a person can do where that fails.

Both senders begin here. The standard library is enough, and most services have loaded these parts
of it already.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ananta_tracing.delivery import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta_tracing.settings import Settings

Address = tuple[str, int | None]


def open_connection(
    settings: Settings,
    timeout_seconds: float,
    *,
    proxy: Address | None = None,
    tunnels: bool = False,
    protocols: Sequence[str] = (),
) -> http.client.HTTPConnection:
    """Connect to the endpoint of the settings, with TLS where it begins with `https`.

    Args:
        settings: endpoint and certificates.
        timeout_seconds: how long connecting and agreeing on TLS may take, each.
        proxy: the address to connect to instead.
        tunnels: asks the proxy for a tunnel, as is always done for TLS.
        protocols: what to offer by ALPN.

    Raises:
        OSError: it failed; `explain_error` tells why.
        http.client.HTTPException: the proxy does not answer as one.
    """
    url = urlsplit(settings.endpoint)
    host, port = url.hostname or "", url.port
    at_host, at_port = proxy or (host, port)
    connection: http.client.HTTPConnection
    if url.scheme == "http":
        connection = http.client.HTTPConnection(at_host, at_port, timeout=timeout_seconds)
    else:
        tunnels = True
        context = create_tls_context(settings)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        connection = http.client.HTTPSConnection(
            at_host, at_port, timeout=timeout_seconds, context=context
        )
    if proxy and tunnels:
        connection.set_tunnel(host, port or 443)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def create_tls_context(settings: Settings) -> ssl.SSLContext:
    """What the settings say of certificates.

    Raises:
        OSError: a file is missing or holds no certificate.
    """
    context = ssl.create_default_context(cafile=settings.certificate or None)
    if settings.client_certificate:
        context.load_cert_chain(settings.client_certificate, settings.client_key or None)
    return context


def find_proxy(host: str, *schemes: str) -> Address | None:
    """The proxy the environment names for this host, by the first of the schemes that has one."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies_environment, proxy_bypass

    proxies = getproxies_environment()
    proxy = next((proxies[scheme] for scheme in schemes if proxies.get(scheme)), None)
    if not proxy or proxy_bypass(host):
        return None
    url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return (url.hostname, url.port) if url.hostname else None


def explain_error(error: Exception, endpoint: str, timeout_seconds: float) -> Outcome:
    """The outcome of an attempt that never got as far as an answer."""
    verdict = Verdict.UNREACHABLE
    if isinstance(error, ssl.SSLCertVerificationError):
        verdict = Verdict.REFUSED
        advice = (
            f"its certificate is not trusted ({error.verify_message});"
            " set OTEL_EXPORTER_OTLP_CERTIFICATE to the file of its authority"
        )
    elif isinstance(error, ssl.SSLError):
        advice = f"no TLS could be agreed on ({error.reason}); without TLS write http://"
    elif isinstance(error, FileNotFoundError):
        verdict = Verdict.REFUSED
        advice = (
            "a certificate file is missing; check OTEL_EXPORTER_OTLP_CERTIFICATE,"
            " CLIENT_CERTIFICATE and CLIENT_KEY"
        )
    elif isinstance(error, socket.gaierror):
        advice = "the host name is not known here; check OTEL_EXPORTER_OTLP_ENDPOINT"
    elif isinstance(error, ConnectionRefusedError):
        advice = (
            "nothing listens there; start the collector, or set OTEL_EXPORTER_OTLP_ENDPOINT to"
            " where it runs"
        )
    elif isinstance(error, TimeoutError):
        advice = f"no answer within {timeout_seconds:.1f} s; check the network and the collector"
    else:
        advice = "the connection broke; check the network and the collector"
    return Outcome(verdict, f"{endpoint}: {error or type(error).__name__}: {advice}")
