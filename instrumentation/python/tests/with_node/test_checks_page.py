"""The page that says which test shows what names tests that are there."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import HERE

from .programs import NODE_PACKAGE

REPOSITORY = HERE.parents[1]
PAGE = (REPOSITORY / "docs" / "instrumentation-checks.md").read_text()
OF_PYTHON = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
OF_NODE = [
    (file, title)
    for file, titles in re.findall(r'`([\w.]+\.test\.ts)`((?:,? "[^"]+")*)', PAGE)
    for title in re.findall(r'"([^"]+)"', titles) or [""]
]


def test_every_check_has_a_row() -> None:
    assert re.findall(r"^\| (\d+) ", PAGE, re.MULTILINE) == [str(number) for number in range(1, 21)]


@pytest.mark.parametrize(("file", "name"), OF_PYTHON)
def test_a_test_of_python_is_there(file, name) -> None:
    folder = REPOSITORY if file.startswith("examples/") else HERE / "tests"
    assert f"def {name}(" in (folder / file).read_text()


@pytest.mark.parametrize(("file", "title"), OF_NODE)
def test_a_test_of_node_is_there(file, title) -> None:
    assert title in (NODE_PACKAGE / "tests" / file).read_text()
