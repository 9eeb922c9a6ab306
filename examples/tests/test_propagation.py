"""Whose trace it is: headers in every format, from outside, through the services, and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import DEVELOPMENT, new_domain, wait_for_trace
from .headers import FORMATS, listening, new_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.example import Example
    from stack.story import Story
    from stack.traces import Trace

    from .headers import Format, Listener

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def others() -> Iterator[Listener]:
    """The APIs of others, remembering headers."""
    with listening() as listener:
        yield listener


@pytest.fixture(scope="module", params=FORMATS)
def speaking(request: pytest.FixtureRequest, running: Example, others: Listener) -> Format:
    """The services, told to use one format alone."""
    spoken = FORMATS[request.param]
    run_services_speaking(running, others, spoken)
    return spoken


def run_services_speaking(running: Example, others: Listener, spoken: Format) -> None:
    told = {"OTEL_PROPAGATORS": spoken.propagators, **others.environment}
    running.run_services({**DEVELOPMENT, **told})


def test_baggage_and_vendor_state_reach_those_outside_through_a_workflow(
    running: Example, story: Story, others: Listener
) -> None:
    run_services_speaking(running, others, FORMATS["w3c"])
    trace_id, span_id = new_ids()
    headers = {
        **FORMATS["w3c"].write(trace_id, span_id),
        "tracestate": "vendor=1",
        "baggage": "campaign=autumn",
    }
    others.requests.clear()
    answer = story.create_tenant("Acme", "premium", new_domain(), headers)
    story.outcome(answer.body["workflow_id"])
    identity_and_dns = len(others.requests)
    created = story.create_bom(answer.body["tenant"]["id"], headers)
    story.enrich_bom(created.body["bom_id"], headers)
    distributor = len(others.requests) - identity_and_dns
    assert identity_and_dns == 2
    assert distributor > 0
    for request in others.requests:
        assert request["baggage"] == "campaign=autumn"
        assert request["tracestate"] == "vendor=1"


class TestFormats:
    def test_a_trace_from_outside_goes_through_node_temporal_and_python(
        self, running: Example, story: Story, others: Listener, speaking: Format
    ) -> None:
        trace_id, span_id = new_ids()
        domain = new_domain()
        headers = speaking.write(trace_id, span_id)
        others.requests.clear()
        answer = story.create_tenant("Acme", "premium", domain, headers)
        story.outcome(answer.body["workflow_id"])
        assert answer.trace_id == trace_id
        trace = wait_for_trace(running.platform_url, trace_id)
        assert [root.parent_id for root in trace.roots] == [span_id], trace.drawn()
        assert trace.services >= {
            "tenant-management-service",
            "orchestrator-service",
            "temporal-worker-service",
            "cns-service",
        }
        self.check_outgoing(others, speaking, trace)

    def test_a_trace_from_outside_goes_through_python_and_node(
        self, running: Example, story: Story, others: Listener, speaking: Format
    ) -> None:
        tenant = story.create_tenant("Acme", "premium", new_domain())
        story.outcome(tenant.body["workflow_id"])
        trace_id, span_id = new_ids()
        created = story.create_bom(tenant.body["tenant"]["id"], speaking.write(trace_id, span_id))
        trace = wait_for_trace(running.platform_url, trace_id)
        assert [root.parent_id for root in trace.roots] == [span_id], trace.drawn()
        assert trace.services == {"cns-service", "tenant-management-service"}

        trace_id, span_id = new_ids()
        others.requests.clear()
        story.enrich_bom(created.body["bom_id"], speaking.write(trace_id, span_id))
        trace = wait_for_trace(running.platform_url, trace_id)
        assert [root.parent_id for root in trace.roots] == [span_id], trace.drawn()
        assert trace.services == {"cns-service", "enrichment-service"}
        self.check_outgoing(others, speaking, trace)

    def check_outgoing(self, others: Listener, speaking: Format, trace: Trace) -> None:
        """What others were asked with names the spans of the requests."""
        clients = {span.span_id for span in trace.spans if span.kind == "client"}
        assert others.requests
        for headers in others.requests:
            assert speaking.read(headers)[0] == trace.trace_id
            assert speaking.read(headers)[1] in clients
