"""YAML is read as the Collector reads it, and every value knows its line."""

from __future__ import annotations

import math
import re

import pytest

from ananta.config.yaml_source import parse_document, parse_value
from ananta.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("1_000", 1000),
        ("0123", 83),
        ("-0123", -83),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("09", 9.0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("[a, 1]", ["a", 1]),
        ("{1: a}", {"1": "a"}),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("a: &x {b: 1}\nc: {<<: [*x, {b: 3, e: 4}], b: 2}", {"a": {"b": 1}, "c": {"b": 2, "e": 4}}),
    ],
)
def test_scalars_and_maps_are_read_by_go_rules(text, value):
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_not_a_number_is_one():
    assert math.isnan(parse_value(".nan"))


def test_every_key_and_item_knows_its_line():
    document = parse_document("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n", "file.yaml")
    assert document.locations["a", "b"] == "file.yaml:2"
    assert document.locations["a", "c", 1] == "file.yaml:5"
    assert document.locations["a", "c", 1, "d"] == "file.yaml:5"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1", "not valid YAML: expected ',' or ']'"),
        ("a: 1\na: 2", 'not valid YAML: mapping key "a" already defined (f.yaml:2:1)'),
        ("? [a]\n: 1", "a key must be a scalar (f.yaml:1:3)"),
        ("&a [*a]", "an anchor contains itself"),
        ("<<: 3", "map merge requires map or sequence of maps as the value (f.yaml:1:5)"),
        ("!!int x", "cannot read 'x' as !!int"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_what_is_no_yaml_says_where(text, problem):
    with pytest.raises(ConfigError, match=re.escape(problem)):
        parse_document(text, "f.yaml")
