// The HTTP API over the client of Temporal.

import { currentTraceId } from "@ananta/tracing";
import type { Client } from "@temporalio/client";
import express, { type NextFunction, type Request, type Response } from "express";

import { log } from "./log";
import { startProvisioning, type TenantToProvision, waitForOutcome } from "./workflows";

export function createApplication(client: Client) {
  const app = express();
  app.use(express.json());
  app.use((_request, response, next) => {
    response.setHeader("x-trace-id", currentTraceId() ?? "");
    next();
  });

  app.get("/health", (_request, response) => {
    response.json({ status: "ok" });
  });

  app.post("/workflows/tenant-provisioning", async (request, response) => {
    const tenant = request.body as TenantToProvision;
    if (!tenant?.tenant_id || !tenant.domain) {
      response.status(400).json({ error: "tenant_id and domain are needed" });
    } else {
      response.status(202).json(await startProvisioning(client, tenant));
    }
  });

  app.get("/workflows/:id/outcome", async (request, response) => {
    const outcome = await waitForOutcome(client, request.params.id);
    if (outcome) response.json(outcome);
    else response.status(404).json({ error: `no workflow ${request.params.id}` });
  });

  app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
    log.error({ err: error }, "request failed");
    response.status(502).json({ error: `Temporal: ${error.message}` });
  });
  return app;
}
