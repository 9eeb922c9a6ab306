"""The sampler against golden values of the Collector and a model that goes span by span."""

from __future__ import annotations

import logging
import math
import re
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1 import trace_pb2 as trace
from pydantic import ValidationError

from ananta.model import SpanBatch
from ananta.processors.probabilistic_sampler import (
    ProbabilisticSamplerConfig,
    ProbabilisticSamplerProcessor,
)

from . import model
from .span_requests import (
    NoHost,
    RecordingSink,
    attributes,
    component_settings,
    generous,
    one_span,
    parse,
    spans_of,
)

if TYPE_CHECKING:
    from ananta.component import Settings

NEVER = 1 << 56
COUNT = "otelcol_processor_probabilistic_sampler_count_traces_sampled"
GOLDEN_ID = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
ALL_F = bytes.fromhex("00000000000000000" + "f" * 15)


async def run(
    config: dict[str, Any], batch: SpanBatch, settings: Settings | None = None
) -> list[trace.Span]:
    sink = RecordingSink()
    parsed = ProbabilisticSamplerConfig.model_validate(config)
    processor = ProbabilisticSamplerProcessor(parsed, settings or component_settings(), sink)
    await processor.start(NoHost())
    await processor.consume(batch)
    await processor.shutdown()
    return [span for batch in sink.batches for span in spans_of(parse(batch))]


# The model.


def fnv1a_32(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def threshold(probability: float, precision: int) -> int:
    if probability >= 1:
        return 0
    if probability < 2**-56:
        return NEVER
    exponents = [math.frexp(share)[1] for share in (probability, 1 - probability)]
    digits = min(14, max(precision + int(exponent / -4) for exponent in exponents))
    scaled = probability * 2.0**56
    exact = NEVER - math.floor(scaled + 0.5)
    unit: int = 16 ** (14 - digits)
    return (exact + unit // 2) // unit * unit


def parse_tracestate(header: str) -> dict[str, Any] | None:
    key = r"[a-z][-a-z0-9_*/]{0,255}|[a-z0-9][-a-z0-9_*/]{0,240}@[a-z][-a-z0-9_*/]{0,13}"
    members = header.removesuffix(",").split(",") if header else []
    if len(header) > 1024 or len(members) > 31:
        return None
    state: dict[str, Any] = {"others": [], "members": []}
    for member in (member.strip(" \t") for member in members):
        if not member:
            continue
        if not re.fullmatch(rf"({key})=[ -+\--<>-~]*[!-+\--<>-~]", member):
            return None
        name, value = member.split("=")
        if name != "ot":
            state["members"].append(member)
            continue
        if len(value) > 256:
            return None
        state |= {"others": [], "rv": None, "th": None}
        for item in value.split(";"):
            if not re.fullmatch(r"[a-z][a-z0-9]*:[A-Za-z0-9._-]*", item):
                return None
            name, text = item.split(":")
            wanted = {"rv": "[0-9a-fA-F]{14}", "th": "[0-9a-fA-F]{1,14}"}.get(name)
            if wanted is None:
                state["others"].append(item)
            elif not re.fullmatch(wanted, text):
                return None
            else:
                state[name] = text
    return state


def write_tracestate(state: dict[str, Any]) -> str:
    ot = [f"{name}:{state[name]}" for name in ("rv", "th") if state.get(name)] + state["others"]
    return ",".join(([f"ot={';'.join(ot)}"] if ot else []) + state["members"])


def digits_of(text: str) -> int:
    return int(text.ljust(14, "0"), 16)


def text_of(value: int) -> str:
    return f"{value:014x}".rstrip("0") or "0"


def priority_of(span: trace.Span) -> float | None:
    pair = model.find(list(span.attributes), "sampling.priority")
    if pair is None:
        return None
    kind = model.kind_of(pair.value)
    if kind in ("int_value", "double_value", "string_value"):
        try:
            return float(getattr(pair.value, kind))
        except ValueError:
            return None
    return None


def sample(config: dict[str, Any], span: trace.Span) -> tuple[str, bool]:
    """Decide one span, write its new trace state into it; returns policy and decision."""
    percentage = min(float32(config["sampling_percentage"]), 100.0)
    mode = config.get("mode") or "hash_seed"
    scaled = int(float32(percentage * float32(163.84)))
    never = percentage == 0 or (mode == "hash_seed" and scaled == 0)
    probability = max(percentage / 100, 2.0**-56)
    precision = config.get("sampling_precision", 4)
    state = parse_tracestate(span.trace_state)
    trace_id = span.trace_id or bytes(16)

    policy, randomness, valid = "missing_randomness", NEVER - 1, False
    if never:
        policy, valid = "sampling_priority", state is not None
    elif mode == "hash_seed":
        if trace_id != bytes(16):
            hash_value = fnv1a_32(struct.pack("<I", config.get("hash_seed", 0)) + trace_id)
            hashed, unused = hash_value & 0x3FFF, hash_value >> 18
            randomness = (0x3FFF - hashed) << 42 | (unused ^ unused << 10) << 14 | hashed
            policy = "trace_id_hash"
        if state is not None and (state.get("rv") or state.get("th")):
            state = None
        if state is not None:
            state["rv"], valid = f"{randomness:014x}", policy == "trace_id_hash"
    elif state is not None and state.get("rv"):
        policy, randomness, valid = "sampling_randomness", digits_of(state["rv"]), True
    elif state is not None and trace_id != bytes(16):
        policy, randomness, valid = "trace_id_w3c", int.from_bytes(trace_id[9:]), True
    incoming = digits_of(state["th"]) if state and state.get("th") else None
    if valid and incoming is not None and incoming > randomness:
        assert state is not None
        state["th"], incoming, valid = None, None, False

    if not valid:
        reject = NEVER if config.get("fail_closed", True) else 0
    elif never:
        reject = NEVER
    elif mode == "hash_seed":
        reject = (0x4000 - scaled) << 42
    elif mode == "equalizing":
        reject = max(threshold(probability, precision), incoming or 0)
    else:
        arrived = 1.0 if incoming is None else (NEVER - incoming) / NEVER
        reject = threshold(arrived * probability, precision)
    priority = priority_of(span)
    if priority is not None and priority >= 0:
        reject, policy = (0 if priority > 0 else NEVER), "sampling_priority"
    if reject <= randomness and state is not None:
        if incoming is None or incoming <= reject:
            state["th"] = text_of(reject)
        span.trace_state = write_tracestate(state)
    return policy, reject <= randomness


# Properties.

hex_digits = st.text("0123456789abcdefAF", min_size=14, max_size=14)
ot_items = st.one_of(
    st.builds("rv:{}".format, hex_digits),
    st.builds("th:{}".format, st.sampled_from(["0", "8", "c", "80000000000000", "fd70a", "f"])),
    st.sampled_from(["x:1", "a:", "rv:12", "th:", "th:xyz", "X:1", ""]),
)
members = st.one_of(
    st.builds(lambda items: f"ot={';'.join(items)}", st.lists(ot_items, min_size=1, max_size=3)),
    st.sampled_from(["a=b", "t@s=1", " b=c d ", "", "bad", "A=b", "c="]),
)
trace_states = st.just("") | st.builds(",".join, st.lists(members, max_size=3))
spans = st.builds(
    trace.Span,
    trace_id=st.sampled_from([b"", bytes(16), GOLDEN_ID]) | st.binary(min_size=16, max_size=16),
    trace_state=trace_states,
    attributes=attributes,
)
configs = st.fixed_dictionaries(
    {
        "sampling_percentage": st.sampled_from(
            [0, 1e-12, 0.006, 0.1, 1, 10, 33.3, 50, 99, 100, 250]
        )
        | st.floats(0.001, 100),
    },
    optional={
        "mode": st.sampled_from(["", "hash_seed", "equalizing", "proportional"]),
        "hash_seed": st.integers(0, 2**32 - 1),
        "sampling_precision": st.integers(1, 14),
        "fail_closed": st.booleans(),
    },
)


@generous
@given(st.lists(spans, min_size=1, max_size=8), configs)
async def test_decisions_trace_states_and_counts_are_the_models(
    messages: list[trace.Span], config: dict[str, Any]
) -> None:
    data = trace.TracesData(
        resource_spans=[trace.ResourceSpans(scope_spans=[trace.ScopeSpans(spans=messages)])]
    )
    settings = component_settings()
    kept = await run(config, SpanBatch.from_otlp(data.SerializeToString()), settings)
    expected = []
    decisions: Counter[tuple[str, bool]] = Counter()
    for span in messages:
        policy, sampled = sample(config, span)
        decisions[policy, sampled] += 1
        if sampled:
            expected.append(span)
    assert [span.SerializeToString(deterministic=True) for span in kept] == [
        span.SerializeToString(deterministic=True) for span in expected
    ]
    counter = settings.metrics.counter(COUNT, "", ("policy", "sampled"))
    for (policy, sampled), count in decisions.items():
        assert counter.value(policy=policy, sampled=str(sampled).lower()) == count


# Golden values.


@pytest.mark.parametrize(
    ("percentage", "precision", "digits"),
    [
        (1, 4, "fd70a"),
        (1, 3, "fd71"),
        (1, 14, "fd70a3d70a3d71"),
        (10, 4, "e666"),
        (100 / 3, 4, "aaab"),
        (40, 3, "99a"),
    ],
)
@pytest.mark.parametrize("mode", ["equalizing", "proportional"])
async def test_a_percentage_is_written_as_the_collectors_threshold(
    percentage: float, precision: int, digits: str, mode: str
) -> None:
    config = {"sampling_percentage": percentage, "mode": mode, "sampling_precision": precision}
    (span,) = await run(config, one_span(trace_id=ALL_F))
    assert span.trace_state == f"ot=th:{digits}"


async def test_a_hash_is_written_as_randomness_beside_its_threshold() -> None:
    (span,) = await run({"sampling_percentage": 10}, one_span(trace_id=GOLDEN_ID))
    assert span.trace_state == "ot=rv:fdc80d0b42008d;th:e668"
    assert (
        await run({"sampling_percentage": 50, "hash_seed": 22}, one_span(trace_id=GOLDEN_ID)) == []
    )


@pytest.mark.parametrize(
    ("mode", "percentage", "arriving", "leaving"),
    [
        ("equalizing", 25, "ot=th:8", "ot=th:c"),
        ("proportional", 50, "ot=th:8", "ot=th:c"),
        ("proportional", 25, "ot=th:8", "ot=th:e"),
        ("equalizing", 50, "ot=rv:90000000000000;th:80000000000000", "ot=rv:90000000000000;th:8"),
        ("proportional", 50, "ot=rv:90000000000000;th:80000000000000", None),
        ("equalizing", 50, "ot=th:c000", "ot=th:c"),
        ("equalizing", 50, "v=1,ot=x:y;rv:ABCDEF01234567", "ot=rv:ABCDEF01234567;th:8;x:y,v=1"),
        ("hash_seed", 100, "ot=th:8", None),
        ("hash_seed", 100, "ot=rv:90000000000000", None),
        ("hash_seed", 100, "broken", None),
    ],
)
async def test_an_arriving_threshold_is_raised_and_never_lowered(
    mode: str, percentage: float, arriving: str, leaving: str | None
) -> None:
    config = {"sampling_percentage": percentage, "mode": mode}
    kept = await run(config, one_span(trace_id=ALL_F, trace_state=arriving))
    assert [span.trace_state for span in kept] == ([] if leaving is None else [leaving])


@pytest.mark.parametrize("state", ["broken", "ot=th:xyz", "ot=rv:1", "ot=rv:10000000000000;th:8"])
async def test_invalid_sampling_information_drops_unless_it_may_not(state: str) -> None:
    batch = one_span(trace_id=ALL_F, trace_state=state)
    config = {"sampling_percentage": 100, "mode": "equalizing"}
    assert await run(config, batch) == []
    (span,) = await run({**config, "fail_closed": False}, batch)
    assert span.trace_state == state.replace("th:8", "th:0")


@pytest.mark.parametrize(
    ("priority", "kept_of_all", "kept_of_none"),
    [
        (1, True, True),
        (0, False, False),
        (-1, True, False),
        (0.5, True, True),
        ("2", True, True),
        ("0", False, False),
        ("high", True, False),
        (math.nan, True, False),
        (True, True, False),
    ],
)
async def test_sampling_priority_wins(priority: Any, kept_of_all: bool, kept_of_none: bool) -> None:
    batch = one_span({"sampling.priority": priority}, trace_id=GOLDEN_ID)
    assert len(await run({"sampling_percentage": 100}, batch)) == kept_of_all
    assert len(await run({"sampling_percentage": 0}, batch)) == kept_of_none


async def test_a_trace_is_kept_whole_and_about_the_share_asked_for() -> None:
    ids = [struct.pack(">QQ", index, index * 0x9E3779B97F4A7C15 % 2**64) for index in range(4000)]
    batch = SpanBatch.concat([one_span(trace_id=trace_id, name="x") for trace_id in ids * 2])
    for mode in ("hash_seed", "equalizing"):
        kept = await run({"sampling_percentage": 25, "mode": mode}, batch)
        counts = Counter(span.trace_id for span in kept)
        assert set(counts.values()) == {2}
        assert 900 < len(counts) < 1100


async def test_a_batch_of_which_nothing_is_kept_ends_here() -> None:
    sink = RecordingSink()
    config = ProbabilisticSamplerConfig.model_validate({"sampling_percentage": 0})
    processor = ProbabilisticSamplerProcessor(config, component_settings(), sink)
    await processor.consume(one_span(trace_id=GOLDEN_ID))
    assert sink.batches == []


async def test_a_percentage_that_rounds_to_nothing_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        await run({"sampling_percentage": 0.006}, one_span())
    assert "probability rounded to zero" in caplog.text


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"sampling_percentage": -1}, "sampling rate is negative: -1.000000%"),
        ({"sampling_percentage": math.inf}, "sampling rate is invalid: +Inf%"),
        ({"sampling_percentage": math.nan}, "sampling rate is invalid: NaN%"),
        ({"sampling_percentage": 1e-16}, "sampling rate is too small: 1e-16%"),
        ({"mode": "random"}, 'unsupported sampler mode "random"'),
        ({"sampling_precision": 0}, "invalid sampling precision: 0"),
        (
            {"sampling_precision": 15},
            "sampling precision is too great, should be <= 14: 15",
        ),
        (
            {"attribute_source": "x"},
            "invalid attribute source: x. Expected: traceID or record",
        ),
        ({"hash_seed": -1}, "hash_seed"),
        ({"sampling_percentage": "10"}, "sampling_percentage"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ProbabilisticSamplerConfig.model_validate(config)
    assert message in str(caught.value)


def test_the_defaults_are_the_collectors() -> None:
    config = ProbabilisticSamplerConfig.model_validate({})
    assert config.sampling_percentage == 0
    assert config.fail_closed
    assert config.sampling_precision == 4
    assert config.attribute_source == "traceID"
