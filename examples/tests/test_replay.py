"""A worker that crashes within a workflow: the next one replays it, and the trace shows it once."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from stack.traces import fetch_trace

from .conftest import DEVELOPMENT, new_domain, wait_for_trace
from .headers import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.example import Example
    from stack.story import Story

pytestmark = pytest.mark.e2e

WORKER = "temporal-worker-service"
FIRST_ACTIVITY = {"RunActivity:setTenantStatus", "StartActivity:setTenantStatus"}


def test_a_replayed_workflow_makes_no_span_twice(running: Example, story: Story) -> None:
    with listening() as others:
        running.run_services({**DEVELOPMENT, **others.environment})
        others.answers.clear()
        answer = story.create_tenant("Acme", "premium", new_domain())
        # The second activity is at work, the first one is history.
        wait_until(lambda: bool(others.requests))
        # A crash loses what has not left the process; the first activity's spans have.
        wait_until(lambda: have_ended(running, answer.trace_id, FIRST_ACTIVITY))
        running.crash(WORKER)
        others.answers.set()
        outcome = story.outcome(answer.body["workflow_id"]).body
    assert outcome["status"] == "completed"
    trace = wait_for_trace(running.platform_url, answer.trace_id)
    assert len(trace.roots) == 1, trace.drawn()
    assert len({span.span_id for span in trace.spans}) == len(trace.spans)
    made = Counter(span.name for span in trace.spans if span.service == WORKER)
    assert made["RunWorkflow:tenantProvisioning"] == 1
    assert made["StartActivity:setTenantStatus"] == 2
    assert made["StartActivity:createIdentity"] == 1
    assert made["RunActivity:setTenantStatus"] == 2
    assert made["RunActivity:createIdentity"] == 1  # the one that crashed had not ended


def have_ended(example: Example, trace_id: str, names: set[str]) -> bool:
    """Have spans of all these names arrived?"""
    trace = fetch_trace(example.platform_url, trace_id)
    return trace is not None and names <= {span.name for span in trace.spans}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
