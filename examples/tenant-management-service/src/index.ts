// tenant-management-service: who the tenants are, and how far their provisioning is.

import { initTracing } from "./observability/tracing";

// IMPORTANT: Initialize tracing BEFORE importing other modules
initTracing();

import { createApplication } from "./application";
import { closeDatabase, openDatabase } from "./database";
import { log } from "./log";
import { settings } from "./settings";

async function main(): Promise<void> {
  await openDatabase();
  const server = createApplication().listen(settings.port, "127.0.0.1", () =>
    log.info({ port: settings.port }, "tenant-management-service is ready"),
  );
  // Spans are flushed by the tracing package on the same signal; here requests get their answers.
  process.once("SIGTERM", () => server.close(() => void closeDatabase()));
}

main().catch((error: unknown) => {
  log.fatal({ err: error }, "tenant-management-service could not start");
  process.exitCode = 1;
});
