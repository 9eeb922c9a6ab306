"""The web UI in Chromium: what a page loads, how soon it is usable, how it scrolls and answers.

`bench/ui/figures.mjs` drives the browser; this starts the server and fills its store. No peer: what
could stand beside it is not to be had as a package.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cases import Options, working_directory
from bench.payloads import RICH, one_trace
from bench.results import Measurement
from bench.runner import BenchError
from bench.systems import ANANTA, start_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.systems import Doors

SCRIPT = Path(__file__).parents[1] / "ui" / "figures.mjs"
TRACE_SIZES = (10_000, 100_000)
_SMALL_TRACES, _SPANS_IN_SMALL = 300, 40
_SPANS_IN_REQUEST = 5_000


def ui(options: Options) -> Iterator[Measurement]:
    """Measure the pages over a store with a few large traces and many small ones."""
    for system in options.present(ANANTA):
        with options.trying(f"{system}, pages"), working_directory() as directory:
            running, doors = start_store(system, directory)
            with running:
                traces = _fill(doors)
                running.wait_idle()
                for row, measure, value in _browse(options, doors, traces):
                    yield Measurement(row, system, measure, value)


def _fill(doors: Doors) -> dict[int, str]:
    """Store the traces; ids of the large ones by their number of spans."""
    randomness = random.Random(1)
    now = time.time_ns()
    for _ in range(_SMALL_TRACES):
        began = now - randomness.randrange(3_000_000_000_000)
        _send(doors, one_trace(RICH, _SPANS_IN_SMALL, randomness, began, _SPANS_IN_REQUEST))
    ids = {}
    for size in TRACE_SIZES:
        trace = one_trace(RICH, size, randomness, now - 60_000_000_000, _SPANS_IN_REQUEST)
        ids[size] = _send(doors, trace)
    return ids


def _send(doors: Doors, trace: tuple[str, Iterator[bytes]]) -> str:
    trace_id, bodies = trace
    for body in bodies:
        request = urllib.request.Request(
            f"http://127.0.0.1:{doors.http}/v1/traces",
            body,
            {"Content-Type": "application/x-protobuf"},
        )
        urllib.request.urlopen(request, timeout=60).close()
    return trace_id


def _browse(
    options: Options, doors: Doors, traces: dict[int, str]
) -> Iterator[tuple[str, str, float]]:
    plan = {
        "url": f"http://127.0.0.1:{doors.query}",
        "traces": {str(size): trace_id for size, trace_id in traces.items()},
        "runs": 2 if options.quick else 7,
    }
    done = subprocess.run(
        ["node", SCRIPT, json.dumps(plan)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        message = f"{SCRIPT.name} ended with {done.returncode}; `make test-ui` installs its browser"
        raise BenchError(message)
    for line in done.stdout.splitlines():
        measured = json.loads(line)
        yield measured["row"], measured["measure"], measured["value"]
