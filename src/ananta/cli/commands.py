"""What the command line offers; each command ends in one call into the program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ananta.config.service import CollectorConfig
    from ananta.config.table import ComponentTable

app = typer.Typer(
    name="ananta",
    help="Distributed tracing in one process: collector, trace store, query API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file, or env:NAME, yaml:TEXT, http(s)://…; later ones win.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One setting, such as exporters.debug.verbosity=normal."
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where journal and store are kept [ANANTA_DATA_DIR, ~/.local/share/ananta].",
    ),
]
OverUp = Annotated[
    bool,
    typer.Option("--up", help="Lay the files over the configuration that `ananta up` runs."),
]


@app.command()
def up(data_dir: DataDir = None, config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Run collector, store and query API; configuration files are laid over the built-in one."""
    _run(lambda table: _load_up(table, config, set_, data_dir))


@app.command()
def collect(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Run a collector alone, as the configuration says."""
    _run(lambda table: _load(table, config, set_))


@app.command()
def validate(
    config: ConfigFiles = None,
    set_: Overrides = None,
    up: OverUp = False,  # noqa: FBT002 - a command-line flag
) -> None:
    """Check a configuration and say everything that is wrong with it; starts nothing."""
    from ananta.cli.show import show_valid
    from ananta.components import load_table

    show_valid((_load_up if up else _load)(load_table(), config, set_))


@app.command("print-config")
def print_config(
    config: ConfigFiles = None,
    set_: Overrides = None,
    up: OverUp = False,  # noqa: FBT002 - a command-line flag
) -> None:
    """Print the configuration, merged and expanded; secrets are masked."""
    from ananta.cli.show import show_config
    from ananta.components import load_table

    show_config((_load_up if up else _load)(load_table(), config, set_))


@app.command()
def components() -> None:
    """List every component a configuration may name."""
    from ananta.cli.show import show_components
    from ananta.components import load_table

    show_components(load_table())


@app.command()
def demo(
    rate: Annotated[float, typer.Option(min=0.01, help="Stories a second, live.")] = 2.0,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long it goes on live, such as 10m.")
    ] = None,
    history: Annotated[str, typer.Option(metavar="TIME", help="How much past is told.")] = "6h",
    seed: Annotated[int, typer.Option(help="The same seed tells the same stories.")] = 1,
    endpoint: Annotated[
        str, typer.Option(metavar="URL", help="OTLP over HTTP; a server is started there if none.")
    ] = "http://127.0.0.1:4318",
) -> None:
    """Play a platform into a running `ananta up`, or one it starts: its past, then live."""
    from ananta.cli.playing import demo as play_demo
    from ananta.demo.run import Plan

    lasts = None if duration is None else _seconds("--duration", duration)
    play_demo(Plan(_seconds("--history", history), rate, lasts, seed), endpoint)


@app.command()
def version() -> None:
    """Print the version."""
    from ananta import __version__

    typer.echo(f"ananta {__version__}")


def _seconds(option: str, text: str) -> float:
    from ananta.config.duration import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        message = f"{error}; write one such as 90s, 10m or 1h30m"
        raise typer.BadParameter(message, param_hint=option) from error
    if seconds < 0:
        message = f"{text} is negative"
        raise typer.BadParameter(message, param_hint=option)
    return seconds


def _load(
    table: ComponentTable, config: list[str] | None, overrides: list[str] | None
) -> CollectorConfig:
    from ananta.config.load import load_config

    return load_config(config or [], table=table, overrides=overrides or [])


def _load_up(
    table: ComponentTable,
    config: list[str] | None,
    overrides: list[str] | None,
    data_dir: Path | None = None,
) -> CollectorConfig:
    from ananta.config.load import load_config
    from ananta.config.profiles import UP, up_environment

    sources = [f"file:{UP}", *(config or [])]
    environ = up_environment(data_dir)
    return load_config(sources, table=table, overrides=overrides or [], environ=environ)


def _run(load: Callable[[ComponentTable], CollectorConfig]) -> None:
    from ananta.cli.running import run
    from ananta.components import load_table

    table = load_table()
    raise typer.Exit(run(lambda: load(table), table))
