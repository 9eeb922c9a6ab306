// The HTTP API. Each route names the business in span attributes: which tenant, which operation.

import { addSpanAttributes, currentTraceId, recordException } from '@ananta/tracing';
import express, { type NextFunction, type Request, type Response } from 'express';

import { findTenant, updateStatus } from './database';
import { log } from './log';
import { DomainTaken, InvalidTenant, OrchestratorFailed, provisionTenant } from './provisioning';

const HTTP_STATUS = new Map<unknown, number>([
  [InvalidTenant, 400],
  [DomainTaken, 409],
  [OrchestratorFailed, 502],
]);

export function createApplication() {
  const app = express();
  app.use(express.json());
  // Whoever calls can look up, and report, what happened.
  app.use((_request, response, next) => {
    response.setHeader('x-trace-id', currentTraceId() ?? '');
    next();
  });

  app.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });

  app.post('/tenants', async (request, response) => {
    response.status(202).json(await provisionTenant(request.body));
  });

  app.get('/tenants/:id', async (request, response) => {
    addSpanAttributes({ 'tenant.id': request.params.id, 'tenant.operation': 'read' });
    const { tenant, cached } = await findTenant(request.params.id);
    addSpanAttributes({ 'cache.hit': cached, 'tenant.found': tenant !== undefined });
    if (!tenant) response.status(404).json({ error: `no tenant ${request.params.id}` });
    else response.json(tenant);
  });

  app.put('/tenants/:id/status', async (request, response) => {
    const { status } = request.body as { status: string };
    addSpanAttributes({
      'tenant.id': request.params.id,
      'tenant.operation': 'update_status',
      'tenant.status': status,
    });
    const tenant = await updateStatus(request.params.id, status);
    if (!tenant) response.status(404).json({ error: `no tenant ${request.params.id}` });
    else response.json(tenant);
  });

  app.use(answerError);
  return app;
}

/** Express knows an error handler by its four parameters. */
function answerError(error: Error, _request: Request, response: Response, _next: NextFunction) {
  const status = HTTP_STATUS.get(error.constructor) ?? 500;
  // What the caller did wrong is an answer; what we failed at is an error of this span.
  if (status >= 500) {
    recordException(error);
    log.error({ err: error }, 'request failed');
  }
  response.status(status).json({ error: error.message });
}
