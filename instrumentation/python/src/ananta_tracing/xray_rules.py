"""The sampling rules of AWS X-Ray: which requests a rule is about, and how many of them it keeps.

A rule keeps the first requests of every second (its reservoir) and a fixed share of the rest. The
reservoir is shared by all instances of a service: X-Ray lends each of them a quota, for a while.
Until it has, one request a second is borrowed. Field names are those of the API's documents.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_MASK_63 = (1 << 63) - 1
FALLBACK_RATE = 0.05
# In the order of the fields of `Request`.
_PATTERN_KEYS = ("HTTPMethod", "URLPath", "Host", "ServiceName", "ServiceType", "ResourceARN")


class Request(NamedTuple):
    """What a rule looks at. Empty where it is not known."""

    method: str
    path: str
    host: str
    service_name: str
    service_type: str
    resource_arn: str
    attributes: Mapping[str, Any]


class Target(NamedTuple):
    """What X-Ray lends an instance for one rule."""

    fixed_rate: float
    reservoir_quota: int | None
    expires_at: float
    """Epoch seconds until which the quota holds."""


class Statistics(NamedTuple):
    """What an instance tells about one rule."""

    request_count: int
    sampled_count: int
    borrow_count: int


class Rule:
    """One rule with its state. Safe to use from several threads.

    Args:
        document: a `SamplingRule` of the API.

    Raises:
        KeyError, TypeError, ValueError: the document lacks something or holds nonsense.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self.name = str(document["RuleName"])
        self.priority = int(document["Priority"])
        self._reservoir_size = int(document.get("ReservoirSize", 0))
        self._patterns = tuple(_wildcard(str(document.get(key, "*"))) for key in _PATTERN_KEYS)
        attributes = document.get("Attributes") or {}
        self._attributes = {key: _wildcard(str(value)) for key, value in attributes.items()}
        self._fixed_rate = float(document["FixedRate"])
        self._target: Target | None = None
        self._lock = threading.Lock()
        self._second = 0
        self._taken = 0
        self._counts = [0, 0, 0]

    def matches(self, request: Request) -> bool:
        """Whether the rule is about this request; a pattern of `*` also matches nothing known."""
        return all(
            pattern is None or pattern(value) is not None
            for pattern, value in zip(self._patterns, request, strict=False)
        ) and all(
            key in request.attributes
            and (pattern is None or pattern(str(request.attributes[key])) is not None)
            for key, pattern in self._attributes.items()
        )

    def samples(self, trace_id: int, now: float) -> bool:
        """Decide on one request and count it."""
        with self._lock:
            self._counts[0] += 1
            kept = self._take_from_reservoir(now) or _is_within(trace_id, self._rate)
            self._counts[1] += kept
            return kept

    @property
    def _rate(self) -> float:
        return self._fixed_rate if self._target is None else self._target.fixed_rate

    def _take_from_reservoir(self, now: float) -> bool:
        second = int(now)
        if second != self._second:
            self._second, self._taken = second, 0
        target = self._target
        if target is not None and target.reservoir_quota is not None and now < target.expires_at:
            available, borrows = target.reservoir_quota, False
        else:
            available, borrows = min(self._reservoir_size, 1), True
        if self._taken >= available:
            return False
        self._taken += 1
        self._counts[2] += borrows
        return True

    def aim(self, target: Target) -> None:
        """Take over what X-Ray lends."""
        with self._lock:
            self._target = target

    def take_statistics(self) -> Statistics:
        """The counts since this was last asked."""
        with self._lock:
            counts, self._counts = self._counts, [0, 0, 0]
            return Statistics(*counts)

    def give_back(self, statistics: Statistics) -> None:
        """Count again what could not be told."""
        with self._lock:
            self._counts = [a + b for a, b in zip(self._counts, statistics, strict=True)]


def create_fallback() -> Rule:
    """What holds while no rule is known: one trace a second and five of a hundred."""
    return Rule({"RuleName": "", "Priority": 0, "ReservoirSize": 1, "FixedRate": FALLBACK_RATE})


def read_rules(documents: list[Any], known: Mapping[str, Rule]) -> list[Rule]:
    """Rules of `SamplingRuleRecords` in the order they are asked; unchanged ones keep their state.

    A record that cannot be read is left out: the others still hold.
    """
    rules: list[Rule] = []
    for record in documents:
        document = record.get("SamplingRule") if isinstance(record, dict) else None
        if not isinstance(document, dict) or document.get("Version", 1) != 1:
            continue
        rule = known.get(str(document.get("RuleName")))
        if rule is None or rule.document != document:
            rule = _read_rule(document)
        if rule is not None:
            rules.append(rule)
    return sorted(rules, key=lambda rule: (rule.priority, rule.name))


def _read_rule(document: Mapping[str, Any]) -> Rule | None:
    try:
        return Rule(document)
    except (KeyError, TypeError, ValueError):
        return None


def read_target(document: Mapping[str, Any]) -> Target:
    """The target of a `SamplingTargetDocument`.

    Raises:
        KeyError, TypeError, ValueError: it lacks the rate or holds nonsense.
    """
    quota = document.get("ReservoirQuota")
    expires = document.get("ReservoirQuotaTTL")
    if expires is None:
        expires = time.time()
    return Target(
        float(document["FixedRate"]), None if quota is None else int(quota), float(expires)
    )


def _wildcard(pattern: str) -> Any:
    """A matcher for `*` (any text) and `?` (any character), case aside; None matches all."""
    if pattern in ("*", ""):
        return None
    translated = "".join(
        ".*" if character == "*" else "." if character == "?" else re.escape(character)
        for character in pattern
    )
    return re.compile(translated, re.IGNORECASE | re.DOTALL).fullmatch


def _is_within(trace_id: int, rate: float) -> bool:
    """By the trace id, so that every service of equal rate decides alike."""
    return (trace_id & _MASK_63) < rate * (_MASK_63 + 1)
