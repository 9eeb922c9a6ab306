"""A trivial service under load, bare and traced: rate, CPU, latency, memory, and what arrives.

In each round every variant is started, warmed up, driven in a closed loop as fast as it goes, then
in open loops, and ended with SIGTERM. Their rates keep the service busy for a share of the time, or
are a share of what the bare service does in the closed loop. What tracing adds is the difference to
the bare service of the same round, because the machine's speed drifts; of all rounds the median
counts.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.instrumentation import ALWAYS, TENTH, settings
from bench.instrumentation.application import application
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


@dataclass(frozen=True)
class Load:
    """A fixed rate of requests, for each service found anew."""

    share: float
    is_of_bare_rate: bool = False
    """Of what the bare service does in a closed loop, not of the time a service is at work."""

    @property
    def row(self) -> str:
        """How its rows end."""
        return f"{self.share * 100:.0f} % {'of the bare rate' if self.is_of_bare_rate else 'busy'}"


SAME_RATE, OVERLOAD = Load(0.3, is_of_bare_rate=True), Load(0.6, is_of_bare_rate=True)
"""The first for the CPU of a request, which depends on the rate: waiting for each costs more."""
BUSY, BUSIER = Load(0.6), Load(0.8)
LOADS = (SAME_RATE, BUSY, BUSIER, OVERLOAD)
CLOSED = "closed loop"
WHOLE_RUN = "whole run"
_CONNECTIONS = 32
_WARM_SECONDS = 2.0  # V8 is done optimizing
_DRAIN_SECONDS = 0.65  # longer than the schedule delay of exporters


@dataclass(frozen=True)
class Variant:
    """One way to run the service."""

    side: str
    sampling: str = ALWAYS
    protocol: str = "grpc"

    @property
    def loads(self) -> tuple[Load, ...]:
        """What it is driven with, as far as a bar needs it."""
        if self.protocol == "http":
            return (SAME_RATE,)
        return LOADS if self.sampling == ALWAYS else (SAME_RATE, BUSY)

    @property
    def label(self) -> str:
        """How its rows are called."""
        return self.sampling if self.protocol == "grpc" else f"{self.sampling}, over HTTP"


@dataclass
class Run:
    """What one start of the service showed."""

    cpu_micros: dict[str, float] = field(default_factory=dict)
    """Of a request, with all that is done for it afterwards; by the row of the load."""
    answers: dict[str, Answers] = field(default_factory=dict)
    resident_mb: float = 0
    spans: int = 0
    lost_percent: float = 0


def fastapi(options: Options) -> Iterator[Measurement]:
    """Measure FastAPI, first without a server, then under uvicorn."""
    yield from application(options)
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
        get(port, PATH, _WARM_SECONDS, connections=_CONNECTIONS)
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
    seconds = 0.8 if options.quick else 2.0
    run = Run()

    def drive(row: str, seconds: float, rate: float | None = None) -> None:
        platform.settle()
        before = running.cpu_seconds()
        run.answers[row] = answers = get(port, PATH, seconds, rate, _CONNECTIONS)
        time.sleep(_DRAIN_SECONDS)
        cpu_seconds = running.cpu_seconds() - before
        run.cpu_micros[row] = cpu_seconds / max(len(answers.answered_micros), 1) * 1e6

    with running_service(framework, variant.side, environment) as (running, port):
        warm = get(port, PATH, _WARM_SECONDS, connections=_CONNECTIONS)
        drive(CLOSED, seconds)
        for load in variant.loads:
            if load.is_of_bare_rate:
                rate = load.share * capacity
            else:
                rate = load.share * 1e6 / run.cpu_micros[SAME_RATE.row]
            drive(load.row, seconds * (3 if load == BUSY else 1), rate)
        run.resident_mb = running.resident_mib() * 2**20 / 1e6
    if variant.side != BARE:
        requests = sum(len(answers.answered_micros) for answers in (warm, *run.answers.values()))
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
    for row, answers in run.answers.items():
        theirs = bare.answers[row]
        yield (row, "requests"), answers.requests_per_second
        yield (row, "cpu_request"), run.cpu_micros[row]
        if is_traced:
            yield (row, "cpu_added"), run.cpu_micros[row] - bare.cpu_micros[row]
        if row == CLOSED:
            continue
        for rank, measure in ((0.5, "latency_p50"), (0.99, "latency_p99")):
            milliseconds = answers.latency_milliseconds(rank)
            yield (row, measure), milliseconds
            if is_traced and rank == 0.99:
                yield (row, "latency_added"), milliseconds - theirs.latency_milliseconds(rank)
    yield (WHOLE_RUN, "memory"), run.resident_mb
    if is_traced:
        yield (WHOLE_RUN, "memory_added"), run.resident_mb - bare.resident_mb
        yield (WHOLE_RUN, "spans"), run.spans
    if is_traced and variant.sampling == ALWAYS:
        yield (WHOLE_RUN, "lost"), run.lost_percent
