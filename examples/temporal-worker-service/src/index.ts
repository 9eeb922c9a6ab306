// temporal-worker-service: runs the workflows and their activities.

import { initTracing } from "./observability/tracing";

// IMPORTANT: Initialize tracing BEFORE importing other modules
initTracing();

import { temporalPlugin } from "@ananta/tracing/temporal";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";

import * as activities from "./activities";
import { log } from "./log";
import { settings } from "./settings";

async function main(): Promise<void> {
  // What Temporal has to say, such as that an activity failed, goes where our own records go.
  const logger = new DefaultLogger("WARN", ({ level, message, meta }) =>
    level === "ERROR" ? log.error(meta, message) : log.warn(meta, message),
  );
  Runtime.install({ logger });
  const connection = await NativeConnection.connect({ address: settings.temporalAddress });
  const worker = await Worker.create({
    connection,
    taskQueue: settings.taskQueue,
    workflowsPath: require.resolve("./workflows"),
    activities,
    // Spans for workflows and activities, and the trace's way through the workflows' sandbox.
    plugins: [temporalPlugin()],
    // An activity that runs when SIGTERM comes may end.
    shutdownGraceTime: "5 seconds",
  });
  log.info({ taskQueue: settings.taskQueue }, "temporal-worker-service is ready");
  await worker.run(); // until SIGTERM or SIGINT
  await connection.close();
}

main().catch((error: unknown) => {
  log.fatal({ err: error }, "temporal-worker-service failed");
  process.exitCode = 1;
});
