"""What `ananta up` runs, and where it keeps its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from ananta.components import load_table
from ananta.config.load import load_config
from ananta.config.profiles import UP, up_environment


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        (None, {"HOME": "/home/u"}, "/home/u/.local/share/ananta"),
        (None, {"HOME": "/home/u", "XDG_DATA_HOME": "/data"}, "/data/ananta"),
        (None, {"HOME": "/home/u", "ANANTA_DATA_DIR": "~/traces"}, "/home/u/traces"),
        (Path("/given"), {"HOME": "/home/u", "ANANTA_DATA_DIR": "/other"}, "/given"),
    ],
)
def test_the_data_directory_is_the_option_the_variable_or_the_users_own(
    monkeypatch, option, environ, expected
):
    monkeypatch.setenv("HOME", environ["HOME"])
    assert up_environment(option, environ)["ANANTA_DATA_DIR"] == expected


def test_a_relative_data_directory_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert up_environment(Path("d"), {})["ANANTA_DATA_DIR"] == str(tmp_path / "d")


def test_the_built_in_configuration_is_valid_and_warns_of_nothing(tmp_path):
    config = load_config([f"file:{UP}"], table=load_table(), environ=up_environment(tmp_path, {}))
    assert config.warnings == ()
    assert config.service.pipelines["traces"].exporters == ["clickhouse"]


def test_what_listens_by_default_listens_on_loopback_only(tmp_path):
    config = load_config([f"file:{UP}"], table=load_table(), environ=up_environment(tmp_path, {}))
    listening = [
        *config.receivers["otlp"].protocols.__dict__.values(),  # type: ignore[attr-defined]
        config.extensions["query"],
        config.extensions["health_check"],
        config.extensions["zpages"],
    ]
    assert [each.endpoint.split(":")[0] for each in listening] == ["localhost"] * len(listening)
