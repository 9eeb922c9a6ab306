"""The query language: what is read, and what is said of what can't be."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ananta.model.filter import And, Comparison, Not, Or
from ananta.query import InvalidQueryError, parse_filter


def field(name, value, operator="="):
    return Comparison("field", name, operator, value)


def attribute(key, value="", operator="=", level="any"):
    return Comparison(level, key, operator, value)


A, B, C = (attribute(name, "1") for name in "abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", And(())),
        ("  ", And(())),
        ("service=cart", field("service", "cart")),
        ("service = cart", field("service", "cart")),
        ('name="GET /"', field("operation", "GET /")),
        ("kind=SERVER", field("kind", "server")),
        ("span.kind=server", field("kind", "server")),
        ("otel.status_code=ERROR", field("status", "error")),
        ("error", field("status", "error")),
        ("-error", Not(field("status", "error"))),
        ("duration>=1.5s", field("duration", 1_500_000_000, ">=")),
        ("duration<200ms", field("duration", 200_000_000, "<")),
        ("tenant.id=12345", attribute("tenant.id", "12345")),
        ("tenant.id!=12345", Not(attribute("tenant.id", "12345"))),
        ("status_code>=500", attribute("status_code", 500.0, ">=")),
        ("resource.host.name=a", attribute("host.name", "a", level="resource")),
        ("span.a=1", attribute("a", "1", level="span")),
        ("exception.type", attribute("exception.type", operator="exists")),
        ("exception.type=*", attribute("exception.type", operator="exists")),
        ("http.route=/v1/*", attribute("http.route", "/v1/*", "like")),
        ('http.route="/v1/*"', attribute("http.route", "/v1/*")),
        ("service=ten*", field("service", "ten*", "like")),
        ("peer=db.example.com", field("peer", "db.example.com")),
        ("peer.service=db", attribute("peer.service", "db")),
        ("url=http://x/?a=b&c>d", attribute("url", "http://x/?a=b&c>d")),
        (r'text="say \"yes\" \\"', attribute("text", 'say "yes" \\')),
        ('"a key"=1', attribute("a key", "1")),
        ('a=""', attribute("a", "")),
        ("a=1 b=1", And((A, B))),
        ("a=1 AND b=1 and c=1", And((A, B, C))),
        ("a=1 OR b=1", Or((A, B))),
        ("a=1 b=1 or c=1", Or((And((A, B)), C))),
        ("a=1 (b=1 OR c=1)", And((A, Or((B, C))))),
        ("NOT (a=1 b=1)", Not(And((A, B)))),
        ("!a=1", Not(A)),
        ("- - a=1", Not(Not(A))),
        (
            "order=1 android",
            And((attribute("order", "1"), attribute("android", operator="exists"))),
        ),
    ],
)
def test_a_line_is_read(text, expected):
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    ("text", "character", "problem"),
    [
        ("a=", 3, 'a= has no value; write one, or "" for the empty one'),
        ("=1", 1, "expected a name"),
        ("a=1 )", 5, "there is no '(' to this ')'"),
        ("(a=1", 5, "there is no ')' to a '('"),
        ("a=1 OR", 7, "OR has nothing behind it"),
        ("OR a=1", 3, "OR has nothing before it"),
        ("x=1 duration>fast", 5, "'fast' is not a duration; write one such as 250ms"),
        ("kind=boss", 1, "there is no such kind; write unspecified, internal, server"),
        ("status=bad", 1, "there is no such status; write unset, ok, error"),
        ("service>a", 1, "service has no order; compare it with = or !="),
        ("code>high", 1, "'high' is not a number; only = and != compare texts"),
        ("code>nan", 1, "'nan' is not a number"),
        ("service", 1, "service has no comparison; write one, such as service=cart"),
        ("peer", 1, "peer has no comparison; write one, such as peer=db.example.com"),
        ("-" * 60 + "a", 52, "more than 50 levels"),
    ],
)
def test_what_cant_be_read_is_told_where_and_how_to_mend_it(text, character, problem):
    with pytest.raises(InvalidQueryError) as caught:
        parse_filter(text)
    assert str(caught.value).startswith(f"query, character {character}: ")
    assert problem in str(caught.value)


@given(st.text(alphabet='ab=!<>()"\\ *-ORAND.1s', max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InvalidQueryError):
        parse_filter(text)
