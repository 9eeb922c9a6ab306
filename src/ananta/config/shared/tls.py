"""The `tls:` section of servers and clients.

Files are read when a component starts, not here: a configuration validates on another machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ananta.config.model import BrokenRule, Config, Duration, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSIONS = ("1.0", "1.1", "1.2", "1.3")
_CURVES = ("X25519", "P256", "P384", "P521", "X25519MLKEM768")


class TpmConfig(Config):
    """Keys held in a trusted platform module, which this program cannot read."""

    enabled: bool = Field(False, description="Must stay false: TPM keys are not supported.")
    path: str = Field("", description="Path of the TPM device.")
    owner_auth: Secret = Field(Secret(""), description="Owner authorisation of the TPM.")
    auth: Secret = Field(Secret(""), description="Authorisation of the key.")

    def check(self) -> Iterator[BrokenRule]:
        """TPM is refused, not ignored: ignoring it would leave the key unused."""
        yield from super().check()
        if self.enabled:
            yield BrokenRule("enabled", "TPM keys are not supported; give the key as key_file")


class TlsConfig(Config):
    """Certificates and protocol versions, common to servers and clients."""

    ca_file: str = Field("", description="File of the certificate authorities to trust (PEM).")
    ca_pem: Secret = Field(Secret(""), description="The same as PEM text, instead of `ca_file`.")
    include_system_ca_certs_pool: bool = Field(
        False, description="Also trust the system's authorities beside the ones given."
    )
    cert_file: str = Field("", description="File of the own certificate chain (PEM).")
    cert_pem: Secret = Field(Secret(""), description="The same as PEM text, not with `cert_file`.")
    key_file: str = Field("", description="File of the certificate's private key (PEM).")
    key_pem: Secret = Field(Secret(""), description="The same as PEM text, not with `key_file`.")
    min_version: str = Field("", description="Oldest TLS version accepted; empty means 1.2.")
    max_version: str = Field("", description="Newest TLS version accepted; empty means 1.3.")
    cipher_suites: list[str] = Field(
        [], description="TLS 1.2 cipher suites to allow; empty means the safe defaults."
    )
    include_insecure_cipher_suites: bool = Field(
        False, description="Let `cipher_suites` name suites that are known to be weak."
    )
    curve_preferences: list[str] = Field(
        [], description=f"Curves for the key exchange, best first: {', '.join(_CURVES)}."
    )
    reload_interval: Duration = Field(
        0.0, description="How often to read the certificate files again; 0 reads them once."
    )
    tpm: TpmConfig = Field(TpmConfig(), description="Keys in a trusted platform module.")

    def check(self) -> Iterator[BrokenRule]:
        """Each thing is given once, a certificate comes with its key, versions are in order."""
        yield from super().check()
        for name, what in (("ca", "CA"), ("cert", "certificate"), ("key", "key")):
            if getattr(self, f"{name}_file") and self._text(f"{name}_pem"):
                yield BrokenRule(
                    f"{name}_pem",
                    f"provide either a {what} file or the PEM-encoded string, but not both;"
                    f" remove {name}_file or {name}_pem",
                )
        if self.has_certificate != bool(self.key_file or self._text("key_pem")):
            missing = "key_file" if self.has_certificate else "cert_file"
            yield BrokenRule(
                missing,
                "for auth via TLS, provide both certificate and key, or neither;"
                f" add {missing} or {missing.replace('file', 'pem')}",
            )
        yield from self._check_versions()
        for curve in self.curve_preferences:
            if curve not in _CURVES:
                yield BrokenRule(
                    "curve_preferences",
                    f'invalid curve type "{curve}"; write one of {", ".join(_CURVES)}',
                )

    def _check_versions(self) -> Iterator[BrokenRule]:
        known = True
        for key in ("min_version", "max_version"):
            if (version := getattr(self, key)) and version not in _VERSIONS:
                known = False
                yield BrokenRule(
                    key,
                    f'invalid TLS {key}: unsupported TLS version: "{version}";'
                    f" write one of {', '.join(_VERSIONS)}",
                )
        if known and self.max_version and self.max_version < (self.min_version or "1.2"):
            yield BrokenRule(
                "max_version",
                "invalid TLS configuration: min_version cannot be greater than max_version",
            )

    def _text(self, key: str) -> str:
        secret: Secret = getattr(self, key)
        return secret.get_secret_value()

    @property
    def has_certificate(self) -> bool:
        """Whether an own certificate is given, as a file or as text."""
        return bool(self.cert_file or self._text("cert_pem"))


class TlsServerConfig(TlsConfig):
    """TLS for what listens."""

    client_ca_file: str = Field(
        "", description="Authorities for client certificates; turns on mutual TLS."
    )
    client_ca_file_reload: bool = Field(
        False, description="Read `client_ca_file` again whenever it changes."
    )

    def check(self) -> Iterator[BrokenRule]:
        """A server cannot speak TLS without a certificate of its own."""
        yield from super().check()
        if not self.has_certificate and not (self.key_file or self._text("key_pem")):
            yield BrokenRule(
                "cert_file",
                "a TLS server needs a certificate;"
                " add cert_file and key_file, or remove tls to listen without TLS",
            )


class TlsClientConfig(TlsConfig):
    """TLS for what connects."""

    insecure: bool = Field(False, description="Connect without TLS.")
    insecure_skip_verify: bool = Field(
        False, description="Use TLS, but accept any certificate of the server."
    )
    server_name_override: str = Field(
        "", description="Name expected in the server's certificate instead of the endpoint's host."
    )
