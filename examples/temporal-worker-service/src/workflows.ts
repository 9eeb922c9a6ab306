// The workflows. This file runs inside Temporal's sandbox: no clock, no network, no tracer of its
// own. The interceptors of the worker give it spans, whose ids and times survive a replay.

import { ApplicationFailure, proxyActivities, rootCause } from "@temporalio/workflow";

import type * as activities from "./activities";

export interface TenantToProvision {
  tenant_id: string;
  tier: string;
  domain: string;
}

const { createIdentity, deleteIdentity, configureDns, prepareCatalog, setTenantStatus } =
  proxyActivities<typeof activities>({
    startToCloseTimeout: "10 seconds",
    retry: { initialInterval: "200 milliseconds", maximumAttempts: 4 },
  });

/** Provisions a tenant; what was done is undone when a later step fails for good. */
export async function tenantProvisioning(tenant: TenantToProvision) {
  await setTenantStatus(tenant.tenant_id, "provisioning");
  const userId = await createIdentity(tenant);
  try {
    const recordId = await configureDns(tenant);
    const catalogSize = await prepareCatalog(tenant);
    await setTenantStatus(tenant.tenant_id, "active");
    return { user_id: userId, dns_record_id: recordId, catalog_size: catalogSize };
  } catch (error) {
    await deleteIdentity(tenant.tenant_id, userId);
    await setTenantStatus(tenant.tenant_id, "failed");
    const message = `tenant not provisioned: ${rootCause(error)}`;
    throw ApplicationFailure.create({ message, type: "ProvisioningFailed", nonRetryable: true });
  }
}
