"""What a user reads: whole files in tests/golden/config, with every line of complaint.

Run with ANANTA_UPDATE_GOLDEN=1 to write the lines anew after a deliberate change.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ananta.config.load import load_config
from ananta.errors import ConfigError

FOLDER = Path(__file__).parents[2] / "golden" / "config"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_golden_files():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_complaints_about_a_file_read_as_they_should(file, table, monkeypatch):
    monkeypatch.chdir(FOLDER)
    with pytest.raises(ConfigError) as caught:
        load_config([file.name], table=table, environ={})
    expected = file.with_suffix(".txt")
    if os.environ.get("ANANTA_UPDATE_GOLDEN"):
        expected.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == expected.read_text(encoding="utf-8")
