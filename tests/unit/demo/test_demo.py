"""What the demo tells: the same for a seed, and with everything a tracing system should show."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from ananta.demo import scenarios
from ananta.demo.run import Plan, play, slow_hour
from ananta.demo.services import Platform
from ananta.demo.story import Story

if TYPE_CHECKING:
    import pytest

HOUR_NANOS = 3600 * 10**9


def told(scenario, seeds=range(1), slowness=1.0):
    """The spans of a scenario, told once for each seed."""
    exporter = InMemorySpanExporter()
    platform = Platform(exporter, seed=7)
    for seed in seeds:
        scenario(Story(platform, random.Random(seed), 10**18, slowness))
    platform.close()
    return exporter.get_finished_spans()


def service(span):
    return span.resource.attributes["service.name"]


def test_provisioning_a_tenant_takes_five_services_and_goes_on_in_a_linked_trace():
    spans = told(scenarios.provision_tenant)
    roots = [span for span in spans if span.parent is None]
    request = next(span for span in roots if span.name == "POST /v1/tenants")
    within = [span for span in spans if span.context.trace_id == request.context.trace_id]
    assert len({service(span) for span in within}) >= 5
    workflow = next(span for span in roots if span.kind is SpanKind.CONSUMER)
    sent = next(span for span in within if span.kind is SpanKind.PRODUCER)
    assert [link.context for link in workflow.links] == [sent.context]
    assert workflow.context.trace_id != request.context.trace_id


def test_children_lie_within_their_parents_but_for_clock_skew():
    spans = told(scenarios.enrich_bom, range(5))
    by_id = {(span.context.trace_id, span.context.span_id): span for span in spans}
    skewed = 0
    for span in spans:
        if span.parent is None:
            continue
        parent = by_id[span.parent.trace_id, span.parent.span_id]
        inside = parent.start_time <= span.start_time and span.end_time <= parent.end_time
        assert inside or "enrichment-service" in {service(span), service(parent)}
        skewed += not inside
    assert skewed


def test_events_happen_while_their_span_is_open():
    spans = [*told(scenarios.enrich_bom, range(200)), *told(scenarios.provision_tenant, [1], 14.0)]
    happened = {event.name for span in spans for event in span.events}
    assert happened == {"retry", "exception", "db.client.connection.wait"}
    for span in spans:
        assert all(span.start_time <= each.timestamp <= span.end_time for each in span.events)


def test_names_of_spans_are_few_whatever_the_tenants():
    for scenario in scenarios.SCENARIOS:
        few, many = (
            {(service(span), span.name) for span in told(scenario, range(stories))}
            for stories in (60, 100)
        )
        assert few == many
        assert not any(character.isdigit() for _, name in many for character in route(name))


def route(name):
    """A name without the version of the interface, the one number that belongs there."""
    return name.replace("/v1/", "/")


def test_failing_suppliers_are_asked_again_and_leave_a_stack_trace():
    spans = told(scenarios.enrich_bom, range(200))
    again = [span for span in spans if "http.request.resend_count" in span.attributes]
    assert again
    failed = [span for span in spans if span.status.status_code is StatusCode.ERROR]
    stacks = [
        event.attributes["exception.stacktrace"]
        for span in failed
        for event in span.events
        if event.name == "exception"
    ]
    assert stacks
    assert all("DependencyError" in stack for stack in stacks)


def test_a_slow_database_shows_in_its_statements():
    def longest(slowness):
        spans = told(scenarios.provision_tenant, range(20), slowness)
        statements = [s for s in spans if s.attributes.get("db.system.name") == "postgresql"]
        return sorted(s.end_time - s.start_time for s in statements)[len(statements) // 2]

    assert longest(14.0) > 5 * longest(1.0)


def test_one_trace_has_ten_thousand_spans():
    spans = told(scenarios.rebuild_index)
    assert len(spans) == 10_000
    assert len({span.context.trace_id for span in spans}) == 1


def test_the_slow_hour_is_an_hour_of_a_long_past_and_a_sixth_of_a_short_one():
    long = slow_hour(0, 12 * HOUR_NANOS)
    assert (long.start, long.stop) == (6 * HOUR_NANOS, 7 * HOUR_NANOS)
    assert len(slow_hour(0, 60)) == 10


def test_the_same_seed_tells_the_same_stories(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time, "time_ns", lambda: 2 * 10**18)

    def spans(seed):
        exporter = InMemorySpanExporter()
        play(Plan(600, 1, 0, seed), exporter, lambda *_: None)
        return [
            (s.name, s.context, s.start_time, s.end_time) for s in exporter.get_finished_spans()
        ]

    first = spans(3)
    assert first == spans(3)
    assert first != spans(4)


def test_the_past_from_its_end_and_the_present_are_told_with_progress():
    begun = time.time_ns()
    exporter = InMemorySpanExporter()
    progress = []
    outcome = play(
        Plan(3600, 50, 0.3, 1), exporter, lambda part, share: progress.append((part, share))
    )
    assert outcome.delivered == len(exporter.get_finished_spans())
    assert outcome.lost == 0
    assert ("past", 1.0) in progress
    assert progress[-1] == ("live", 1.0)
    spans = exporter.get_finished_spans()
    ends = [span.end_time or 0 for span in spans]
    assert ends[len(ends) // 2] < begun - HOUR_NANOS // 6 < ends[0]
    names = Counter(span.name for span in spans)
    assert {"GET /v1/tenants/{tenant_id}", "POST /v1/boms/{bom_id}/enrich"} <= names.keys()


def test_what_is_not_taken_is_counted():
    class Refusing(SpanExporter):
        def export(self, spans):
            return SpanExportResult.FAILURE

    outcome = play(Plan(0, 100, 0.1, 1), Refusing(), lambda *_: None)
    assert outcome.delivered == 0
    assert outcome.lost > 0
