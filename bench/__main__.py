"""`python -m bench` measures Ananta and its peers and writes docs/benchmarks.md.

`python -m bench forward store` measures some cases and prints them, `instrumentation` stands for
four of them; `--write` puts the latest results of all cases into the document; `--quick` shows in
minutes that everything works, with figures that mean little.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import dataset, peers, report
from bench.cases import Options
from bench.cases.codec import codec
from bench.cases.forward import forward, process
from bench.cases.memory import memory, overload
from bench.cases.search import disk, search
from bench.cases.store import acknowledge, store
from bench.cases.ui import ui
from bench.instrumentation.lifecycle import lifecycle
from bench.instrumentation.services import express, fastapi
from bench.instrumentation.span import span
from bench.peers.build import BUILDERS, build
from bench.results import CaseResults, load_results
from bench.runner import BenchError, build_load
from bench.systems import ANANTA, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.results import Measurement

CASES: dict[str, tuple[str, Callable[[Options], Iterator[Measurement]]]] = {
    "codec": ("Codec", codec),
    "forward": ("Forward", forward),
    "process": ("Forward through attributes and sampling", process),
    "store": ("Durable store", store),
    "acknowledge": ("Acknowledgement", acknowledge),
    "search": ("Search", search),
    "disk": ("Disk", disk),
    "memory": ("Memory", memory),
    "overload": ("Overload", overload),
    "ui": ("Web UI", ui),
    "fastapi": ("Tracing a FastAPI service", fastapi),
    "express": ("Tracing an Express service", express),
    "span": ("A Python span, stage by stage", span),
    "lifecycle": ("Start and end of a traced process", lifecycle),
}
_INSTRUMENTATION = "instrumentation"


def main() -> int:
    """Run what was asked for; 0 when every case gave results for every system in it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = ", ".join([*CASES, _INSTRUMENTATION])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=known)
    parser.add_argument("--quick", action="store_true", help="short runs on small data sets")
    parser.add_argument("--systems", help="only these, separated by commas")
    parser.add_argument("--reload", action="store_true", help="load Ananta's data sets anew")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    names = arguments.cases or list(CASES)
    if _INSTRUMENTATION in names:
        others = [name for name in names if name != _INSTRUMENTATION]
        names = list(dict.fromkeys([*others, *report.INSTRUMENTATION]))
    if unknown := set(names) - set(CASES):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; choose from {known}")

    if not set(names) <= set(report.INSTRUMENTATION):
        build(list(BUILDERS))
    found = versions()
    systems = arguments.systems.split(",") if arguments.systems else list(found)
    if missing := set(systems) - set(found):
        parser.error(f"not installed: {', '.join(sorted(missing))}; there are {', '.join(found)}")
    if ANANTA not in systems:
        print("Ananta itself is not measured: the peers alone are.")
    try:
        build_load()
    except (BenchError, subprocess.CalledProcessError) as error:
        print(f"cannot build the load generator: {error}", file=sys.stderr)
        return 1

    if arguments.reload:
        dataset.forget(ANANTA)

    print(report.machine())
    print("\n".join(found[name] for name in systems))
    whole = not arguments.cases and not arguments.systems and not arguments.quick
    kept = peers.cache_directory() / ("results-quick" if arguments.quick else "results")
    complete = True
    for name in names:
        results = _run(name, Options(quick=arguments.quick, systems=systems))
        complete = complete and not results.notes
        results.save(kept)
        print(report.case_table(results), flush=True)
    latest = load_results(kept)
    print(report.figures_table(latest))
    print("\n\n".join(["", *report.instrumentation_tables(latest)]))
    if whole or arguments.write:
        report.write_document(latest, found, {name: title for name, (title, _) in CASES.items()})
        print(f"wrote {report.DOCUMENT}")
    return 0 if complete else 1


def _run(name: str, options: Options) -> CaseResults:
    title, case = CASES[name]
    print(f"\n== {title}", flush=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    results = CaseResults(name, today, _revision())
    for measurement in case(options):
        print(f"  {measurement}", flush=True)
        results.measurements.append(measurement)
    results.notes = options.notes
    return results


def _revision() -> str:
    """The commit that is measured, marked when the tree differs from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
