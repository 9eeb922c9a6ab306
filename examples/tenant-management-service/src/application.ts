// The HTTP API. Each route names the business in span attributes: which tenant, which operation.

import { addSpanAttributes, currentTraceId } from "@ananta/tracing";
import express, { type NextFunction, type Request, type Response } from "express";

import { findTenant, updateStatus } from "./database";
import { log } from "./log";
import { OrchestratorFailed, provisionTenant, readTenant } from "./provisioning";

export function createApplication() {
  const app = express();
  app.use(express.json());
  // Whoever calls can look up, and report, what happened.
  app.use((_request, response, next) => {
    response.setHeader("x-trace-id", currentTraceId() ?? "");
    next();
  });

  app.get("/health", (_request, response) => {
    response.json({ status: "ok" });
  });

  app.post("/tenants", async (request, response) => {
    const tenant = readTenant(request.body);
    if (typeof tenant === "string") {
      response.status(400).json({ error: tenant });
      return;
    }
    const provisioning = await provisionTenant(tenant);
    if (provisioning) response.status(202).json(provisioning);
    else response.status(409).json({ error: `${tenant.domain} belongs to another tenant` });
  });

  app.get("/tenants/:id", async (request, response) => {
    addSpanAttributes({ "tenant.id": request.params.id, "tenant.operation": "read" });
    const { tenant, cached } = await findTenant(request.params.id);
    addSpanAttributes({ "cache.hit": cached, "tenant.found": tenant !== undefined });
    if (tenant) response.json(tenant);
    else response.status(404).json({ error: `no tenant ${request.params.id}` });
  });

  app.put("/tenants/:id/status", async (request, response) => {
    const { status } = request.body as { status: string };
    addSpanAttributes({
      "tenant.id": request.params.id,
      "tenant.operation": "update_status",
      "tenant.status": status,
    });
    const tenant = await updateStatus(request.params.id, status);
    if (tenant) response.json(tenant);
    else response.status(404).json({ error: `no tenant ${request.params.id}` });
  });

  app.use(answerError);
  return app;
}

/**
 * What a route throws has been recorded on the span of the request by then. Express knows an error
 * handler by its four parameters.
 */
function answerError(error: Error, _request: Request, response: Response, _next: NextFunction) {
  log.error({ err: error }, "request failed");
  const status = error instanceof OrchestratorFailed ? 502 : 500;
  response.status(status).json({ error: error.message });
}
