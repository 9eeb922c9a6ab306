// Tracing of this service: who it is, and the plug-in that takes traces through Temporal.

import { initTracing as init } from "@ananta/tracing";

export function initTracing() {
  return init({ serviceName: "orchestrator-service", serviceVersion: "1.0.0" });
}
