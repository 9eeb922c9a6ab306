"""The traces of the example, as they are stored after having crossed every service."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from stack.traces import wait_for_trace

if TYPE_CHECKING:
    from stack.example import Example
    from stack.story import Answer
    from stack.traces import Span, Trace

pytestmark = pytest.mark.e2e

TENANT_MANAGEMENT = "tenant-management-service"
ORCHESTRATOR = "orchestrator-service"
WORKER = "temporal-worker-service"
CNS = "cns-service"
ENRICHMENT = "enrichment-service"


@pytest.fixture(scope="module")
def provisioned(running: Example) -> Answer:
    from stack.story import Story

    story = Story(running.ports)
    answer = story.create_tenant("Acme", "premium", f"{secrets.token_hex(4)}.example.com")
    assert story.outcome(answer.body["workflow_id"]).body["status"] == "completed"
    return answer


def only(trace: Trace, service: str, name: str) -> Span:
    """The one span of this service with this name."""
    found = trace.find(service, name)
    assert len(found) == 1, f"{len(found)} spans {service}: {name} in\n{trace.drawn()}"
    return found[0]


class TestProvisioning:
    def test_crosses_node_temporal_python_and_the_database_in_one_tree(
        self, example: Example, provisioned: Answer
    ) -> None:
        trace = wait_for_trace(example.platform_url, provisioned.trace_id)
        print(trace.drawn())
