"""Starts the Ananta platform of the example, works with it, and prints links to the traces.

Usage: python examples/run.py [--environment staging] [--without-workflows] [--once] [--any-ports]

It stays until Ctrl-C, so that the traces can be looked at; everything it started ends with it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stack.example import Example, ananta_command
from stack.needs import need_databases, need_node_services, need_python_modules, need_temporal
from stack.ports import Ports
from stack.process import ExampleError
from stack.story import Step, Story
from stack.traces import fetch_trace, wait_for_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENTS = ("development", "staging", "production")
SETTLE_SECONDS = 3.0
STARTED = time.monotonic()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    options = read_arguments(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run(options)
    except ExampleError as error:
        print(f"example: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(options: argparse.Namespace) -> int:
    """Prepare, start, work, show, wait."""
    # Programs installed beside this Python, such as node, are used first.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ananta_command()
    need_python_modules()
    need_databases()
    need_node_services(say)
    temporal = None if options.without_workflows else need_temporal(say)
    if temporal is None and not options.without_workflows:
        say("without workflows: building Temporal needs Go (go.dev/dl), which is not installed")
    ports = Ports.free() if options.any_ports else Ports()
    ports.check()
    with Example(ports, temporal, environment_of(options), say) as example:
        show(example, do_steps(example), all_sampled=options.environment == "development")
        if not options.once:
            stay(example)
        say("stopping")
    return 0


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="The Ananta platform, small and real, traced.")
    parser.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        default="development",
        help="whose preset the services follow: how much is sampled (development: everything)",
    )
    parser.add_argument("--once", action="store_true", help="end when the links are printed")
    parser.add_argument("--without-workflows", action="store_true", help="do without Temporal")
    parser.add_argument("--any-ports", action="store_true", help="choose free ports")
    return parser.parse_args(arguments)


def environment_of(options: argparse.Namespace) -> dict[str, str]:
    """What every service is told about tracing."""
    return {
        "DEPLOYMENT_ENVIRONMENT": options.environment,
        # Spans are looked at at once here; the usual five seconds save requests.
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }


def do_steps(example: Example) -> list[Step]:
    """Work with the platform, telling each step as it ends."""
    story = Story(example.ports)
    steps = story.with_workflows() if example.has_workflows else story.without_workflows()
    done = []
    for step in steps:
        say(f"{step.title}: {step.outcome}")
        done.append(step)
    return done


def show(example: Example, steps: Sequence[Step], *, all_sampled: bool) -> None:
    """Print a link for each trace, once it has arrived."""
    say("waiting for the traces")
    if not all_sampled:
        time.sleep(SETTLE_SECONDS)
    look = wait_for_trace if all_sampled else fetch_trace
    try:
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda step: look(example.platform_url, step.trace_id), steps))
    except ExampleError as error:
        raise ExampleError("\n  ".join([str(error), *example.tracing_warnings()])) from error
    print()
    for step, trace in zip(steps, found, strict=True):
        if trace is None:
            print(f"  {step.title}\n    not sampled in this environment")
            continue
        errors = sum(span.is_error for span in trace.spans)
        print(
            f"  {step.title}: {len(trace.spans)} spans, {len(trace.services)} services, "
            f"{errors} with errors, {trace.duration_millis:.0f} ms\n"
            f"    {example.platform_url}/trace/{trace.trace_id}"
        )
    print(f"\n  All traces         {example.platform_url}/search")
    print(f"  Service map        {example.platform_url}/dependencies")
    if example.has_workflows:
        print(f"  Temporal's pages   http://localhost:{example.ports.temporal_ui}")
    print(f"  Logs               {example.directory}\n", flush=True)


def stay(example: Example) -> None:
    """Wait for Ctrl-C, or for a program to end by itself."""
    say("Ctrl-C ends everything")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            example.check()
            time.sleep(1)


def say(text: str) -> None:
    """A line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
