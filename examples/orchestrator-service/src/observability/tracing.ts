// Tracing of this service: who it is. Everything else comes from OTEL_* variables and the preset
// of the environment.

import { initTracing as init } from "@ananta/tracing";

export function initTracing() {
  return init({ serviceName: "orchestrator-service", serviceVersion: "1.0.0" });
}
