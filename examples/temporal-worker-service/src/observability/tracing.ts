// Tracing of this service: who it is, and ids that workflow spans can bring along. Everything else
// comes from OTEL_* variables and the preset of the environment.

import { initTracing as init } from "@ananta/tracing";

import { SpanIds } from "./workflow-spans";

export const spanIds = new SpanIds();

export function initTracing() {
  return init({
    serviceName: "temporal-worker-service",
    serviceVersion: "1.0.0",
    idGenerator: spanIds,
  });
}
