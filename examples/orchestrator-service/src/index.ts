// orchestrator-service: starts workflows on Temporal and answers for their outcome.

import { initTracing } from "./observability/tracing";

// IMPORTANT: Initialize tracing BEFORE importing other modules
initTracing();

import { createApplication } from "./application";
import { log } from "./log";
import { settings } from "./settings";
import { connect } from "./workflows";

async function main(): Promise<void> {
  const client = await connect();
  const server = createApplication(client).listen(settings.port, "127.0.0.1", () =>
    log.info({ port: settings.port }, "orchestrator-service is ready"),
  );
  process.once("SIGTERM", () => server.close(() => void client.connection.close()));
}

main().catch((error: unknown) => {
  log.fatal({ err: error }, "orchestrator-service could not start");
  process.exitCode = 1;
});
