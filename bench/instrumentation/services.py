"""A trivial service under load, bare and traced: rate, CPU, latency, memory, and what arrives.

In each round every variant is started, driven in a closed loop as fast as it goes, then in an open
loop at shares of what the bare service can do, the greatest first, and ended with SIGTERM. What
tracing adds is the difference to the bare service of the same round, because the machine's speed
drifts; of all rounds the median counts.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.instrumentation import ALWAYS, TENTH, settings
from bench.instrumentation.load import Answers, get
from bench.instrumentation.platform import Platform, running_platform
from bench.instrumentation.programs import (
    EXPRESS,
    FASTAPI,
    PATH,
    install_node_project,
    running_service,
)
from bench.results import Measurement
from bench.runner import BenchError
from bench.systems import ANANTA, BARE, STOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.cases import Options

CPU_SHARE, LATENCY_SHARE = 0.3, 0.6
"""Loads at which CPU is compared, where nobody is short of it, and latency."""
SHARES = (0.8, LATENCY_SHARE, CPU_SHARE)
WHOLE_RUN = "whole run"
_CONNECTIONS = 32
_DRAIN_SECONDS = 0.65  # longer than the schedule delay of exporters


@dataclass(frozen=True)
class Variant:
    """One way to run the service."""

    side: str
    sampling: str = ALWAYS
    protocol: str = "grpc"

    @property
    def label(self) -> str:
        """How its rows are called."""
        return self.sampling if self.protocol == "grpc" else f"{self.sampling}, over HTTP"


@dataclass
class Run:
    """What one start of the service showed."""

    closed_loop: float
    cpu_micros: dict[float, float] = field(default_factory=dict)
    """Of a request, with all that is done for it afterwards."""
    answers: dict[float, Answers] = field(default_factory=dict)
    resident_mb: float = 0
    spans: int = 0
    lost_percent: float = 0


def fastapi(options: Options) -> Iterator[Measurement]:
    """Measure FastAPI under uvicorn."""
    with options.trying(FASTAPI):
        yield from _service(options, FASTAPI)


def express(options: Options) -> Iterator[Measurement]:
    """Measure Express."""
    with options.trying(EXPRESS):
        install_node_project()
        yield from _service(options, EXPRESS)


def _service(options: Options, framework: str) -> Iterator[Measurement]:
    variants = _variants(options)
    rounds: list[dict[Variant, Run]] = []
    with running_platform() as platform:
        capacity = _capacity(options, framework, platform)
        print(f"  {framework}, bare: {capacity:,.0f} requests/s in a closed loop", flush=True)
        for number in range(1, 1 + (3 if options.quick else 5)):
            with options.trying(f"{framework}, round {number}"):
                rounds.append(
                    {each: _run(options, framework, each, capacity, platform) for each in variants}
                )
                print(f"  {framework}, round {number} done", flush=True)
    if rounds:
        yield from summarize(framework, rounds)


def _variants(options: Options) -> list[Variant]:
    sides = options.present(STOCK, ANANTA)
    sampled = [Variant(side, sampling) for sampling in (ALWAYS, TENTH) for side in sides]
    return [Variant(BARE), *sampled, *(Variant(side, protocol="http") for side in sides)]


def _capacity(options: Options, framework: str, platform: Platform) -> float:
    """Requests a second of the bare service in a closed loop."""
    with running_service(framework, BARE, settings(BARE, "", platform.ports)) as (_, port):
        seconds = 0.5 if options.quick else 1.5
        get(port, PATH, seconds, connections=_CONNECTIONS)
        rates = [
            get(port, PATH, seconds, connections=_CONNECTIONS).requests_per_second for _ in range(3)
        ]
    return statistics.median(rates)


def _run(
    options: Options, framework: str, variant: Variant, capacity: float, platform: Platform
) -> Run:
    service = platform.new_service()
    environment = settings(
        variant.side, service, platform.ports, variant.protocol, variant.sampling
    )
    seconds = 0.5 if options.quick else 1.8
    is_short = options.quick and variant.protocol == "http"
    with running_service(framework, variant.side, environment) as (running, port):
        warm = get(port, PATH, 0.3, connections=_CONNECTIONS)
        closed = get(port, PATH, seconds, connections=_CONNECTIONS)
        run = Run(closed.requests_per_second)
        for share in (CPU_SHARE,) if is_short else SHARES:
            before = running.cpu_seconds()
            answers = get(port, PATH, seconds, share * capacity, _CONNECTIONS)
            time.sleep(_DRAIN_SECONDS)
            cpu_seconds = running.cpu_seconds() - before
            run.answers[share] = answers
            run.cpu_micros[share] = cpu_seconds / max(len(answers.answered_micros), 1) * 1e6
        run.resident_mb = running.resident_mib() * 2**20 / 1e6
    if variant.side != BARE:
        requests = sum(
            len(answers.answered_micros) for answers in (warm, closed, *run.answers.values())
        )
        run.spans = platform.spans(service)
        run.lost_percent = lost_percent(platform, service, requests)
        if not run.spans:
            raise BenchError(f"no span of {framework}, {variant.side}, {variant.label} arrived")
    return run


def lost_percent(platform: Platform, service: str, requests: int) -> float:
    """The share of requests without a span; all sides make one of kind server for each."""
    return 100 * max(1 - platform.spans(service, q="kind=server") / max(requests, 1), 0)


def summarize(framework: str, rounds: list[dict[Variant, Run]]) -> Iterator[Measurement]:
    """The medians of all rounds; what is added is paired within each round first."""
    bare = Variant(BARE)
    labels = dict.fromkeys(variant.label for variant in rounds[0] if variant != bare)
    for label in labels:
        alike = {variant.side: variant for variant in rounds[0] if variant.label == label}
        sides = {**{side: alike[side] for side in (ANANTA, STOCK) if side in alike}, BARE: bare}
        tables = {
            side: [dict(_values(variant, runs[variant], runs[bare])) for runs in rounds]
            for side, variant in sides.items()
        }
        for key in next(iter(tables.values()))[0]:
            row, measure = key
            for side, found in tables.items():
                if key in found[0]:
                    median = statistics.median(values[key] for values in found)
                    yield Measurement(f"{framework}, {label}, {row}", side, measure, median)


def _values(variant: Variant, run: Run, bare: Run) -> Iterator[tuple[tuple[str, str], float]]:
    """(row, measure) and value of everything one run showed."""
    is_traced = variant.side != BARE
    yield ("closed loop", "requests"), run.closed_loop
    for share in sorted(run.answers):
        load, answers = load_row(share), run.answers[share]
        yield (load, "requests"), answers.requests_per_second
        yield (load, "cpu_request"), run.cpu_micros[share]
        if is_traced:
            yield (load, "cpu_added"), run.cpu_micros[share] - bare.cpu_micros[share]
        for rank, measure in ((0.5, "latency_p50"), (0.99, "latency_p99")):
            milliseconds = answers.latency_milliseconds(rank)
            yield (load, measure), milliseconds
            if is_traced and rank == 0.99:
                theirs = bare.answers[share].latency_milliseconds(rank)
                yield (load, "latency_added"), milliseconds - theirs
    yield (WHOLE_RUN, "memory"), run.resident_mb
    if is_traced:
        yield (WHOLE_RUN, "memory_added"), run.resident_mb - bare.resident_mb
        yield (WHOLE_RUN, "spans"), run.spans
    if is_traced and variant.sampling == ALWAYS:
        yield (WHOLE_RUN, "lost"), run.lost_percent


def load_row(share: float) -> str:
    """The end of the name of a row."""
    return f"{share * 100:.0f} % load"
