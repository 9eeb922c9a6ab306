"""TLS of the small HTTP servers, from the `tls:` section the Collector's servers have."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ananta.config.model import BrokenRule
from ananta.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.config.shared import TlsServerConfig

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def unsupported(tls: TlsServerConfig) -> Iterator[BrokenRule]:
    """Yield each setting these servers cannot follow: refused rather than passed over."""
    for key in ("cipher_suites", "curve_preferences", "reload_interval", "client_ca_file_reload"):
        if getattr(tls, key):
            yield BrokenRule(key, f"{key} is not supported by this server; remove it")


def server_context(tls: TlsServerConfig, setting: str) -> ssl.SSLContext:
    """The context of a server with these certificates.

    Args:
        tls: the section.
        setting: its configuration path, for the error.

    Raises:
        StartupError: a file can't be read or holds no usable certificate or key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version or "1.2"]
    if tls.max_version:
        context.maximum_version = _VERSIONS[tls.max_version]
    try:
        with tempfile.TemporaryDirectory() as directory:
            context.load_cert_chain(
                tls.cert_file or _file(directory, "cert", tls.cert_pem.get_secret_value()),
                tls.key_file or _file(directory, "key", tls.key_pem.get_secret_value()),
            )
        if tls.client_ca_file:
            context.load_verify_locations(tls.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        message = f"{setting}: cannot use the certificate files: {error}; check their paths"
        raise StartupError(message) from error
    return context


def _file(directory: str, name: str, text: str) -> Path:
    """A file with this text: OpenSSL reads certificates and keys from files only."""
    path = Path(directory, name)
    path.write_text(text)
    return path
