"""The traces of the example, as they are stored after having crossed every service."""

from __future__ import annotations

import hashlib
import json
import secrets
import urllib.request
from typing import TYPE_CHECKING

import pytest
from stack.traces import fetch_trace, wait_for_trace

from .headers import new_ids

if TYPE_CHECKING:
    from stack.example import Example
    from stack.story import Answer, Story
    from stack.traces import Span, Trace

pytestmark = pytest.mark.e2e

TENANT_MANAGEMENT = "tenant-management-service"
ORCHESTRATOR = "orchestrator-service"
WORKER = "temporal-worker-service"
CNS = "cns-service"
ENRICHMENT = "enrichment-service"


def new_domain(below: str = "example.com") -> str:
    return f"{secrets.token_hex(4)}.{below}"


def only(trace: Trace, service: str, name: str) -> Span:
    """The one span of this service with this name."""
    found = trace.find(service, name)
    assert len(found) == 1, f"{len(found)} spans {service}: {name} in\n{trace.drawn()}"
    return found[0]


def ancestors(trace: Trace, span: Span) -> list[str]:
    """The spans above one, as `service: name`, the nearest first."""
    known = {each.span_id: each for each in trace.spans}
    above = []
    while (parent := known.get(span.parent_id or "")) is not None:
        above.append(f"{parent.service}: {parent.name}")
        span = parent
    return above


@pytest.fixture
def provisioned(example: Example, story: Story) -> Trace:
    answer = story.create_tenant("Acme", "premium", new_domain())
    assert story.outcome(answer.body["workflow_id"]).body["status"] == "completed"
    return wait_for_trace(example.platform_url, answer.trace_id)


@pytest.fixture
def refused(example: Example, story: Story) -> Trace:
    answer = story.create_tenant("Nowhere", "standard", new_domain("invalid"))
    outcome = story.outcome(answer.body["workflow_id"]).body
    assert outcome["status"] == "failed"
    assert "cannot be registered" in outcome["reason"]
    return wait_for_trace(example.platform_url, answer.trace_id)


class TestProvisioning:
    def test_is_one_tree_through_every_service(self, provisioned: Trace) -> None:
        print(provisioned.drawn())
        assert len(provisioned.roots) == 1, provisioned.drawn()


class TestBom:
    def test_x(self, example: Example, story: Story) -> None:
        tenant = story.create_tenant("Acme", "premium", new_domain()).body["tenant"]
        bom = story.create_bom(tenant["id"])
        print(wait_for_trace(example.platform_url, bom.trace_id).drawn())
        for _ in range(2):
            answer = story.enrich_bom(bom.body["bom_id"])
            print(wait_for_trace(example.platform_url, answer.trace_id).drawn())
