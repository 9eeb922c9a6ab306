"""Extension `file_storage`: the directory where exporters keep their queues.

An exporter whose `sending_queue` names it under `storage` gets a journal in a directory of its
own here (see `ananta.pipeline.journal`), so that what was acknowledged survives a crash. The
extension says where and how carefully; it opens nothing but the directory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from ananta.config.model import BrokenRule, Config, Duration
from ananta.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Kind, Settings


class FileStorageCompactionConfig(Config):
    """Compaction of a database file; a journal has none, so these keys change nothing."""

    on_start: bool = Field(False, description="Accepted and without effect.")
    on_rebound: bool = Field(False, description="Accepted and without effect.")
    directory: str = Field("", description="Accepted and without effect.")
    max_transaction_size: int = Field(65536, description="Accepted and without effect.", ge=0)
    rebound_needed_threshold_mib: int = Field(100, description="Accepted and without effect.")
    rebound_trigger_threshold_mib: int = Field(10, description="Accepted and without effect.")
    check_interval: Duration = Field(5.0, description="Accepted and without effect.")
    cleanup_on_start: bool = Field(False, description="Accepted and without effect.")


def _fsync_mode(value: object) -> object:
    """The Collector's `fsync: true` is `always`, and `false` leaves the default."""
    return {True: "always", False: "interval"}.get(value, value) if type(value) is bool else value


class FileStorageConfig(Config):
    """Settings of `file_storage`."""

    directory: str = Field(
        "/var/lib/otelcol/file_storage", description="Where queues are kept; must exist."
    )
    create_directory: bool = Field(False, description="Make the directory if it is missing.")
    directory_permissions: str = Field(
        "0750", description="Permissions of a directory that is made, in octal."
    )
    timeout: Duration = Field(
        1.0, description="How long to wait for another process to let go of a queue."
    )
    fsync: Annotated[Literal["always", "interval", "never"], BeforeValidator(_fsync_mode)] = Field(
        "interval",
        description="When spans are forced to the device: `always` before they are acknowledged,"
        " every `interval`, or `never` by us. A crash of the process loses nothing in any mode;"
        " a power failure loses what was not forced. `true` is `always`, `false` is `interval`.",
    )
    fsync_interval: Duration = Field(1.0, description="Longest time until then, for `interval`.")
    max_bytes: int = Field(
        0,
        description="Most the queues may use together; senders are told to wait then. 0: no limit.",
        ge=0,
    )
    recreate: bool = Field(
        False, description="Accepted and without effect: damaged files are always set aside."
    )
    compaction: FileStorageCompactionConfig = Field(
        FileStorageCompactionConfig(),
        description="Accepted and without effect: delivered segments are deleted.",
    )

    def check(self) -> Iterator[BrokenRule]:
        """Permissions are octal, times make sense."""
        yield from super().check()
        if not self.directory:
            yield BrokenRule("directory", "directory must not be empty; write a path")
        if not re.fullmatch(r"0?[0-7]{3}", self.directory_permissions):
            yield BrokenRule(
                "directory_permissions",
                f'directory_permissions value "{self.directory_permissions}" is not octal;'
                ' write it in quotes, such as "0750"',
            )
        if self.timeout < 0:
            yield BrokenRule("timeout", "'timeout' must be non-negative")
        if self.fsync_interval <= 0:
            yield BrokenRule("fsync_interval", "'fsync_interval' must be positive")


@dataclass(slots=True)
class DiskBudget:
    """Bytes that all queues of one directory may use together.

    Attributes:
        max_bytes: 0 for no limit.
        used_bytes: kept by the journals.
    """

    max_bytes: int = 0
    used_bytes: int = 0

    def has_room(self, num_bytes: int) -> bool:
        """Whether so many bytes more are allowed."""
        return not self.max_bytes or self.used_bytes + num_bytes <= self.max_bytes


class FileStorageExtension:
    """The directory, once it is there."""

    def __init__(self, config: FileStorageConfig, settings: Settings) -> None:
        self.config = config
        self.budget = DiskBudget(config.max_bytes)
        self._setting = f"extensions::{settings.id}::directory"
        self._log = settings.log

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Check or make the directory."""
        self._prepare_directory()

    def _prepare_directory(self) -> None:
        config, directory = self.config, Path(self.config.directory)
        if "compaction" in config.model_fields_set:
            self._log.info("compaction has no effect: delivered segments are deleted at once.")
        if config.create_directory:
            try:
                directory.mkdir(int(config.directory_permissions, 8), parents=True, exist_ok=True)
            except OSError as error:
                message = f"{self._setting}: cannot make {directory}: {error.strerror}"
                raise StartupError(message) from error
        if not directory.is_dir():
            message = (
                f"{self._setting}: {directory} is no directory;"
                " make it, or set create_directory: true"
            )
            raise StartupError(message)

    async def shutdown(self) -> None:
        """Nothing is open."""

    def directory_of(self, kind: Kind, component_id: str) -> Path:
        """Where this component keeps its queue: `exporter_otlp_name` for `otlp/name`."""
        name = f"{kind.name.lower()}_{component_id.replace('/', '_')}"
        safe = re.sub(r"[^A-Za-z0-9._-]", lambda match: f"~{ord(match[0]):04X}", name)
        return Path(self.config.directory) / safe
