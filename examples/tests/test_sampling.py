"""How much is kept: by the preset of the environment, whole traces or none, and none lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stack.story import ask
from stack.traces import fetch_trace

from .conftest import new_domain
from .headers import new_ids

if TYPE_CHECKING:
    from stack.example import Example
    from stack.story import Story
    from stack.traces import Trace

pytestmark = pytest.mark.e2e

REQUESTS = 120
# What 120 draws give, but for once in a hundred thousand times.
EXPECTED = {"staging": range(30, 91), "production": range(1, 31)}
# Nothing is sent before the end: what is stored, SIGTERM has sent.
HELD_BACK = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}


def stored(example: Example, trace_ids: list[str]) -> list[Trace]:
    """Those of the traces that are kept."""
    assert len(set(trace_ids)) == len(trace_ids)
    found = [fetch_trace(example.platform_url, trace_id) for trace_id in trace_ids]
    return [trace for trace in found if trace is not None]


@pytest.mark.parametrize("environment", EXPECTED)
def test_the_preset_of_the_environment_keeps_its_share_of_whole_traces(
    running: Example, story: Story, environment: str
) -> None:
    asked = ["cns-service", "tenant-management-service"]
    running.run_services({"DEPLOYMENT_ENVIRONMENT": environment, **HELD_BACK}, only=asked)
    begun_in_python, begun_in_node = [], []
    for _ in range(REQUESTS):
        begun_in_python.append(story.create_bom("nobody").trace_id)
        begun_in_node.append(ask("GET", f"{story.tenant_management}/tenants/nobody").trace_id)
    kept_outside = [ask_within_trace(story, "01") for _ in range(10)]
    dropped_outside = [ask_within_trace(story, "00") for _ in range(10)]
    running.stop_services()

    for trace in (from_python := stored(running, begun_in_python)):
        assert [(span.service, span.name) for span in trace.spans if span.kind == "server"] == [
            ("cns-service", "POST /boms"),
            ("tenant-management-service", "GET /tenants/:id"),
        ]
        assert len(trace.roots) == 1
    assert len(from_python) in EXPECTED[environment]
    assert len(stored(running, begun_in_node)) in EXPECTED[environment]
    # A decision from outside is followed.
    assert len(stored(running, kept_outside)) == len(kept_outside)
    assert stored(running, dropped_outside) == []


def ask_within_trace(story: Story, flags: str) -> str:
    """A request within a trace from outside that is kept (01) or dropped (00); its id."""
    trace_id, span_id = new_ids()
    headers = {"traceparent": f"00-{trace_id}-{span_id}-{flags}"}
    assert story.create_bom("nobody", headers).trace_id == trace_id
    return trace_id


def test_nothing_that_has_ended_is_lost_when_the_services_end(
    running: Example, story: Story
) -> None:
    running.run_services(HELD_BACK)
    domain = new_domain()
    answer = story.create_tenant("Acme", "premium", domain)
    story.outcome(answer.body["workflow_id"])
    assert fetch_trace(running.platform_url, answer.trace_id) is None
    codes = running.stop_services()
    [trace] = stored(running, [answer.trace_id])
    assert len(trace.roots) == 1, trace.drawn()
    assert len(trace.services) == 4
    # A service that handles SIGTERM ends well; uvicorn raises the signal again when it is done.
    assert set(codes.values()) <= {0, -15}
    assert codes["temporal-worker-service"] == codes["tenant-management-service"] == 0
