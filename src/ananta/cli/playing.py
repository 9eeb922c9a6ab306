"""`ananta demo`: finds or starts a server, plays the demo into it and shows how far it is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ananta.cli.show import console
from ananta.demo.run import Plan, play
from ananta.demo.server import server
from ananta.demo.services import otlp_exporter
from ananta.errors import AnantaError

if TYPE_CHECKING:
    import subprocess

_TITLES = {"past": "what happened before", "live": "what happens now"}


def demo(plan: Plan, endpoint: str) -> None:
    """Play a plan into the server at an OTLP/HTTP endpoint.

    Raises:
        StartupError: there is no server and none can be started.
        AnantaError: the server did not take everything.
    """
    with contextlib.suppress(KeyboardInterrupt), server(endpoint) as started:
        # Where a server has its pages by default; only it knows better.
        page = f"http://{urlsplit(endpoint).hostname}:16686"
        told = "the newest is told first, Ctrl-C ends it"
        console().print(f"Traces are at {page}/search: {told}.", soft_wrap=True)
        _play(plan, endpoint)
        if started is not None:
            _stay(started)


def _play(plan: Plan, endpoint: str) -> None:
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True)) as progress:
        tasks = {}

        def tell(part: str, share: float) -> None:
            if part not in tasks:
                endless = part == "live" and plan.duration_seconds is None
                tasks[part] = progress.add_task(_TITLES[part], total=None if endless else 1.0)
            progress.update(tasks[part], completed=share)
            if part == "past" and not progress.console.is_terminal:
                progress.console.print(f"{_TITLES[part]}: {int(share * 100)}%")

        outcome = play(plan, otlp_exporter(endpoint), tell)
    if outcome.lost:
        message = (
            f"{outcome.lost:,} of {outcome.lost + outcome.delivered:,} spans were not taken by"
            f" {endpoint}; what it logged tells why"
        )
        raise AnantaError(message)
    console().print(f"{outcome.delivered:,} spans were sent.")


def _stay(started: subprocess.Popen[bytes]) -> None:
    console().print("the server goes on, Ctrl-C stops it")
    started.wait()
