// Provisioning a tenant: recorded here, carried out by a workflow the orchestrator starts.

import { randomUUID } from "node:crypto";

import { createSpan } from "@ananta/tracing";
import type { Span } from "@opentelemetry/api";

import { insertTenant, type Tenant, updateStatus } from "./database";
import { settings } from "./settings";

export class OrchestratorFailed extends Error {}

interface Provisioning {
  tenant: Tenant;
  workflow_id?: string | undefined;
}

/**
 * Records a tenant and starts its provisioning; undefined when another tenant has its domain, which
 * is an answer and no error. An error thrown inside `createSpan` is recorded on the span, gives it
 * the status ERROR, and goes on to the caller.
 */
export async function provisionTenant(tenant: Tenant): Promise<Provisioning | undefined> {
  const attributes = {
    "tenant.id": tenant.id,
    "tenant.tier": tenant.tier,
    "tenant.operation": "provision",
    // Personal data: the collector makes a hash of it before it is stored.
    "user.email": tenant.admin_email,
    "user.role": "admin",
  };
  return createSpan("provision_tenant", attributes, async (span) => {
    if (!(await insertTenant(tenant))) {
      span.addEvent("domain_taken", { domain: tenant.domain });
      return undefined;
    }
    span.addEvent("tenant_created", { tenant_id: tenant.id });
    return { tenant, workflow_id: await startWorkflow(tenant, span) };
  });
}

/** Asks the orchestrator; the trace goes along in the request's headers. */
async function startWorkflow(tenant: Tenant, span: Span): Promise<string | undefined> {
  if (!settings.orchestratorUrl) {
    span.addEvent("provisioning_skipped", { reason: "no orchestrator is configured" });
    return undefined;
  }
  const response = await fetch(`${settings.orchestratorUrl}/workflows/tenant-provisioning`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ tenant_id: tenant.id, tier: tenant.tier, domain: tenant.domain }),
  });
  if (!response.ok) {
    await updateStatus(tenant.id, "failed");
    throw new OrchestratorFailed(`orchestrator-service answered ${response.status}`);
  }
  const { workflow_id } = (await response.json()) as { workflow_id: string };
  span.setAttribute("workflow.id", workflow_id);
  span.addEvent("provisioning_started", { workflow_id });
  return workflow_id;
}

/** The tenant a request describes, with an id of its own; or what is wrong with the request. */
export function readTenant(asked: unknown): Tenant | string {
  const { name, tier = "standard", domain, admin_email } = (asked ?? {}) as Partial<Tenant>;
  if (!name || !domain || !admin_email) return "a tenant needs name, domain and admin_email";
  if (tier !== "standard" && tier !== "premium") {
    return `tier is standard or premium, not ${String(tier)}`;
  }
  return { id: randomUUID(), name, tier, domain, admin_email, status: "registered" };
}
