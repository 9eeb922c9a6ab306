"""The attribute zoo: what each kind of value becomes, and that nothing is lost on the way out."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import math
import uuid

import pydantic
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from ananta_tracing.attributes import MAX_JSON_CHARACTERS, LazyAttributes, coerce
from ananta_tracing.spans import create_span


class Tier(enum.Enum):
    GOLD = "gold"
    FIRST = 1


class Level(enum.IntEnum):
    HIGH = 3


class Name(str):
    pass


@dataclasses.dataclass
class Part:
    mpn: str
    secret: str = dataclasses.field(default="hidden", repr=False)


class Line(pydantic.BaseModel):
    quantity: int
    due: datetime.date


class Broken:
    def __str__(self) -> str:
        raise RuntimeError


UTC = datetime.timezone.utc
ZOO = [
    ("text", "text"),
    ("", ""),
    ("Łódź 漢字 🦓", "Łódź 漢字 🦓"),
    (True, True),
    (0, 0),
    (2**63 - 1, 2**63 - 1),
    (-(2**63), -(2**63)),
    (2**63, "9223372036854775808"),
    (-(2**63) - 1, "-9223372036854775809"),
    (2.5, 2.5),
    (decimal.Decimal("1.50"), "1.50"),
    (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.time(3, 4), "03:04:00"),
    (datetime.timedelta(minutes=1.5), 90.0),
    (Tier.GOLD, "gold"),
    (Tier.FIRST, "FIRST"),
    (Level.HIGH, "HIGH"),
    (Name("a"), "a"),
    (b"abc", "abc"),
    (b"\xff\x00", "/wA="),
    (bytearray(b"abc"), "abc"),
    ([], []),
    (["a", "b"], ["a", "b"]),
    ((1, 2), [1, 2]),
    ([1, 2.5], [1.0, 2.5]),
    ([True, False], [True, False]),
    ([1, "a", True], ["1", "a", "true"]),
    (["a", None], ["a", ""]),
    ([2**70, 2**71], [str(2**70), str(2**71)]),
    ([decimal.Decimal(1), decimal.Decimal(2)], ["1", "2"]),
    ({"b", "a"}, ["a", "b"]),
    (frozenset({3, 1}), [1, 3]),
    ({"b", 1}, ["1", "b"]),
    ({"n": 2, "at": datetime.date(2026, 1, 2)}, '{"n": 2, "at": "2026-01-02"}'),
    ([{"a": 1}, {"a": 2}], '[{"a": 1}, {"a": 2}]'),
    ([[1, 2], [3]], "[[1, 2], [3]]"),
    ({}, "{}"),
    ({"db": {"n": 1, "Password": "hunter2"}}, '{"db": {"n": 1, "Password": "[REDACTED]"}}'),
    (Part("R1"), '{"mpn": "R1"}'),
    (Line(quantity=2, due=datetime.date(2026, 1, 2)), '{"quantity": 2, "due": "2026-01-02"}'),
    (ValueError("no such part"), "ValueError: no such part"),
    (Broken(), "<Broken: could not be shown: RuntimeError>"),
    (iter([1, 2]), "<list_iterator>"),
    (1 + 2j, "(1+2j)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    ZOO,
    ids=[f"{type(value).__name__} {place}" for place, (value, _) in enumerate(ZOO)],
)
def test_a_value_becomes(value, expected):
    (coerced,) = coerce({"key": value}).values()
    assert coerced == expected
    assert type(coerced) is type(expected)


def test_none_is_left_out_and_keys_become_text():
    assert coerce({"none": None, 7: "seven"}) == {"7": "seven"}
    assert coerce(None) == {}


def test_not_a_number_stays_a_number():
    coerced = coerce({"ratio": math.nan, "limit": math.inf})
    assert math.isnan(coerced["ratio"])
    assert coerced["limit"] == math.inf


def test_long_structures_are_cut():
    coerced = coerce({"lines": {"text": "x" * 10_000}})["lines"]
    assert isinstance(coerced, str)
    assert len(coerced) == MAX_JSON_CHARACTERS
    assert coerced.endswith("…")


def test_a_structure_that_holds_itself_ends():
    endless: dict[str, object] = {}
    endless["self"] = endless
    assert "…" in str(coerce({"endless": endless})["endless"])


def test_long_text_of_the_application_is_left_to_the_limits_of_the_settings():
    assert coerce({"text": "x" * 10_000}) == {"text": "x" * 10_000}


def test_the_whole_zoo_leaves_the_process(spans, caplog):
    with create_span("zoo", {f"animal.{index}": value for index, (value, _) in enumerate(ZOO)}):
        pass
    (span,) = spans.finished
    encoded = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
    assert len(encoded.attributes) == len(ZOO)
    assert caplog.text == ""


def test_lazy_attributes_are_gathered_when_read_and_once():
    calls = []

    def gather():
        calls.append(1)
        return {"url.path": "/", "http.request.method": "GET"}

    lazy = LazyAttributes(gather, {"url.path": "/"})
    assert lazy
    assert lazy.get("url.path") == "/"
    assert calls == []
    assert lazy.get("http.request.method") == "GET"
    assert dict(lazy) == {"url.path": "/", "http.request.method": "GET"}
    assert len(lazy) == 2
    assert calls == [1]
