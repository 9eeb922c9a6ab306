"""The `ananta` command.

`commands` has what can be asked for, `running` starts the pipelines and says where they listen,
`playing` plays the demo, `show` prints. Exit codes: 0 fine, 1 failed while running, 2 wrong
configuration or usage. Everything heavy is imported by the command that needs it, so that
`ananta version` is quick.
"""

from __future__ import annotations

import time

STARTED_AT_SECONDS = time.monotonic()


def main() -> None:
    """Run the command line; the program's entry point."""
    from ananta.cli.commands import app  # here, so that the clock above starts first
    from ananta.errors import AnantaError, ConfigError

    try:
        app()
    except AnantaError as error:
        from ananta.cli.show import show_error

        show_error(error)
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from error
