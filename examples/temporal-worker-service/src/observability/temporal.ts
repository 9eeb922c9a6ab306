// Traces through Temporal: into a workflow's headers, through its sandbox, into its activities.
//
// Activities run here and make spans as any code does. A workflow runs in a sandbox and is replayed:
// its spans get ids and times that come out the same again, and leave the sandbox by a sink.

import {
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
} from "@temporalio/interceptors-opentelemetry-v2";
import type { WorkerOptions } from "@temporalio/worker";

import { spanIds } from "./tracing";
import { workflowSpans } from "./workflow-spans";

/** The options of a worker whose workflows and activities are traced. */
export function traceWorker(options: WorkerOptions): WorkerOptions {
  return {
    ...options,
    sinks: { ...options.sinks, ...workflowSpans(spanIds) },
    interceptors: {
      workflowModules: [require.resolve("./workflow-interceptors")],
      activity: [
        (context) => ({
          inbound: new OpenTelemetryActivityInboundInterceptor(context),
          outbound: new OpenTelemetryActivityOutboundInterceptor(context),
        }),
      ],
    },
  };
}
