"""Processor `probabilistic_sampler`: keeps a share of all traces, whole traces at a time.

Behaviour and configuration are the Collector's `probabilisticsamplerprocessor`: the decision is
taken from the trace id (or the randomness in `tracestate`), so every gateway with the same
settings keeps the same traces, and is written into `tracestate` for those who count.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from ananta._native import TraceSampler
from ananta.config.model import BrokenRule, Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Settings, SpanSink
    from ananta.model import SpanBatch

_MODES = ("hash_seed", "equalizing", "proportional")
_MIN_PROBABILITY = 2.0**-56
_MAX_PRECISION = 14


class ProbabilisticSamplerConfig(Config):
    """Settings of the processor `probabilistic_sampler`."""

    sampling_percentage: float = Field(
        0.0, description="Percentage of traces kept. 100 and more: all. 0: none."
    )
    hash_seed: int = Field(
        0,
        description="For hash_seed: mixed into the hash. Gateways one behind the other need"
        " different seeds, gateways side by side the same.",
        ge=0,
        lt=2**32,
    )
    mode: str = Field(
        "",
        description="hash_seed (the default): by a hash of the trace id. equalizing: as many of"
        " every sender's traces as the percentage says, however many it dropped before."
        " proportional: the percentage of what arrives.",
    )
    fail_closed: bool = Field(
        True,
        description="Drop spans whose sampling information is invalid instead of keeping them.",
    )
    sampling_precision: int = Field(
        4, description="Hexadecimal digits of the threshold written into tracestate, 1 to 14."
    )
    attribute_source: str = Field(
        "traceID", description="traceID or record; for logs only, without effect on spans."
    )
    from_attribute: str = Field("", description="For logs only, without effect on spans.")
    sampling_priority: str = Field("", description="For logs only, without effect on spans.")

    def check(self) -> Iterator[BrokenRule]:
        """A percentage, a mode and a precision that mean something."""
        yield from super().check()
        percentage = self.sampling_percentage
        if not math.isfinite(percentage):
            seen = "NaN" if math.isnan(percentage) else f"{percentage:+f}".title()
            yield BrokenRule("sampling_percentage", f"sampling rate is invalid: {seen}%")
        elif percentage < 0:
            yield BrokenRule(
                "sampling_percentage",
                f"sampling rate is negative: {percentage:f}%; write 0 to drop everything",
            )
        elif 0 < percentage / 100 < _MIN_PROBABILITY:
            yield BrokenRule(
                "sampling_percentage",
                f"sampling rate is too small: {percentage:g}%; write 0 to drop everything",
            )
        if self.mode and self.mode not in _MODES:
            yield BrokenRule(
                "mode", f'unsupported sampler mode "{self.mode}"; write one of {", ".join(_MODES)}'
            )
        if self.attribute_source not in ("traceID", "record"):
            yield BrokenRule(
                "attribute_source",
                f"invalid attribute source: {self.attribute_source}. Expected: traceID or record",
            )
        if self.sampling_precision <= 0:
            yield BrokenRule(
                "sampling_precision",
                f"invalid sampling precision: {self.sampling_precision}; write 1 to 14",
            )
        elif self.sampling_precision > _MAX_PRECISION:
            yield BrokenRule(
                "sampling_precision",
                f"sampling precision is too great, should be <= 14: {self.sampling_precision}",
            )


class ProbabilisticSamplerProcessor:
    """Keeps a share of all traces."""

    def __init__(
        self, config: ProbabilisticSamplerConfig, settings: Settings, next_sink: SpanSink
    ) -> None:
        self._config = config
        self._settings = settings
        self._next = next_sink
        self._sampler = TraceSampler(
            mode=config.mode or "hash_seed",
            percentage=config.sampling_percentage,
            hash_seed=config.hash_seed,
            precision=config.sampling_precision,
            fail_closed=config.fail_closed,
        )
        self._decisions = settings.metrics.counter(
            "otelcol_processor_probabilistic_sampler_count_traces_sampled",
            "Spans kept (sampled) and dropped, by what the decision was taken from.",
            ("policy", "sampled"),
        )

    async def start(self, host: Host) -> None:  # noqa: ARG002 -- the component contract
        """Warn of a percentage that rounds to nothing."""
        if self._sampler.never and self._config.sampling_percentage > 0:
            self._settings.log.warning(
                "probability rounded to zero: %g percent is less than hash_seed can tell apart;"
                " nothing is kept",
                self._config.sampling_percentage,
            )

    async def shutdown(self) -> None:
        """Nothing is held."""

    async def consume(self, batch: SpanBatch) -> None:
        """Hand on the spans of the traces that are kept; nothing where none is."""
        kept, decisions = self._sampler.sample(batch)
        for policy, sampled, spans in decisions:
            self._decisions.add(spans, policy=policy, sampled=str(sampled).lower())
        if len(kept):
            await self._next.consume(kept)
