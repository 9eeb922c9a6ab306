"""The own log: encodings, levels, outputs, fields, sampling."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from ananta.component import Kind
from ananta.config.service import LogsConfig
from ananta.errors import StartupError
from ananta.telemetry.logs import component_logger, set_up_logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    level = logging.getLogger("ananta").level
    yield
    set_up_logs(LogsConfig.model_validate({"output_paths": []}))
    logging.getLogger("ananta").setLevel(level)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ananta.log"


def set_up(path: Path, **config: Any) -> logging.Logger:
    set_up_logs(LogsConfig.model_validate({"output_paths": [str(path)], **config}))
    return component_logger(Kind.EXPORTER, "otlp/x.y")


def test_the_console_encoding_is_tabbed_with_the_fields_last(path) -> None:
    set_up(path).warning("Something %s.", "odd", extra={"spans": 3})
    time, level, caller, message, fields = path.read_text().rstrip("\n").split("\t")
    assert time.endswith("Z")
    assert (level, message) == ("warn", "Something odd.")
    assert caller.startswith("test_logs.py:")
    assert json.loads(fields) == {
        "component_kind": "exporters",
        "component_id": "otlp/x.y",
        "spans": 3,
    }


def test_the_json_encoding_is_one_object_a_line(path) -> None:
    log = set_up(path, encoding="json", initial_fields={"team": "blue"}, disable_caller=True)
    log.info("Ready.", extra={"unserialisable": Kind})
    line = json.loads(path.read_text())
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info",
        "msg": "Ready.",
        "team": "blue",
        "component_kind": "exporters",
        "component_id": "otlp/x.y",
        "unserialisable": str(Kind),
    }


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_a_traceback_is_shown_unless_it_is_switched_off(path, encoding) -> None:
    for disabled in (False, True):
        log = set_up(path, encoding=encoding, disable_stacktrace=disabled)
        log.error("Failed.", exc_info=ValueError("oops"))
        assert path.read_text().count("ValueError: oops") == 1
    assert encoding == "json" or "Traceback" not in path.read_text().splitlines()[-1]


def test_lines_below_the_level_are_left_out(path) -> None:
    log = set_up(path, level="warn")
    log.info("no")
    log.warning("yes")
    assert path.read_text().count("\n") == 1


def test_a_module_is_not_taken_for_a_component(path) -> None:
    set_up(path)
    logging.getLogger("ananta.pipeline.service").info("Ready.")
    assert "component" not in path.read_text()


def test_repeated_lines_are_thinned_out_in_each_period(path, monkeypatch) -> None:
    seconds = [1000.0]
    monkeypatch.setattr("ananta.telemetry.logs.time.monotonic", lambda: seconds[0])
    log = set_up(path, sampling={"tick": "10s", "initial": 2, "thereafter": 5})
    for _ in range(12):
        log.info("again")
    log.info("something else")
    assert path.read_text().count("again") == 2 + 2
    assert path.read_text().count("something else") == 1
    seconds[0] = 1010.0
    log.info("again")
    assert path.read_text().count("again") == 5


def test_sampling_can_be_switched_off(path) -> None:
    log = set_up(path, sampling={"enabled": False})
    for _ in range(200):
        log.info("again")
    assert path.read_text().count("again") == 200


def test_setting_up_again_replaces_the_outputs(path, tmp_path) -> None:
    set_up(path)
    set_up(tmp_path / "other.log").info("Ready.")
    assert path.read_text() == ""
    assert "Ready." in (tmp_path / "other.log").read_text()


def test_a_file_that_cannot_be_written_names_the_setting(tmp_path) -> None:
    with pytest.raises(StartupError) as caught:
        set_up(tmp_path)
    assert str(caught.value) == (
        f"service::telemetry::logs::output_paths: cannot write to {tmp_path}: Is a directory; "
        "write stderr, stdout or another file"
    )
