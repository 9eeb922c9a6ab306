// The client of Temporal. Its plug-in puts the trace into a workflow's headers.

import { addSpanAttributes, addSpanEvent } from "@ananta/tracing";
import { temporalPlugin } from "@ananta/tracing/temporal";
import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from "@temporalio/client";

import { settings } from "./settings";

export interface TenantToProvision {
  tenant_id: string;
  tier: string;
  domain: string;
}

/** How a workflow ended. */
export interface Outcome {
  workflow_id: string;
  status: "completed" | "failed";
  result?: unknown;
  reason?: string;
}

export async function connect(): Promise<Client> {
  const connection = await Connection.connect({ address: settings.temporalAddress });
  return new Client({ connection, plugins: [temporalPlugin()] });
}

/** Starts the provisioning of a tenant, once: asked again it names the same workflow. */
export async function startProvisioning(client: Client, tenant: TenantToProvision) {
  const workflowId = `tenant-provisioning-${tenant.tenant_id}`;
  addSpanAttributes({
    "tenant.id": tenant.tenant_id,
    "workflow.id": workflowId,
    "workflow.type": "tenant_provisioning",
    "workflow.status": "running",
  });
  try {
    await client.workflow.start("tenantProvisioning", {
      workflowId,
      taskQueue: settings.taskQueue,
      args: [tenant],
    });
    addSpanEvent("workflow_started", { workflow_id: workflowId });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    addSpanEvent("workflow_was_running", { workflow_id: workflowId });
  }
  return { workflow_id: workflowId };
}

/** Waits for a workflow to end; undefined when there is none of this id. */
export async function waitForOutcome(client: Client, id: string): Promise<Outcome | undefined> {
  addSpanAttributes({ "workflow.id": id });
  try {
    const result: unknown = await client.workflow.getHandle(id).result();
    addSpanAttributes({ "workflow.status": "completed" });
    return { workflow_id: id, status: "completed", result };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    if (!(error instanceof WorkflowFailedError)) throw error;
    addSpanAttributes({ "workflow.status": "failed" });
    return { workflow_id: id, status: "failed", reason: error.cause?.message };
  }
}
