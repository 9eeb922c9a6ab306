"""What the platform does: each scenario is one or more traces that belong together.

`SCENARIOS` says how often each happens; `rebuild_index` is the one trace of 10,000 spans.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from ananta.demo import calls
from ananta.demo.story import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.trace import SpanContext
    from opentelemetry.util.types import AttributeValue

    from ananta.demo.story import Story

_SUPPLIERS = {"api.octopart.example": 0.04, "parts.mouser.example": 0.02, "api.lcsc.example": 0.3}
_TENANTS = 40
_INDEX_SPANS = 10_000


def _tenant(story: Story) -> str:
    """A few tenants do most of what is done."""
    return str(12345 + int(_TENANTS * story.chance.random() ** 2.5))


def provision_tenant(story: Story) -> None:
    """A tenant is created: five services, and a workflow that goes on without the user."""
    tenant = _tenant(story)
    asked: dict[str, str] = {
        "tenant.id": tenant,
        "tenant.plan": story.chance.choice(["team", "business", "trial"]),
    }
    messages = []
    with (
        contextlib.suppress(DependencyError),
        calls.request(story, "api-gateway", "POST", "/v1/tenants", "/v1/tenants", asked),
    ):
        with story.span("api-gateway", "authenticate", attributes={"auth.method": "oidc"}):
            story.spend(0.5, 4)
        with calls.call(
            story, "api-gateway", "tenant-management", "POST", "/tenants", "/tenants", **asked
        ):
            with story.span("tenant-management", "validate tenant"):
                story.spend(0.3, 2)
                calls.statement(
                    story,
                    "tenant-management",
                    "SELECT",
                    "tenants",
                    "SELECT id FROM tenants WHERE slug = $1",
                    4,
                )
            calls.statement(
                story,
                "tenant-management",
                "INSERT",
                "tenants",
                "INSERT INTO tenants (id, slug, plan) VALUES ($1, $2, $3)",
            )
            story.at_once(
                [
                    partial(_create_namespace, story, tenant),
                    partial(_start_billing, story, tenant),
                ]
            )
            with calls.call(
                story,
                "tenant-management",
                "orchestrator",
                "POST",
                "/workflows/{name}",
                "/workflows/tenant-onboarding",
                **{"tenant.id": tenant, "workflow.id": f"tenant-onboarding-{tenant}"},
            ):
                calls.statement(
                    story,
                    "orchestrator",
                    "INSERT",
                    "workflow_runs",
                    "INSERT INTO workflow_runs (id, name, state) VALUES ($1, $2, 'started')",
                )
                messages.append(
                    calls.publish(story, "orchestrator", "workflow.tasks", f"tenant-{tenant}")
                )
    if messages:
        _onboard(story.later(after_ms=story.chance.uniform(20, 400)), tenant, messages)


def _create_namespace(story: Story, tenant: str) -> None:
    with calls.call(
        story,
        "tenant-management",
        "cns-service",
        "POST",
        "/namespaces",
        "/namespaces",
        **{"tenant.id": tenant},
    ):
        calls.cache(story, "cns-service", f"namespace:{tenant}", hit=False)
        for table in ("namespaces", "part_numbers", "aliases"):
            calls.statement(
                story,
                "cns-service",
                "CREATE TABLE",
                table,
                f"CREATE TABLE tenant_{tenant}.{table} (LIKE template.{table} INCLUDING ALL)",
                25,
                namespace=f"ananta|tenant_{tenant}",
            )


def _start_billing(story: Story, tenant: str) -> None:
    with calls.call(
        story,
        "tenant-management",
        "billing-service",
        "POST",
        "/accounts",
        "/accounts",
        **{"tenant.id": tenant},
    ):
        calls.supplier(
            story, "billing-service", "api.stripe.example", "/v1/customers", failing=0.01
        )


def _onboard(story: Story, tenant: str, messages: Sequence[SpanContext]) -> None:
    """The workflow: activities one after the other, each tried again when it fails."""
    with (
        contextlib.suppress(DependencyError),
        calls.consume(story, "temporal-worker", "workflow.tasks", messages),
        story.span(
            "temporal-worker",
            "RunWorkflow:TenantOnboarding",
            attributes={
                "temporal.workflow.type": "TenantOnboarding",
                "temporal.workflow.id": f"tenant-onboarding-{tenant}",
                "tenant.id": tenant,
            },
        ),
    ):
        for activity, failing in (
            ("SeedCatalog", 0.03),
            ("InviteAdministrators", 0.05),
            ("PublishWelcome", 0.0),
        ):
            _activity(story, activity, tenant, failing)


def _activity(story: Story, name: str, tenant: str, failing: float) -> None:
    for attempt in range(1, 4):
        told: dict[str, AttributeValue] = {
            "temporal.activity.type": name,
            "temporal.activity.attempt": attempt,
            "tenant.id": tenant,
        }
        try:
            with story.span("temporal-worker", f"RunActivity:{name}", attributes=told):
                story.spend(2, 40)
                if name == "SeedCatalog":
                    calls.statement(
                        story,
                        "temporal-worker",
                        "INSERT",
                        "catalog_items",
                        "INSERT INTO catalog_items SELECT * FROM default_catalog",
                        60,
                    )
                else:
                    with calls.call(
                        story,
                        "temporal-worker",
                        "notification-service",
                        "POST",
                        "/messages",
                        "/messages",
                        **{"tenant.id": tenant, "message.template": name},
                    ):
                        story.spend(3, 25)
                if story.likely(failing):
                    message = f"{name}: connection to smtp.ananta.svc:587 was reset by the peer"
                    raise DependencyError(message)
        except DependencyError:
            if attempt == 3:
                raise
            story.wait(1000 * 2 ** (attempt - 1))
        else:
            return


def enrich_bom(story: Story) -> None:
    """A bill of materials is enriched: its lines are looked up part by part."""
    tenant = _tenant(story)
    bom = f"{story.chance.getrandbits(32):08x}"
    lines = story.chance.choice([6, 8, 12, 12, 20, 35])
    asked: dict[str, AttributeValue] = {
        "tenant.id": tenant,
        "bom.id": bom,
        "bom.lines": lines,
    }
    done = None
    with (
        contextlib.suppress(DependencyError),
        calls.request(
            story,
            "api-gateway",
            "POST",
            "/v1/boms/{bom_id}/enrich",
            f"/v1/boms/{bom}/enrich",
            asked,
        ),
        calls.call(
            story,
            "api-gateway",
            "enrichment-service",
            "POST",
            "/boms/{bom_id}/enrich",
            f"/boms/{bom}/enrich",
            **{"tenant.id": tenant, "bom.id": bom},
        ),
    ):
        with story.span("enrichment-service", "parse bom", attributes={"bom.lines": lines}):
            story.spend(2, 30)
        for number in range(lines):
            _resolve_part(story, tenant, number)
        with story.span("enrichment-service", "ask suppliers", attributes={"bom.lines": lines}):
            story.at_once(
                [
                    partial(
                        calls.supplier,
                        story,
                        "enrichment-service",
                        host,
                        f"/v4/parts?bom={bom}",
                        failing=failing,
                    )
                    for host, failing in _SUPPLIERS.items()
                ]
            )
        calls.statement(
            story,
            "enrichment-service",
            "INSERT",
            "bom_lines",
            f"INSERT INTO bom_lines (bom_id, line, mpn, price) VALUES {'($1, $2, $3, $4), ' * 3}…",
            40,
        )
        done = calls.publish(story, "enrichment-service", "bom.enriched", bom)
    if done is not None:
        after = story.later(after_ms=story.chance.uniform(5, 60))
        with (
            contextlib.suppress(DependencyError),
            calls.consume(after, "notification-service", "bom.enriched", [done]),
        ):
            after.spend(1, 10)


def _resolve_part(story: Story, tenant: str, number: int) -> None:
    """One look-up a line: the N+1 calls a trace makes visible."""
    mpn = f"{story.chance.choice('ABCDEF')}{story.chance.randrange(900):03d}-{number:02d}"
    with calls.call(
        story,
        "enrichment-service",
        "cns-service",
        "GET",
        "/parts/{mpn}",
        f"/parts/{mpn}",
        **{"tenant.id": tenant, "part.mpn": mpn},
    ):
        hit = story.likely(0.6)
        calls.cache(story, "cns-service", f"part:{mpn}", hit=hit)
        if not hit:
            calls.statement(
                story,
                "cns-service",
                "SELECT",
                "part_numbers",
                "SELECT * FROM part_numbers WHERE mpn = $1 AND tenant_id = $2",
                9,
            )


def read_tenant(story: Story) -> None:
    """Somebody looks at a tenant: short, frequent, mostly from the cache."""
    tenant = _tenant(story)
    with (
        contextlib.suppress(DependencyError),
        calls.request(
            story,
            "api-gateway",
            "GET",
            "/v1/tenants/{tenant_id}",
            f"/v1/tenants/{tenant}",
            {"tenant.id": tenant, "user_agent.original": "ananta-web/5.2"},
        ),
        calls.call(
            story,
            "api-gateway",
            "tenant-management",
            "GET",
            "/tenants/{tenant_id}",
            f"/tenants/{tenant}",
            **{"tenant.id": tenant},
        ),
    ):
        hit = story.likely(0.85)
        calls.cache(story, "tenant-management", f"tenant:{tenant}", hit=hit)
        if not hit:
            calls.statement(
                story,
                "tenant-management",
                "SELECT",
                "tenants",
                "SELECT * FROM tenants WHERE id = $1",
                6,
            )


def bill_usage(story: Story) -> None:
    """A background workflow on a timer: usage is gathered and billed."""
    attributes = {"temporal.workflow.type": "UsageBilling", "temporal.schedule.id": "hourly-usage"}
    with (
        contextlib.suppress(DependencyError),
        story.span("temporal-worker", "RunWorkflow:UsageBilling", attributes=attributes),
    ):
        story.spend(5, 60)
        for _ in range(story.chance.randrange(3, 9)):
            tenant = _tenant(story)
            with (
                contextlib.suppress(DependencyError),
                calls.call(
                    story,
                    "temporal-worker",
                    "billing-service",
                    "POST",
                    "/usage",
                    "/usage",
                    **{"tenant.id": tenant},
                ),
            ):
                calls.statement(
                    story,
                    "billing-service",
                    "SELECT",
                    "usage_events",
                    "SELECT sum(units) FROM usage_events WHERE tenant_id = $1 AND hour = $2",
                    80,
                )
                if story.likely(0.03):
                    message = f"no price is set for the plan of tenant {tenant}"
                    raise DependencyError(message)


def rebuild_index(story: Story) -> None:
    """The nightly rebuild of the search index: one trace of 10,000 spans."""
    root = {"temporal.workflow.type": "RebuildIndex", "index.name": "parts"}
    with story.span("orchestrator", "RunWorkflow:RebuildIndex", attributes=root):
        left = _INDEX_SPANS - 1
        shard = 0
        while left > 0:
            parts = min(left, 400)
            with story.span("temporal-worker", "index shard", attributes={"index.shard": shard}):
                left -= 1
                pages = max((parts - 1) // 4, 0)
                for page in range(pages):
                    with story.span(
                        "cns-service", "read page", SpanKind.SERVER, {"page.number": page}
                    ):
                        story.spend(0.2, 2)
                        for what in ("decode", "tokenize", "write"):
                            with story.span("cns-service", what):
                                story.spend(0.1, 1.5)
                left -= 4 * pages
                for _ in range(parts - 1 - 4 * pages):
                    with story.span("cns-service", "commit"):
                        story.spend(1, 6)
                    left -= 1
            shard += 1


SCENARIOS: dict[Callable[[Story], None], float] = {
    read_tenant: 60,
    enrich_bom: 18,
    provision_tenant: 14,
    bill_usage: 8,
}
"""Scenarios by how often each happens, relative to the others."""
