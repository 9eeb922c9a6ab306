"""TLS and mutual TLS of the OTLP receiver."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import grpc.aio
import httpx
import pytest
import trustme

from ananta.errors import StartupError

from .door import EXPORT, PROTOBUF, Door, open_door, request, until

if TYPE_CHECKING:
    from pathlib import Path


class Identity:
    """A certificate and its key as files."""

    def __init__(self, ca: trustme.CA, directory: Path, name: str = "localhost") -> None:
        certificate = ca.issue_cert(name, "127.0.0.1")
        self.chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        self.key = certificate.private_key_pem.bytes()
        self.cert_file = directory / "cert.pem"
        self.key_file = directory / "key.pem"
        self.write()

    def write(self) -> None:
        self.cert_file.write_bytes(self.chain)
        self.key_file.write_bytes(self.key)

    @property
    def section(self) -> dict[str, Any]:
        return {"cert_file": str(self.cert_file), "key_file": str(self.key_file)}


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(ca: trustme.CA, tmp_path: Path) -> Identity:
    return Identity(ca, tmp_path)


def context(ca: trustme.CA, **options: Any) -> ssl.SSLContext:
    made = ssl.create_default_context()
    ca.configure_trust(made)
    for name, value in options.items():
        setattr(made, name, value)
    return made


async def post(door: Door, verify: ssl.SSLContext) -> int:
    async with httpx.AsyncClient(verify=verify) as client:
        url = f"{door.http.replace('http:', 'https:')}/v1/traces"
        headers = {"content-type": PROTOBUF}
        return (await client.post(url, content=request("a"), headers=headers)).status_code


async def call(door: Door, credentials: grpc.ChannelCredentials) -> bytes:
    async with grpc.aio.secure_channel(door.grpc, credentials) as channel:
        answer: bytes = await channel.unary_unary(EXPORT)(request("a"), timeout=20)
        return answer


async def test_both_protocols_serve_tls(ca: trustme.CA, server: Identity) -> None:
    section = {"tls": server.section}
    async with open_door(grpc=section, http=section) as door:
        assert await post(door, context(ca)) == 200
        assert await call(door, grpc.ssl_channel_credentials(ca.cert_pem.bytes())) == b"\x0a\x00"
        with pytest.raises(httpx.RemoteProtocolError):
            async with httpx.AsyncClient() as client:
                await client.post(f"{door.http}/v1/traces")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await post(door, ssl.create_default_context())


async def test_certificates_may_be_text(ca: trustme.CA, server: Identity) -> None:
    tls = {"cert_pem": server.chain.decode(), "key_pem": server.key.decode()}
    async with open_door(grpc=None, http={"tls": tls}) as door:
        assert await post(door, context(ca)) == 200


async def test_mutual_tls_turns_away_who_shows_no_certificate(
    ca: trustme.CA, server: Identity, tmp_path: Path
) -> None:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    section = {"tls": {**server.section, "client_ca_file": str(tmp_path / "ca.pem")}}
    async with open_door(grpc=section, http=section) as door:
        known = context(ca)
        ca.issue_cert("client@example.test").configure_cert(known)
        assert await post(door, known) == 200
        stranger = context(ca)
        trustme.CA().issue_cert("client@example.test").configure_cert(stranger)
        for refused in (context(ca), stranger):
            with pytest.raises((httpx.TransportError, ssl.SSLError)):
                await post(door, refused)
        trusted = ca.cert_pem.bytes()
        credentials = grpc.ssl_channel_credentials(trusted, server.key, server.chain)
        assert await call(door, credentials) == b"\x0a\x00"
        with pytest.raises(grpc.aio.AioRpcError):
            await call(door, grpc.ssl_channel_credentials(trusted))
        assert door.sink.names == ["a", "a"]


@pytest.mark.parametrize(
    ("served", "asked", "works"), [("1.3", "TLSv1_2", False), ("1.2", "TLSv1_2", True)]
)
async def test_old_versions_can_be_refused(
    ca: trustme.CA, server: Identity, served: str, asked: str, works: bool
) -> None:
    client = context(ca, maximum_version=ssl.TLSVersion[asked])
    async with open_door(
        grpc=None, http={"tls": {**server.section, "min_version": served}}
    ) as door:
        if works:
            assert await post(door, client) == 200
        else:
            with pytest.raises(httpx.ConnectError):
                await post(door, client)


async def test_cipher_suites_can_be_chosen(ca: trustme.CA, server: Identity) -> None:
    suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    tls = {**server.section, "max_version": "1.2", "cipher_suites": [suite]}
    async with open_door(grpc=None, http={"tls": tls}) as door:
        good, bad = context(ca), context(ca)
        good.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
        bad.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        assert await post(door, good) == 200
        with pytest.raises(httpx.ConnectError):
            await post(door, bad)


async def test_certificates_are_read_again(
    ca: trustme.CA, server: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    tls = {**server.section, "reload_interval": "1ns"}
    async with open_door(grpc=None, http={"tls": tls}) as door:
        assert await post(door, context(ca)) == 200
        other = trustme.CA()
        Identity(other, server.cert_file.parent)
        assert await post(door, context(other)) == 200
        server.key_file.write_text("torn")
        # A reload that fails keeps what was loaded last, and says so.
        assert await post(door, context(other)) == 200
        await until(lambda: "reading certificates again failed; key_file: " in caplog.text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cert_file": "/no/such/file"}, r"tls::cert_file: /no/such/file: No such file"),
        ({"cipher_suites": ["TLS_FANCY"]}, r'tls::cipher_suites: "TLS_FANCY" is not supported; '),
        ({"curve_preferences": ["P521"]}, r'tls::curve_preferences: "P521" is not supported'),
        ({"client_ca_file": "KEY"}, r"tls::client_ca_file: no certificate in PEM form"),
        ({"key_file": "CERT"}, r"tls::key_file: no private key in PEM form"),
        ({"max_version": "1.1", "min_version": "1.0"}, r"tls::max_version: TLS 1.1 is not supp"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_one_line_that_names_it(
    server: Identity, change: dict[str, Any], message: str
) -> None:
    files = {"KEY": str(server.key_file), "CERT": str(server.cert_file)}
    change = {
        key: files.get(value, value) if isinstance(value, str) else value
        for key, value in change.items()
    }
    with pytest.raises(StartupError, match=f"^receivers::otlp::protocols::http::{message}"):
        async with open_door(grpc=None, http={"tls": {**server.section, **change}}):
            pass
