// What the workflows do to the world. Every call is an HTTP request that takes the trace along.

import { addSpanAttributes, addSpanEvent } from "@ananta/tracing";
import { ApplicationFailure, activityInfo } from "@temporalio/activity";

import { log } from "./log";
import { settings } from "./settings";
import type { TenantToProvision } from "./workflows";

/** The tenant's administrator at the identity provider; the id of the user. */
export async function createIdentity(tenant: TenantToProvision): Promise<string> {
  describe(tenant.tenant_id, "create_identity");
  const { user_id } = await send<{ user_id: string }>("POST", `${settings.identityUrl}/users`, {
    tenant_id: tenant.tenant_id,
  });
  addSpanEvent("keycloak_user_created", { user_id });
  return user_id;
}

export async function deleteIdentity(tenantId: string, userId: string): Promise<void> {
  describe(tenantId, "delete_identity");
  await send("DELETE", `${settings.identityUrl}/users/${userId}`);
  addSpanEvent("keycloak_user_deleted", { user_id: userId });
}

/** The tenant's domain at the DNS provider; the id of the record. */
export async function configureDns(tenant: TenantToProvision): Promise<string> {
  describe(tenant.tenant_id, "configure_dns");
  const { domain } = tenant;
  const { record_id } = await send<{ record_id: string }>("POST", `${settings.dnsUrl}/records`, {
    domain,
  });
  addSpanEvent("dns_configured", { domain });
  return record_id;
}

/** The tenant's component catalogue in cns-service; how many categories it has. */
export async function prepareCatalog(tenant: TenantToProvision): Promise<number> {
  describe(tenant.tenant_id, "prepare_catalog");
  const url = `${settings.cnsUrl}/tenants/${tenant.tenant_id}/catalog`;
  const { categories } = await send<{ categories: number }>("PUT", url, { tier: tenant.tier });
  addSpanEvent("catalog_prepared", { categories });
  return categories;
}

export async function setTenantStatus(tenantId: string, status: string): Promise<void> {
  describe(tenantId, "set_status");
  await send("PUT", `${settings.tenantManagementUrl}/tenants/${tenantId}/status`, { status });
  if (status === "active") {
    const { scheduledTimestampMs } = activityInfo();
    addSpanEvent("provisioning_complete", { waited_ms: Date.now() - scheduledTimestampMs });
  }
}

function describe(tenantId: string, operation: string): void {
  const { attempt, workflowExecution } = activityInfo();
  addSpanAttributes({
    "tenant.id": tenantId,
    "tenant.operation": operation,
    "workflow.id": workflowExecution?.workflowId,
    "activity.attempt": attempt,
  });
}

/**
 * One request, with JSON both ways. What the other side refuses (4xx) will not be better next time;
 * everything else Temporal tries again. The interceptor records the error on the activity's span.
 */
async function send<Answer>(method: string, url: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return (await response.json()) as Answer;
  const message = `${method} ${url} answered ${response.status}: ${await response.text()}`;
  log.warn({ status: response.status, attempt: activityInfo().attempt }, message);
  const refused = response.status >= 400 && response.status < 500;
  throw ApplicationFailure.create({ message, type: "RequestFailed", nonRetryable: refused });
}
