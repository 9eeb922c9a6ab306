// Traces through Temporal: into a workflow's headers, through its sandbox, into its activities.
//
// Activities run here and make spans as any code does. A workflow runs in a sandbox and is replayed:
// its spans have ids and times that come out the same again, and they leave the sandbox by a sink
// that Temporal does not call while it replays.

import type { Tracing } from '@ananta/tracing';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry-v2';
import type { WorkerOptions } from '@temporalio/worker';

/** The options of a worker whose workflows and activities are traced. */
export function traceWorker(tracing: Tracing, options: WorkerOptions): WorkerOptions {
  const { spanProcessor, resource } = tracing;
  return {
    ...options,
    sinks: { ...options.sinks, exporter: makeWorkflowExporter(spanProcessor, resource) },
    interceptors: {
      workflowModules: [require.resolve('./workflow-interceptors')],
      activity: [
        (context) => ({
          inbound: new OpenTelemetryActivityInboundInterceptor(context),
          outbound: new OpenTelemetryActivityOutboundInterceptor(context),
        }),
      ],
    },
  };
}
