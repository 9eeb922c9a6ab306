"""The sampler `xray` follows the rules of a proxy, also when they change and after a fork."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from ananta_tracing.xray_rules import Request, Rule, read_rules, read_target
from ananta_tracing.xray_sampler import XRayArguments, XRayRoot, read_arguments

from .conftest import start_python, wait_until
from .xray_proxy import XRayProxy, rule, xray_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Run


@pytest.fixture
def proxy() -> Iterator[XRayProxy]:
    with xray_proxy() as proxy:
        yield proxy


def request(**fields: Any) -> Request:
    known = dict.fromkeys(Request._fields, "")
    return Request(**{**known, "attributes": {}, **fields})


@pytest.mark.parametrize(
    ("fields", "asked", "matches"),
    [
        ({}, {}, True),
        ({"HTTPMethod": "POST"}, {"method": "post"}, True),
        ({"HTTPMethod": "POST"}, {"method": "GET"}, False),
        ({"HTTPMethod": "POST"}, {}, False),
        ({"URLPath": "/api/*"}, {"path": "/api/v1/x"}, True),
        ({"URLPath": "/api/*"}, {"path": "/health"}, False),
        ({"URLPath": "/api/v?/*"}, {"path": "/api/v2/x"}, True),
        ({"URLPath": "/a.c"}, {"path": "/abc"}, False),
        ({"Host": "*.example.com"}, {"host": "api.example.com"}, True),
        ({"ServiceName": "cns-*"}, {"service_name": "cns-service"}, True),
        ({"ServiceType": "AWS::ECS::Container"}, {"service_type": "AWS::ECS::Container"}, True),
        ({"ServiceType": "AWS::ECS::Container"}, {}, False),
        ({"ResourceARN": "arn:*"}, {"resource_arn": "arn:aws:x"}, True),
        (
            {"Attributes": {"tenant.tier": "premium"}},
            {"attributes": {"tenant.tier": "premium"}},
            True,
        ),
        ({"Attributes": {"tenant.tier": "premium"}}, {"attributes": {}}, False),
    ],
)
def test_matching(fields, asked, matches) -> None:
    assert Rule(rule(**fields)).matches(request(**asked)) is matches


def test_the_reservoir_comes_first_then_the_rate() -> None:
    keeps_all = Rule(rule(FixedRate=1.0))
    assert all(keeps_all.samples(number, 1000.0) for number in range(50))
    borrowing = Rule(rule(ReservoirSize=10))
    assert [borrowing.samples(2**62, 1000.0) for _ in range(3)] == [True, False, False]
    assert borrowing.samples(2**62, 1001.0)
    assert borrowing.take_statistics() == (4, 2, 2)
    borrowing.aim(read_target({"FixedRate": 0, "ReservoirQuota": 3, "ReservoirQuotaTTL": 2000}))
    assert sum(borrowing.samples(2**62, 1500.0) for _ in range(10)) == 3
    assert borrowing.take_statistics() == (10, 3, 0)
    assert sum(borrowing.samples(2**62, 3000.0) for _ in range(10)) == 1, "the quota has expired"


def test_rules_are_asked_by_priority_and_keep_their_state() -> None:
    documents = [
        {"SamplingRule": rule("b", Priority=2)},
        {"SamplingRule": rule("a", Priority=1)},
        {"SamplingRule": rule("bad", FixedRate="much")},
        {"SamplingRule": rule("newer", Version=2)},
        "nonsense",
    ]
    rules = read_rules(documents, {})
    assert [each.name for each in rules] == ["a", "b"]
    again = read_rules(documents[:2], {each.name: each for each in rules})
    assert again[0] is rules[0]
    changed = read_rules(
        [{"SamplingRule": rule("a", Priority=1, FixedRate=0.5)}], {rules[0].name: rules[0]}
    )
    assert changed[0] is not rules[0]


@pytest.mark.parametrize(
    ("text", "variable", "endpoint", "interval"),
    [
        ("", "", "http://127.0.0.1:2000", 300),
        ("", "localhost:2000", "http://localhost:2000", 300),
        ("", "tcp:10.0.0.1:2000 udp:10.0.0.2:2000", "http://10.0.0.1:2000", 300),
        ("endpoint=http://h:2000,polling_interval=10", "other:1", "http://h:2000", 10),
        ("endpoint=h:2000", "", "http://h:2000", 300),
    ],
)
def test_arguments(text, variable, endpoint, interval) -> None:
    assert read_arguments(text, {"AWS_XRAY_DAEMON_ADDRESS": variable}) == (endpoint, interval)


@pytest.mark.parametrize("text", ["0.1", "endpoint=", "polling_interval=0", "endpoint=ftp://h"])
def test_arguments_that_cannot_be_used(text) -> None:
    with pytest.raises(ValueError, match="write endpoint="):
        read_arguments(text, {})


def share(root: XRayRoot, count: int = 3000, **attributes: str) -> float:
    import random

    return sum(root.keeps(random.getrandbits(128), attributes) for _ in range(count)) / count


def test_the_rate_follows_the_rules(proxy: XRayProxy) -> None:
    proxy.rules = [
        rule("health", Priority=1, URLPath="/health"),
        rule("critical", Priority=2, URLPath="/critical/*", FixedRate=1.0),
        rule("Default", FixedRate=0.1),
    ]
    root = XRayRoot(XRayArguments(proxy.endpoint), "cns", targets_interval_seconds=0.05)
    root.keeps(1, {})
    wait_until(lambda: bool(root._rules))
    assert share(root, **{"url.path": "/health"}) == 0
    assert share(root, **{"url.path": "/critical/x"}) == 1
    assert share(root, **{"http.target": "/critical/x?y=1"}) == 1
    assert share(root, **{"url.path": "/other"}) == pytest.approx(0.1, abs=0.03)
    wait_until(lambda: any(told["RuleName"] == "critical" for told in proxy.told))
    told = next(told for told in proxy.told if told["RuleName"] == "critical")
    assert told["SampledCount"] == told["RequestCount"] > 0
    assert len(told["ClientID"]) == 24

    proxy.targets = [{"RuleName": "Default", "FixedRate": 0.5, "ReservoirQuota": 0,
                      "ReservoirQuotaTTL": time.time() + 60}]  # fmt: skip
    share(root, 10, **{"url.path": "/other"})
    wait_until(lambda: share(root, 500) > 0.35)

    proxy.rules, proxy.targets = [rule("Default", FixedRate=1.0)], []
    proxy.last_rule_modification = time.time() + 1
    share(root, 10)
    wait_until(lambda: len(root._rules) == 1)
    assert share(root) > 0.9


def test_without_a_proxy_few_are_kept_and_it_is_told_once(caplog) -> None:
    root = XRayRoot(XRayArguments("http://127.0.0.1:9", 0.05), "cns")
    root.keeps(1, {})
    wait_until(lambda: bool(caplog.records))
    assert share(root) == pytest.approx(0.05, abs=0.03)
    time.sleep(0.3)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len([each for each in told if "127.0.0.1:9 " in each]) == 1
    assert "start the X-Ray daemon" in caplog.text


def test_statistics_that_could_not_be_told_are_told_later(proxy: XRayProxy) -> None:
    proxy.rules = [rule(FixedRate=1.0)]
    root = XRayRoot(XRayArguments(proxy.endpoint), "cns", targets_interval_seconds=0.05)
    root.keeps(1, {})
    wait_until(lambda: bool(root._rules))
    proxy.status = 500
    share(root, 100)
    time.sleep(0.2)
    assert proxy.told == []
    proxy.status = 200
    wait_until(lambda: sum(told["RequestCount"] for told in proxy.told) == 100)


def test_the_whole_service_follows_a_change_also_in_a_forked_child(proxy: XRayProxy) -> None:
    proxy.rules = [rule(FixedRate=1.0)]
    process = start_python(
        """
import os, sys, time
from ananta_tracing.setup import init_tracing
tracer = init_tracing("cns", instrument="none")
def share():
    kept = sum(tracer.start_span("s").get_span_context().trace_flags & 1 for _ in range(200))
    return kept / 200
def follow(who, wanted):
    deadline = time.monotonic() + 20
    while share() != wanted and time.monotonic() < deadline: time.sleep(0.02)
    print(who, share(), flush=True)
follow("parent", 1)
if os.fork() == 0:
    follow("child", 1)
    follow("child", 0)
    os._exit(0)
os.wait()
follow("parent", 0)
""",
        OTEL_TRACES_SAMPLER="xray",
        OTEL_TRACES_SAMPLER_ARG=f"endpoint={proxy.endpoint},polling_interval=1",
        OTEL_TRACES_EXPORTER="none",
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["parent 1.0\n", "child 1.0\n"]
    proxy.rules = [rule(FixedRate=0.0)]
    assert process.communicate(timeout=60) == ("child 0.0\nparent 0.0\n", "")


def test_a_bad_argument_falls_back_to_the_preset(run_python: Run) -> None:
    done = run_python(
        """
from ananta_tracing.setup import init_tracing
from opentelemetry import trace
init_tracing("cns", environment="production", instrument="none")
print(trace.get_tracer_provider().sampler.get_description())
""",
        OTEL_TRACES_SAMPLER="xray",
        OTEL_TRACES_SAMPLER_ARG="0.1",
        OTEL_TRACES_EXPORTER="none",
    )
    assert done.stdout == "ParentBased{root:TraceIdRatioBased{0.1}}\n"
    assert done.stderr.count("\n") == 1
