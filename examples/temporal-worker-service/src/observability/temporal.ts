// Traces through Temporal: into a workflow's headers, through its sandbox, into its activities.
//
// Activities run here and make spans as any code does. A workflow runs in a sandbox and is replayed:
// its spans have ids and times that come out the same again, and leave the sandbox by a sink, which
// Temporal calls once and not during a replay.

import type { Tracing } from '@ananta/tracing';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry-v2';
import type { WorkerOptions } from '@temporalio/worker';
