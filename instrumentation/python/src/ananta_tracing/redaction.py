"""What must not leave the process: secrets in headers, URLs, SQL and texts.

A key decides which rule its values go through. Most have the one for texts, which only looks at
texts that could hold a secret (`may_tell`); those with words of a standard have none. Rules are
functions of key and value alone, so their results are remembered like any encoded attribute. A rule
that fails hides the value: it fails closed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util.types import AnyValue

    Rule = Callable[[str], str]
    Hook = Callable[[str, AnyValue], AnyValue]

logger = logging.getLogger(__name__)

REDACTED = "[REDACTED]"

_SECRET_KEY_ENDINGS = (
    "authorization",
    "cookie",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "secretkey",
    "secret_key",
    "secret-key",
    "privatekey",
    "private_key",
    "private-key",
    "credential",
    "credentials",
)
_URL_KEYS = frozenset(
    {
        "url.full",
        "url.query",
        "url.original",
        "http.url",
        "http.target",
        "http.request.header.referer",
        "http.response.header.location",
    }
)
_SQL_KEYS = frozenset({"db.query.text", "db.statement"})
_SAFE_KEYS = frozenset(
    {
        "client.address",
        "code.function.name",
        "db.collection.name",
        "db.namespace",
        "db.operation.name",
        "db.system",
        "db.system.name",
        "error.type",
        "exception.type",
        "http.request.method",
        "http.route",
        "network.peer.address",
        "network.protocol.version",
        "server.address",
        "url.path",
        "url.scheme",
        "user_agent.original",
    }
)
"""Their values are of a fixed vocabulary or an address. As in the package for Node.js."""
_HEADER_KEY = re.compile(r"http\.(?:request|response)\.header\.(.+)")
_MOST_KEYS = 4096

_SECRET_WORD = (
    r"password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|authorization|credential"
)
_SECRET_NAME = (
    rf"(?:[\w.-]*(?:{_SECRET_WORD}|signature)|pwd|AWSAccessKeyId|sig|auth|key|code"
    r"|X-Amz-(?:Credential|Signature|Security-Token)|X-Goog-(?:Credential|Signature))"
)
_QUERY = re.compile(rf"((?:^|[?&;])(?i:{_SECRET_NAME})=)[^&;#\s]*")
_USER = re.compile(r"(://)[^/\s@]+@")
_TEXT_SECRET_NAME = rf"[\w.-]*(?:{_SECRET_WORD})s?"
_ASSIGNMENT = re.compile(
    rf"(?i)((?<![\w.-]){_TEXT_SECRET_NAME}[\"']?\s*[=:]\s*)"
    r"(?:(?:bearer|basic)\s+)?"
    r"(?:(\")(?:[^\"\\]|\\.)*(?:\"|$)|(')(?:[^'\\]|\\.)*(?:'|$)|[^\s,;&)\]}]+)"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_TOKENS = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # JSON web token
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
)
_SIGN = re.compile(r"[=:.\s]")
_SHORTEST_WITHOUT_SIGN = 20  # an access key of AWS
_SUSPECT = re.compile(rf"(?i){_SECRET_WORD}|bearer|basic|akia|asia|eyJ|PRIVATE KEY|{_USER.pattern}")
_SQL_NAME_OR_LITERAL = re.compile(
    r"\"[^\"]*\""  # a name, which stays
    r"|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)"  # text between dollar signs
    r"|(?i:\b[xbne])?'(?:[^'\\]|''|\\.)*(?:'|$)"
    r"|(?<![\w$:@.\"])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\b|\b0x[0-9a-fA-F]+\b"
)


def is_secret_key(key: str) -> bool:
    """Whether a key by its name alone holds a secret.

    >>> is_secret_key("db_password"), is_secret_key("token_count")
    (True, False)
    """
    return key.lower().endswith(_SECRET_KEY_ENDINGS)


def redact_url(text: str) -> str:
    """Hide user names, passwords and the values of telling query parameters.

    >>> redact_url("https://me:pw@host/path?page=2&token=abc")
    'https://[REDACTED]@host/path?page=2&token=[REDACTED]'
    """
    return _QUERY.sub(rf"\1{REDACTED}", _USER.sub(rf"\1{REDACTED}@", text))


def redact_sql(text: str) -> str:
    """Replace the literals of a statement by question marks; names in double quotes stay.

    >>> redact_sql("SELECT * FROM users WHERE name = 'o''hara' AND age > 42 LIMIT $1")
    'SELECT * FROM users WHERE name = ? AND age > ? LIMIT $1'
    """
    return _SQL_NAME_OR_LITERAL.sub(lambda match: match[0] if match[0][0] == '"' else "?", text)


def may_tell(text: str) -> bool:
    """Whether there could be a secret in a text; nearly always no, and told at little cost.

    A secret without a sign in it or before it is long.

    >>> may_tell("resistor"), may_tell("login failed for user ann"), may_tell("password=hunter2")
    (False, False, True)
    """
    if len(text) < _SHORTEST_WITHOUT_SIGN and _SIGN.search(text) is None:
        return False
    return _SUSPECT.search(text) is not None


def redact_text(text: str) -> str:
    """Hide what looks like a secret in a text written for people.

    >>> redact_text("login failed: password=hunter2 for user ann")
    'login failed: password=[REDACTED] for user ann'
    """
    return _hide_secrets(text) if may_tell(text) else text


def _hide_secrets(text: str) -> str:
    text = _USER.sub(rf"\1{REDACTED}@", text)
    text = _ASSIGNMENT.sub(rf"\1\2\3{REDACTED}\2\3", text)
    text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    return _TOKENS.sub(REDACTED, text)


def _hide(_: str) -> str:
    return REDACTED


class Redactor:
    """Applies the rules, then the hook of the application.

    Args:
        sanitize_fields: regular expressions of header names whose values are hidden.
        hook: called with (key, value); returns the value to send, None to remove it. Its answer
            may depend on nothing else, for it is remembered.
    """

    def __init__(
        self,
        sanitize_fields: Sequence[str] = (),
        hook: Hook | None = None,
    ) -> None:
        self._hook = hook
        self._is_sanitized = (
            re.compile("|".join(f"(?:{each})" for each in sanitize_fields), re.IGNORECASE).fullmatch
            if sanitize_fields
            else None
        )
        self._rules: dict[str, Rule | None] = {}
        self._has_told = False

    def __call__(self, key: str, value: AnyValue) -> AnyValue:
        """The value that may leave the process under this key."""
        try:
            rule = self._rule(key)
            if rule is not None:
                value = _apply(rule, value)
            return value if self._hook is None else self._hook(key, value)
        except Exception as error:  # noqa: BLE001 - whatever fails, the value stays here
            if not self._has_told:
                self._has_told = True
                logger.warning("Redacting %s failed, so such values are hidden: %r", key, error)
            return REDACTED

    def leaves(self, key: str) -> bool:
        """Whether values of this key may leave as they are, but for texts that `may_tell`.

        Numbers and truth values are meant, and texts; what is made of several goes through the
        rules.
        """
        return self._hook is None and self._rule(key) in (None, redact_text)

    def examines(self, key: str) -> bool:
        """Whether texts of this key go through the rules where they `may_tell`."""
        return self._rule(key) is not None

    def _rule(self, key: str) -> Rule | None:
        try:
            return self._rules[key]
        except KeyError:
            if len(self._rules) >= _MOST_KEYS:
                self._rules = {}
            rule = self._rules[key] = self._choose(key)
            return rule

    def _choose(self, key: str) -> Rule | None:
        folded = key.lower()
        header = _HEADER_KEY.fullmatch(folded.replace("_", "-"))
        if is_secret_key(folded) or (
            header is not None and self._is_sanitized is not None and self._is_sanitized(header[1])
        ):
            return _hide
        if folded in _URL_KEYS:
            return redact_url
        if folded in _SQL_KEYS:
            return redact_sql
        return None if folded in _SAFE_KEYS else redact_text


def _apply(rule: Rule, value: AnyValue) -> AnyValue:
    """The rule on a text, or on every text inside; numbers and truth values tell no secrets."""
    if isinstance(value, str):
        return rule(value)
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        ruled = rule(text)
        return value if ruled == text else ruled
    if isinstance(value, Mapping):
        return {key: _apply(rule, each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_apply(rule, each) for each in value]
    return value
