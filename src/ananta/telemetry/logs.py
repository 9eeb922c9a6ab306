"""The process's own log, as `service::telemetry::logs` says: level, encoding, outputs, sampling.

Everything goes through the standard `logging` below the logger `ananta`; a component's logger is
`ananta.exporters.otlp/name`. What is given as `extra` is shown after the message as JSON, so a
message is constant text and its values are fields.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ananta.component import Kind
from ananta.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ananta.config.service import LogSamplingConfig, LogsConfig

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "dpanic": logging.CRITICAL,
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_LEVEL_NAMES = {logging.WARNING: "warn", logging.CRITICAL: "fatal"}
_KINDS = frozenset(kind.value for kind in Kind)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def component_logger(kind: Kind, component_id: str) -> logging.Logger:
    """The logger of a component; its lines carry kind and id."""
    return logging.getLogger(f"ananta.{kind.value}.{component_id}")


def set_up_logs(config: LogsConfig) -> None:
    """Send the log where the configuration says, replacing what was set up before.

    Raises:
        StartupError: a file cannot be written.
    """
    setting = "service::telemetry::logs::output_paths"
    paths = dict.fromkeys(config.output_paths)
    handlers = [log_handler(path, config, setting) for path in paths]
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Marked):
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    logging.getLogger("ananta").setLevel(_LEVELS[config.level])


class _Marked(logging.StreamHandler[Any]):
    """A handler made here, and the file it owns."""

    owned = False

    def close(self) -> None:
        super().close()
        if self.owned:
            self.stream.close()


def log_handler(path: str, config: LogsConfig, setting: str) -> logging.Handler:
    """A handler that writes to `stdout`, `stderr` or a file, in the configured encoding.

    Raises:
        StartupError: names the setting when the file cannot be written.
    """
    if path in ("stdout", "stderr"):
        handler = _Marked(getattr(sys, path))
    else:
        try:
            file = Path(path.removeprefix("file://")).open("a", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            message = (
                f"{setting}: cannot write to {path}: {error.strerror};"
                " write stderr, stdout or another file"
            )
            raise StartupError(message) from error
        handler = _Marked(file)
        handler.owned = True
    formatter = JsonFormatter if config.encoding == "json" else ConsoleFormatter
    handler.setFormatter(
        formatter(
            config.initial_fields,
            with_caller=not config.disable_caller,
            with_stack=not config.disable_stacktrace,
        )
    )
    if config.sampling.enabled:
        handler.addFilter(Sampling(config.sampling))
    return handler


class _Formatter(logging.Formatter):
    """Takes a record apart: time, level, component, message, fields, stack."""

    def __init__(
        self,
        initial_fields: Mapping[str, Any],
        *,
        with_caller: bool = True,
        with_stack: bool = True,
    ) -> None:
        super().__init__()
        self._initial_fields = dict(initial_fields)
        self._with_caller = with_caller
        self._with_stack = with_stack

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What follows the message: the configured fields, the component, the record's extras."""
        fields = dict(self._initial_fields)
        _, *component = record.name.split(".", 2)
        if len(component) == 2 and component[0] in _KINDS:
            fields["component_kind"], fields["component_id"] = component
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return fields

    def caller(self, record: logging.LogRecord) -> str:
        """File and line, or nothing where they are switched off."""
        return f"{record.module}.py:{record.lineno}" if self._with_caller else ""

    def stack(self, record: logging.LogRecord) -> str:
        """The traceback, if the record has one and it is wanted."""
        if not record.exc_info or not self._with_stack:
            return ""
        return self.formatException(record.exc_info)


class ConsoleFormatter(_Formatter):
    """`time level caller message {fields}`, parted by tabs, a traceback on the lines after."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, or more with a traceback."""
        level = _LEVEL_NAMES.get(record.levelno, record.levelname.lower())
        parts = [_timestamp(record), level, self.caller(record), record.getMessage()]
        if fields := self.fields(record):
            parts.append(_to_json(fields))
        line = "\t".join(part for part in parts if part)
        stack = self.stack(record)
        return f"{line}\n{stack}" if stack else line


class JsonFormatter(_Formatter):
    """One JSON object a line, with the keys `level`, `ts`, `caller`, `msg` and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "level": _LEVEL_NAMES.get(record.levelno, record.levelname.lower()),
            "ts": _timestamp(record),
            "caller": self.caller(record),
            "msg": record.getMessage(),
            **self.fields(record),
            "stacktrace": self.stack(record),
        }
        return _to_json({key: value for key, value in line.items() if value != ""})


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, default=str, ensure_ascii=False)


class Sampling(logging.Filter):
    """Thins out repeated lines: in each period the first ones pass, then every so manieth."""

    def __init__(self, config: LogSamplingConfig) -> None:
        super().__init__()
        self._config = config
        self._period = -1
        self._seen: defaultdict[tuple[int, str], int] = defaultdict(int)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let the line through."""
        return self.lets_through(record.levelno, str(record.msg))

    def lets_through(self, level: int, message: str) -> bool:
        """Whether to let a line with this level and message through; counts it."""
        period = int(time.monotonic() / (self._config.tick or 1))
        if period != self._period:
            self._period = period
            self._seen.clear()
        key = (level, message)
        self._seen[key] += 1
        beyond = self._seen[key] - self._config.initial
        if beyond <= 0:
            return True
        return bool(self._config.thereafter) and beyond % self._config.thereafter == 0
