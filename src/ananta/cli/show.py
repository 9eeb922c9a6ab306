"""What the command line prints: errors, warnings, components, a configuration, what listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from ananta import __version__
from ananta.component import Kind
from ananta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta.config.service import CollectorConfig
    from ananta.config.table import ComponentTable
    from ananta.pipeline.service import Listening


def console(*, stderr: bool = False) -> Console:
    """Where to print; lines are never wrapped, so that they can be searched."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def show_error(error: Exception) -> None:
    """Print an error; of a configuration, one line for each problem."""
    out = console(stderr=True)
    if not isinstance(error, ConfigError):
        out.print(f"[red]ananta:[/] {escape(str(error))}")
        return
    count = len(error.problems)
    noun = "problem" if count == 1 else "problems"
    out.print(f"[red]ananta:[/] {count} {noun} in the configuration")
    for problem in error.problems:
        path = f"[bold]{escape(problem.path)}[/]: " if problem.path else ""
        place = f" [dim]({escape(problem.location)})[/]" if problem.location else ""
        out.print(f"  {path}{escape(problem.message)}{place}")


def show_warnings(warnings: Sequence[str]) -> None:
    """Print what works but should be changed."""
    out = console(stderr=True)
    for warning in warnings:
        out.print(f"[yellow]warning:[/] {escape(warning)}")


def show_valid(config: CollectorConfig) -> None:
    """Say that a configuration is valid, and what it would run."""
    show_warnings(config.warnings)
    out = console()
    out.print("[green]valid[/]")
    for name, pipeline in config.service.pipelines.items():
        steps = [pipeline.receivers, pipeline.processors, pipeline.exporters]
        way = " → ".join(", ".join(ids) for ids in steps if ids)
        out.print(escape(f"  {name}: {way}"))


def show_config(config: CollectorConfig) -> None:
    """Print a configuration as YAML."""
    show_warnings(config.warnings)
    console().print(escape(config.to_yaml()), end="")


def show_components(table: ComponentTable) -> None:
    """Print every component with its kind, older names and stability."""
    rows = [("kind", "type", "stability", "what it does")]
    for kind in Kind:
        for component_type in table.types(kind):
            factory = table.find(kind, component_type)
            if factory is not None:
                names = ", ".join((factory.type, *factory.aliases))
                rows.append((kind.value, names, factory.stability.value, factory.summary))
    _show_columns(rows)


def show_listening(listening: Sequence[Listening], elapsed_seconds: float) -> None:
    """Print where everything listens, and how long it took until it did."""
    out = console()
    out.print(f"[bold]ananta[/] {__version__}")
    _show_columns([(f"  {each.name}", each.address, each.purpose) for each in listening])
    out.print(f"[green]ready in {elapsed_seconds:.1f} s[/], Ctrl-C stops")


def _show_columns(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    out = console()
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.print(escape("  ".join(cells).rstrip()))
