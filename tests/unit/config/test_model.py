"""The rules every configuration class follows because it is a `Config`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import ValidationError

from ananta.config.model import (
    NULL_MEANS_DEFAULTS,
    BrokenRule,
    Config,
    Duration,
    Expanded,
    Secret,
)


class Section(Config):
    size: int = 1


class Sample(Config):
    flag: bool = False
    count: int = 0
    ratio: float = 0.0
    text: str = "unset"
    mode: Literal["proto", "1"] = "proto"
    password: Secret = Secret("")
    headers: dict[str, Secret] = {}
    names: list[str] = []
    numbers: list[int] = []
    wait: Duration = 1.0
    anything: Any = None
    section: Section = Section()
    off: Section | None = None
    off_until_named: Annotated[Section | None, NULL_MEANS_DEFAULTS] = None
    on: Section | None = Section()

    def check(self):
        yield from super().check()
        if self.count < 0:
            yield BrokenRule("count", "count is negative")
        if self.ratio < 0:
            yield BrokenRule("ratio", "ratio is negative")


def build(**values):
    return Sample.model_validate(values)


@pytest.mark.parametrize(
    "values",
    [
        {"flag": "true"},
        {"flag": 1},
        {"count": "23"},
        {"count": 2.0},
        {"count": True},
        {"ratio": "1"},
        {"text": 5},
        {"password": 5},
        {"names": [1]},
        {"numbers": "1,2"},
        {"section": 3},
        {"section": []},
    ],
)
def test_no_value_is_bent_to_another_type(values):
    with pytest.raises(ValidationError):
        build(**values)


def test_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="unknown"):
        build(unknown=1)


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        build().count = 2


def test_plain_text_for_a_list_of_strings_is_split_on_commas():
    assert build(names="a,b").names == ["a", "b"]
    assert build(names="").names == []


def test_a_key_without_value_keeps_its_default():
    sample = build(text=None, count=None, section=None, on=None, wait=None)
    assert sample == build()


def test_an_optional_section_is_switched_by_enabled():
    assert build(on={"enabled": False, "size": 3}).on is None
    assert build(off={"enabled": True, "size": 3}).off == Section(size=3)


def test_an_empty_optional_section_is_absent_unless_naming_it_means_its_defaults():
    assert build(off=None).off is None
    assert build(off_until_named=None).off_until_named == Section()
    assert build(off_until_named={}).off_until_named == Section()


@pytest.mark.parametrize(
    ("key", "expanded", "value"),
    [
        ("text", Expanded(83, "0123"), "0123"),
        ("text", Expanded(None, ""), ""),
        ("mode", Expanded(1, "1"), "1"),
        ("names", Expanded(["a", "b"], "[a,b]"), ["a", "b"]),
        ("names", Expanded("a,b", "a,b"), ["a", "b"]),
        ("count", Expanded(83, "0123"), 83),
        ("count", Expanded(None, ""), 0),
        ("wait", Expanded("5s", "5s"), 5.0),
        ("section", Expanded({"size": 4}, "{size: 4}"), Section(size=4)),
        ("section", {"size": Expanded(4, "4")}, Section(size=4)),
        ("on", Expanded(None, ""), Section()),
        ("off_until_named", Expanded({"enabled": False}, "{enabled: false}"), None),
        ("anything", [Expanded(True, "true"), {"a": Expanded(1.5, "1.5")}], [True, {"a": 1.5}]),
    ],
)
def test_an_expanded_value_is_its_text_for_strings_and_typed_otherwise(key, expanded, value):
    assert getattr(build(**{key: expanded}), key) == value


def test_an_expanded_secret_keeps_its_text():
    sample = build(headers={"authorization": Expanded(123, "0123")})
    assert sample.headers["authorization"].get_secret_value() == "0123"


def test_a_secret_never_shows():
    sample = build(password="hunter2", headers={"authorization": "hunter2"})
    for shown in (str(sample), repr(sample), str(sample.model_dump()), sample.model_dump_json()):
        assert "hunter2" not in shown
    assert str(sample.password) == "[REDACTED]"


def test_every_broken_rule_is_reported_at_once():
    with pytest.raises(ValidationError, match=r"(?s)count is negative.*ratio is negative"):
        build(count=-1, ratio=-1.0)
