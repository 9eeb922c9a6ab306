"""The traces of the example, as they are stored after having crossed every service."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stack.story import ask

from .conftest import new_domain, wait_for_trace

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
EVERY_SERVICE = {TENANT_MANAGEMENT, ORCHESTRATOR, WORKER, CNS, ENRICHMENT}

# Connections of a pool are no calls of the application.
CONNECTING = {"connect", "pg-pool.connect"}

PROVISIONED = """
tenant-management-service: POST /tenants [server]
  tenant-management-service: provision_tenant [internal]
    tenant-management-service: POST [client]
      orchestrator-service: POST /workflows/tenant-provisioning [server]
        orchestrator-service: StartWorkflow:tenantProvisioning [internal]
          temporal-worker-service: RunWorkflow:tenantProvisioning [internal]
            temporal-worker-service: StartActivity:configureDns [internal]
              temporal-worker-service: RunActivity:configureDns [internal]
                temporal-worker-service: POST [client]
            temporal-worker-service: StartActivity:createIdentity [internal]
              temporal-worker-service: RunActivity:createIdentity [internal]
                temporal-worker-service: POST [client]
              temporal-worker-service: RunActivity:createIdentity [internal] ERROR
                temporal-worker-service: POST [client] ERROR
            temporal-worker-service: StartActivity:prepareCatalog [internal]
              temporal-worker-service: RunActivity:prepareCatalog [internal]
                temporal-worker-service: PUT [client]
                  cns-service: PUT /tenants/{tenant_id}/catalog [server]
                    cns-service: INSERT [client]
            temporal-worker-service: StartActivity:setTenantStatus [internal]
              temporal-worker-service: RunActivity:setTenantStatus [internal]
                temporal-worker-service: PUT [client]
                  tenant-management-service: PUT /tenants/:id/status [server]
                    tenant-management-service: pg.query:UPDATE tenants [client]
                    tenant-management-service: redis-DEL [client]
            temporal-worker-service: StartActivity:setTenantStatus [internal]
              temporal-worker-service: RunActivity:setTenantStatus [internal]
                temporal-worker-service: PUT [client]
                  tenant-management-service: PUT /tenants/:id/status [server]
                    tenant-management-service: pg.query:UPDATE tenants [client]
                    tenant-management-service: redis-DEL [client]
    tenant-management-service: pg.query:INSERT tenants [client]
"""

BOM_STORED = """
cns-service: POST /boms [server]
  cns-service: GET [client]
    tenant-management-service: GET /tenants/:id [server]
      tenant-management-service: pg.query:SELECT tenants [client]
      tenant-management-service: redis-GET [client]
      tenant-management-service: redis-SETEX [client]
  cns-service: INSERT [client]
  cns-service: INSERT [client]
"""

COMPONENT_ASKED_FOR = """
cns-service: enrich_component [internal]
  cns-service: GET [client]
    enrichment-service: GET /components/{mpn} [server]
      enrichment-service: INSERT [client]
      enrichment-service: SELECT [client]
      enrichment-service: ask_distributor [internal]
        enrichment-service: attempt [internal]
          enrichment-service: GET [client]
"""

COMPONENT_STORED = """
cns-service: enrich_component [internal]
  cns-service: GET [client]
    enrichment-service: GET /components/{mpn} [server]
      enrichment-service: SELECT [client]
"""

COMPONENT_UNKNOWN = """
cns-service: enrich_component [internal]
  cns-service: GET [client] ERROR
    enrichment-service: GET /components/{mpn} [server]
      enrichment-service: SELECT [client]
      enrichment-service: ask_distributor [internal]
        enrichment-service: attempt [internal]
          enrichment-service: GET [client] ERROR
"""

COMPONENT_FAILED = """
cns-service: enrich_component [internal] ERROR
  cns-service: GET [client] ERROR
    enrichment-service: GET /components/{mpn} [server] ERROR
      enrichment-service: SELECT [client]
      enrichment-service: ask_distributor [internal] ERROR
        enrichment-service: attempt [internal]
          enrichment-service: GET [client] ERROR
        enrichment-service: attempt [internal]
          enrichment-service: GET [client] ERROR
"""


def shape(span: Span) -> str:
    """The tree below a span as text, siblings in the order of their text: clocks differ."""
    line = f"{span.service}: {span.name} [{span.kind}]{' ERROR' if span.is_error else ''}"
    below = sorted(shape(child) for child in span.children if child.name not in CONNECTING)
    indented = ["  " + text.replace("\n", "\n  ") for text in below]
    return "\n".join([line, *indented])


def only(trace: Trace, service: str, name: str) -> Span:
    """The one span of this service with this name."""
    found = trace.find(service, name)
    assert len(found) == 1, f"{len(found)} spans {service}: {name} in\n{trace.drawn()}"
    return found[0]


@dataclass(frozen=True)
class Provisioning:
    """What was asked for, what came of it, and the trace."""

    tenant: dict[str, Any]
    outcome: dict[str, Any]
    trace: Trace


def provision(example: Example, story: Story, domain: str) -> Provisioning:
    answer = story.create_tenant("Acme", "premium", domain)
    outcome = story.outcome(answer.body["workflow_id"]).body
    trace = wait_for_trace(example.platform_url, answer.trace_id)
    return Provisioning(answer.body["tenant"], outcome, trace)


@pytest.fixture(scope="module")
def provisioned(example: Example, story: Story) -> Provisioning:
    return provision(example, story, new_domain())


@pytest.fixture(scope="module")
def refused(example: Example, story: Story) -> Provisioning:
    return provision(example, story, new_domain("invalid"))


@pytest.fixture(scope="module")
def bom(story: Story, provisioned: Provisioning) -> Answer:
    return story.create_bom(provisioned.tenant["id"])


@pytest.fixture(scope="module")
def enriched(example: Example, story: Story, bom: Answer) -> Trace:
    answer = story.enrich_bom(bom.body["bom_id"])
    assert answer.body == {
        "bom_id": bom.body["bom_id"],
        "matched_count": 4,
        "unmatched_count": 1,
        "failed_count": 1,
    }
    return wait_for_trace(example.platform_url, answer.trace_id)


class TestProvisioning:
    def test_is_one_tree_from_node_through_temporal_and_python_to_the_database(
        self, provisioned: Provisioning
    ) -> None:
        assert [shape(root) for root in provisioned.trace.roots] == [PROVISIONED.strip()]
        assert provisioned.outcome["status"] == "completed"
        assert provisioned.outcome["result"]["catalog_size"] == 6

    def test_names_the_business_and_its_milestones(self, provisioned: Provisioning) -> None:
        trace, workflow_id = provisioned.trace, provisioned.outcome["workflow_id"]
        provision = only(trace, TENANT_MANAGEMENT, "provision_tenant")
        assert provision.attributes["tenant.id"] == provisioned.tenant["id"]
        assert provision.attributes["tenant.tier"] == "premium"
        assert provision.attributes["tenant.operation"] == "provision"
        assert provision.attributes["workflow.id"] == workflow_id
        assert provision.event_names() == ["tenant_created", "provisioning_started"]

        workflow = only(trace, WORKER, "RunWorkflow:tenantProvisioning")
        assert workflow.attributes["workflow.id"] == workflow_id
        assert workflow.attributes["workflow.type"] == "tenantProvisioning"

        attempts = trace.find(WORKER, "RunActivity:createIdentity")
        assert [span.attributes["activity.attempt"] for span in attempts] == [1, 2]
        assert attempts[0].event_names() == ["exception"]
        assert "answered 503" in attempts[0].attributes["otel.status_description"]
        assert attempts[1].event_names() == ["keycloak_user_created"]
        assert only(trace, WORKER, "RunActivity:configureDns").event_names() == ["dns_configured"]
        last = trace.find(WORKER, "RunActivity:setTenantStatus")[-1]
        assert last.event_names() == ["provisioning_complete"]

        catalog = only(trace, CNS, "PUT /tenants/{tenant_id}/catalog")
        assert catalog.attributes["tenant.tier"] == "premium"
        assert catalog.event_names() == ["catalog_created"]

    def test_uses_the_stable_conventions_and_says_where_it_ran(
        self, provisioned: Provisioning
    ) -> None:
        trace = provisioned.trace
        assert trace.services == EVERY_SERVICE - {ENRICHMENT}
        for span in trace.spans:
            assert span.resource["deployment.environment.name"] == "development"
            assert span.resource["service.version"] == "1.0.0"
        served = trace.roots[0].attributes
        assert served["http.request.method"] == "POST"
        assert served["http.response.status_code"] == 202
        assert served["http.route"] == "/tenants"
        stored = only(trace, CNS, "INSERT").attributes
        assert (stored["db.system.name"], stored["db.namespace"]) == ("postgresql", "cns")

    def test_is_undone_when_a_step_is_refused(self, story: Story, refused: Provisioning) -> None:
        trace = refused.trace
        assert len(trace.roots) == 1
        assert refused.outcome["status"] == "failed"
        assert "cannot be registered" in refused.outcome["reason"]

        step = only(trace, WORKER, "RunActivity:configureDns")
        assert step.is_error
        assert "cannot be registered" in step.attributes["otel.status_description"]
        assert only(trace, WORKER, "RunWorkflow:tenantProvisioning").is_error
        undone = only(trace, WORKER, "RunActivity:deleteIdentity")
        assert undone.event_names() == ["keycloak_user_deleted"]
        assert not trace.find(WORKER, "RunActivity:prepareCatalog")
        # Whoever asked was answered long before, and nothing was wrong with that.
        asked = {TENANT_MANAGEMENT, ORCHESTRATOR}
        assert not [span for span in trace.spans if span.service in asked and span.is_error]
        tenant = ask("GET", f"{story.tenant_management}/tenants/{refused.tenant['id']}")
        assert tenant.body["status"] == "failed"

    def test_what_a_caller_did_wrong_is_no_error_of_the_service(
        self, example: Example, story: Story, provisioned: Provisioning
    ) -> None:
        taken = story.create_tenant("Other", "premium", provisioned.tenant["domain"])
        wrong = story.create_tenant("Acme", "golden", new_domain())
        assert (taken.status, wrong.status) == (409, 400)
        for answer in (taken, wrong):
            trace = wait_for_trace(example.platform_url, answer.trace_id)
            assert not [span for span in trace.spans if span.is_error], trace.drawn()


class TestBom:
    def test_is_stored_for_a_tenant_that_another_service_knows(
        self, example: Example, bom: Answer, provisioned: Provisioning
    ) -> None:
        trace = wait_for_trace(example.platform_url, bom.trace_id)
        assert [shape(root) for root in trace.roots] == [BOM_STORED.strip()]
        assert trace.roots[0].attributes["tenant.id"] == provisioned.tenant["id"]
        assert trace.roots[0].attributes["bom.line_count"] == 6
        assert trace.roots[0].event_names() == ["bom_created"]

    def test_each_component_is_a_tree_of_its_own_kind(
        self, example: Example, story: Story, bom: Answer, enriched: Trace
    ) -> None:
        assert len(enriched.roots) == 1
        assert components(enriched) == {
            "RC0603FR-0710KL": COMPONENT_ASKED_FOR.strip(),
            "GRM188R71H104KA93D": COMPONENT_ASKED_FOR.strip(),
            "STM32F407VGT6": COMPONENT_ASKED_FOR.strip(),
            "SLOW-TPS62130RGTR": COMPONENT_ASKED_FOR.strip(),
            "UNKNOWN-4711": COMPONENT_UNKNOWN.strip(),
            "FLAKY-LM358DR": COMPONENT_FAILED.strip(),
        }
        answer = story.enrich_bom(bom.body["bom_id"])
        again = components(wait_for_trace(example.platform_url, answer.trace_id))
        assert again["STM32F407VGT6"] == COMPONENT_STORED.strip()
        assert again["UNKNOWN-4711"] == COMPONENT_UNKNOWN.strip()

    def test_a_line_that_fails_does_not_fail_the_others(self, enriched: Trace) -> None:
        lines = only(enriched, CNS, "enrich_lines")
        assert not lines.is_error
        assert lines.attributes["enrichment.matched"] == 4
        assert lines.attributes["enrichment.failed"] == 1
        assert lines.event_names() == ["line_failed"]
        assert enriched.roots[0].event_names() == ["enrichment_complete"]
        [failed] = [s for s in enriched.find(CNS, "enrich_component") if s.is_error]
        assert failed.attributes["component.mpn"] == "FLAKY-LM358DR"
        assert failed.event_names() == ["exception"]
        assert failed.events[0]["exception.type"].endswith("ServiceFailedError")


def components(trace: Trace) -> dict[str, str]:
    """The shape of each component's tree, by the component's number."""
    spans = trace.find(CNS, "enrich_component")
    return {span.attributes["component.mpn"]: shape(span) for span in spans}


class TestLogs:
    def test_records_carry_the_trace_they_belong_to(
        self, example: Example, provisioned: Provisioning, enriched: Trace
    ) -> None:
        python = example.log(CNS).read_text()
        assert f"trace_id={enriched.trace_id} line 6 of" in python
        lines = example.log(WORKER).read_text().splitlines()
        node = [json.loads(line) for line in lines if line.startswith('{"level"')]
        told = [each for each in node if each.get("trace_id") == provisioned.trace.trace_id]
        assert "answered 503" in told[0]["msg"]


class TestPrivacy:
    def test_the_collector_stores_no_personal_data_and_no_statements(
        self, example: Example, provisioned: Provisioning
    ) -> None:
        trace_id, email = provisioned.trace.trace_id, provisioned.tenant["admin_email"]
        stored = json.dumps(ask("GET", f"{example.platform_url}/api/traces/{trace_id}").body)
        provision = only(provisioned.trace, TENANT_MANAGEMENT, "provision_tenant")
        assert provision.attributes["user.email"] == hashlib.sha256(email.encode()).hexdigest()
        assert email not in stored
        assert "INSERT INTO" not in stored
        assert "db.query.text" not in stored

    def test_headers_with_secrets_are_not_stored(self, example: Example, story: Story) -> None:
        headers = {"authorization": "Bearer s3cr3t", "cookie": "sid=s3cr3t", "priority": "u=1"}
        answers = [
            story.create_tenant("Acme", "premium", new_domain(), headers),
            story.create_bom("nobody", headers),
        ]
        for answer in answers:
            trace = wait_for_trace(example.platform_url, answer.trace_id)
            attributes = trace.roots[0].attributes
            assert "u=1" in attributes["http.request.header.priority"]
            assert "http.request.header.authorization" not in attributes
            assert "http.request.header.cookie" not in attributes
            assert "s3cr3t" not in str(trace)
