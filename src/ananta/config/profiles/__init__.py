"""Configurations that come with the program; `up.yaml` is what `ananta up` runs.

Its data directory is `~/.local/share/ananta` unless said otherwise, the place the XDG base
directory specification has for data of a user: the same traces are there from whatever directory
the command is started, and no project directory gets a database in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UP = Path(__file__).with_name("up.yaml")
DATA_DIR_VARIABLE = "ANANTA_DATA_DIR"


def up_environment(
    data_dir: Path | None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment the `up` profile is read in.

    Args:
        data_dir: where to keep journal and store; without it ANANTA_DATA_DIR says, and without
            that it is the user's data directory.
        environ: the environment to add to; the process's own when not given.
    """
    environ = os.environ if environ is None else environ
    if data_dir is None:
        given = environ.get(DATA_DIR_VARIABLE)
        data_home = environ.get("XDG_DATA_HOME") or "~/.local/share"
        data_dir = Path(given) if given else Path(data_home) / "ananta"
    return {**environ, DATA_DIR_VARIABLE: str(data_dir.expanduser().absolute())}
