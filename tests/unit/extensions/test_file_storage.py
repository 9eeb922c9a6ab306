"""The extension `file_storage`: its directory, and the names of what is kept in it."""

from __future__ import annotations

import logging
import stat
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ananta.component import Kind, Settings
from ananta.errors import StartupError
from ananta.extensions.file_storage import DiskBudget, FileStorageConfig, FileStorageExtension
from ananta.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

HOST: Any = None


def extension_in(directory: Path, **config: Any) -> FileStorageExtension:
    log = logging.getLogger("ananta.extensions.file_storage")
    settings = Settings("file_storage", log, Metrics())
    loaded = FileStorageConfig.model_validate({"directory": str(directory)} | config)
    return FileStorageExtension(loaded, settings)


async def test_a_missing_directory_says_what_to_write(tmp_path) -> None:
    with pytest.raises(StartupError) as caught:
        await extension_in(tmp_path / "queue").start(HOST)
    assert str(caught.value) == (
        f"extensions::file_storage::directory: {tmp_path / 'queue'} is no directory; "
        "make it, or set create_directory: true"
    )


async def test_a_directory_is_made_with_its_permissions_where_that_is_asked(tmp_path) -> None:
    directory = tmp_path / "a" / "queue"
    extension = extension_in(directory, create_directory=True, directory_permissions="0700")
    await extension.start(HOST)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    await extension.shutdown()


async def test_a_directory_that_cannot_be_made_is_named(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        StartupError, match=r"directory: cannot make .*/file/queue: Not a directory"
    ):
        await extension_in(tmp_path / "file" / "queue", create_directory=True).start(HOST)


@pytest.mark.parametrize(
    ("component_id", "name"),
    [
        ("clickhouse", "exporter_clickhouse"),
        ("otlp/backup", "exporter_otlp_backup"),
        ("otlp/a:b", "exporter_otlp_a~003Ab"),
        ("otlp/é", "exporter_otlp_~00E9"),
    ],
)
def test_each_exporter_has_a_directory_of_its_own(tmp_path, component_id, name) -> None:
    assert extension_in(tmp_path).directory_of(Kind.EXPORTER, component_id) == tmp_path / name


@pytest.mark.parametrize(
    ("value", "mode"),
    [(True, "always"), (False, "interval"), ("never", "never"), ("always", "always")],
)
def test_fsync_takes_the_collectors_values_and_ours(value, mode) -> None:
    assert FileStorageConfig.model_validate({"fsync": value}).fsync == mode


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"directory": ""}, "directory must not be empty"),
        ({"directory_permissions": "rwx"}, 'directory_permissions value "rwx" is not octal'),
        ({"timeout": "-1s"}, "'timeout' must be non-negative"),
        ({"fsync_interval": "0s"}, "'fsync_interval' must be positive"),
        ({"fsync": "sometimes"}, "Input should be 'always', 'interval' or 'never'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message) -> None:
    with pytest.raises(ValidationError, match=message):
        FileStorageConfig.model_validate(settings)


async def test_compaction_is_taken_and_said_to_have_no_effect(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO, "ananta.extensions")
    await extension_in(tmp_path, compaction={"on_start": True}).start(HOST)
    assert "compaction has no effect" in caplog.text


def test_a_budget_without_a_limit_always_has_room() -> None:
    assert DiskBudget().has_room(10**15)
    budget = DiskBudget(max_bytes=100, used_bytes=60)
    assert budget.has_room(40)
    assert not budget.has_room(41)
