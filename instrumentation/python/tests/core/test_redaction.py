"""Secrets do not leave the process, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.trace import StatusCode

from ananta_tracing.encoding import SpanEncoder
from ananta_tracing.redaction import (
    REDACTED,
    Redactor,
    _hide_secrets,
    redact_sql,
    redact_text,
    redact_url,
)
from ananta_tracing.settings import DEFAULT_SANITIZE_FIELDS, resolve_settings

from .conftest import export_spans
from .sink import Sink, attributes

SECRET = "hunter2-9f8e7d"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@host/path",
        f"https://host/?token={SECRET}&page=2",
        f"https://host/?page=2&access_token={SECRET}#top",
        f"AWSAccessKeyId={SECRET}&Expires=1",
        f"/path?X-Amz-Signature={SECRET}",
        f"/callback?code={SECRET}&state=1",
        f"/x?API_KEY={SECRET}",
        f"?client_secret={SECRET}",
    ],
)
def test_urls(url: str) -> None:
    assert SECRET not in redact_url(url)
    assert REDACTED in redact_url(url)


@pytest.mark.parametrize("url", ["https://host/path?page=2&sort=name", "/components/4711", "a=b"])
def test_urls_without_secrets_stay(url: str) -> None:
    assert redact_url(url) == url


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", "SELECT ?"),
        (
            "INSERT INTO t2 VALUES ('a''b', -3.5e7, NULL, 0xFF)",
            "INSERT INTO t2 VALUES (?, ?, NULL, ?)",
        ),
        ("UPDATE u SET p = E'it\\'s' WHERE id = %s", "UPDATE u SET p = ? WHERE id = %s"),
        (
            "SELECT $1, :p1, @p2, col3 FROM schema1.tab2",
            "SELECT $1, :p1, @p2, col3 FROM schema1.tab2",
        ),
        ("SELECT $tag$ it's secret $tag$, 5", "SELECT ?, ?"),
        ("SELECT 'never closed", "SELECT ?"),
        ('SELECT "Column 1" FROM t', 'SELECT "Column 1" FROM t'),
    ],
)
def test_sql(statement: str, expected: str) -> None:
    assert redact_sql(statement) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"bad token: {SECRET}",
        f"db_password = '{SECRET}'",
        f'{{"api_key": "{SECRET}", "x": 1}}',
        f'{{"passphrase": "so \\"long\\" as {SECRET}"}}',
        f"password='never closed {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"sent header Bearer {SECRET}",
        f"could not connect to postgresql://app:{SECRET}@db:5432/bom",
        "key AKIA" + "A" * 16,
        "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_texts(text: str) -> None:
    redacted = redact_text(text)
    assert REDACTED in redacted
    for secret in (SECRET, "AKIA", "eyJ", "abc"):
        assert secret not in redacted


def test_json_stays_json() -> None:
    assert redact_text('{"token": "a b", "n": 1}') == f'{{"token": "{REDACTED}", "n": 1}}'


PIECES = [
    *("password", "passwd", "Passphrase", "client_secret", "TOKEN", "api-key", "accessKey"),
    *("private_key", "Authorization", "credentials", "Bearer", "basic", "://", "u:p@", "@"),
    *("=", ":", " ", "\n", "\t", '"', "'", ",", "x", "12345678", SECRET, "AKIA" + "A" * 16),
    *("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "eyJabcdefgh.a.b"),
    "-----BEGIN PRIVATE KEY-----",
]


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@example("basic\t12345678")
@example("eyJabcdefgh.a.b")
def test_what_would_be_hidden_is_looked_at(text: str) -> None:
    """Most texts are passed by at a glance; none may be that holds a secret."""
    assert redact_text(text) == _hide_secrets(text)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_rules_take_any_text(text: str) -> None:
    for rule in (redact_url, redact_sql, redact_text):
        rule(text)


@pytest.mark.parametrize(
    "text",
    ["component RC0402 not found", "tokens used: 5", "author: ann", "keyboard=us", "file.py:12"],
)
def test_texts_without_secrets_stay(text: str) -> None:
    assert redact_text(text) == text


def test_keys_decide() -> None:
    redact = Redactor([*DEFAULT_SANITIZE_FIELDS, "x-tenant-.*"])
    assert redact("http.request.header.authorization", ["Basic abc"]) == [REDACTED]
    assert redact("http.request.header.x_tenant_id", ["acme"]) == [REDACTED]
    assert redact("http.request.header.accept", ["*/*"]) == ["*/*"]
    assert redact("db.password", "p") == REDACTED
    assert redact("user.accessToken", b"p") == REDACTED
    assert redact("gen_ai.usage.input_tokens", 7) == 7
    assert redact("has_token", True) is True
    assert redact("component.note", "token=abc") == f"token={REDACTED}"
    assert redact("component.note", b"token=abc") == f"token={REDACTED}"
    assert redact("component.note", b"\xff") == b"\xff"
    assert redact("url.path", "/token=abc") == "/token=abc"


def send_spans_with(redact, sink: Sink) -> None:
    chosen = resolve_settings({"service_name": "x", "otlp_endpoint": sink.endpoint}, {})
    tracer, processor = export_spans(chosen, SpanEncoder(redact))
    for _ in range(2):  # the second time from what is remembered
        with pytest.raises(ValueError, match="password"):  # noqa: PT012, SIM117
            with tracer.start_as_current_span(f"GET /?token={SECRET}") as span:
                span.set_attribute("http.request.header.cookie", [f"session={SECRET}"])
                span.set_attribute("url.query", f"token={SECRET}")
                span.set_attribute("db.query.text", f"SELECT '{SECRET}'")
                span.set_attribute("component.mpn", "RC0402")
                span.set_attribute("component.note", f"password={SECRET}")
                span.set_attribute("component.notes", ["none", f"sent with token={SECRET}"])
                span.add_event("login", {"login.password": SECRET, "note": f"token={SECRET}"})
                span.set_attribute("component.note", f"again: token={SECRET}")
                span.set_status(StatusCode.ERROR, f"secret: {SECRET}")
                raise ValueError(f"password={SECRET}")
    assert processor.close(5)


def test_no_secret_is_among_the_bytes_that_are_sent(http: Sink) -> None:
    send_spans_with(Redactor(DEFAULT_SANITIZE_FIELDS), http)
    assert len(http.spans) == 2
    assert SECRET.encode() not in b"".join(http.raw)
    got = attributes(http.spans[1].attributes)
    assert got["component.mpn"] == "RC0402"
    assert got["component.note"] == f"again: token={REDACTED}"
    assert got["component.notes"] == ["none", f"sent with token={REDACTED}"]
    assert got["url.query"] == f"token={REDACTED}"


def test_the_hook_of_the_application_comes_last_and_may_remove(http: Sink) -> None:
    seen = {}

    def hook(key, value):
        seen[key] = value
        if key == "component.mpn":
            return None
        return value.upper() if key == "span.name" else value

    send_spans_with(Redactor(DEFAULT_SANITIZE_FIELDS, hook), http)
    assert seen["http.request.header.cookie"] == [REDACTED]
    for span in http.spans:
        assert span.name == f"GET /?TOKEN={REDACTED}"
        assert "component.mpn" not in attributes(span.attributes)


def test_a_hook_that_fails_hides_the_value(http: Sink, caplog) -> None:
    def hook(key, value):
        raise RuntimeError("oh")

    send_spans_with(Redactor((), hook), http)
    for span in http.spans:
        assert set(attributes(span.attributes).values()) == {REDACTED}
        assert span.name == REDACTED
    assert len(caplog.records) == 1


def test_without_rules_everything_is_sent(http: Sink) -> None:
    send_spans_with(None, http)
    assert SECRET.encode() in b"".join(http.raw)
