// Spans made inside the workflows' sandbox, made again outside of it: with the ids and the times
// they had there, and through everything any other span of this service goes through.

import { randomBytes } from "node:crypto";

import { createTraceState, ROOT_CONTEXT, type SpanContext, trace } from "@opentelemetry/api";
import type {
  OpenTelemetrySinks,
  SerializableSpan,
} from "@temporalio/interceptors-opentelemetry-v2";
import type { InjectedSinks } from "@temporalio/worker";
import type { WorkflowInfo } from "@temporalio/workflow";

/** Gives random ids, and once those of a span that exists already. */
export class SpanIds {
  private existing: SpanContext | undefined;

  generateTraceId = (): string => this.existing?.traceId ?? randomBytes(16).toString("hex");
  generateSpanId = (): string => this.existing?.spanId ?? randomBytes(8).toString("hex");

  /** Runs a function, which starts one span, so that the span gets these ids. */
  reuse<Result>(existing: SpanContext, start: () => Result): Result {
    this.existing = existing;
    try {
      return start();
    } finally {
      this.existing = undefined;
    }
  }
}

/**
 * The way of workflow spans out of the sandbox. It is not taken while a workflow is replayed, so
 * each span is made once.
 */
export function workflowSpans(ids: SpanIds): InjectedSinks<OpenTelemetrySinks> {
  return {
    exporter: {
      export: {
        fn: (workflow, spans) => spans.forEach((span) => makeAgain(span, workflow, ids)),
        callDuringReplay: false,
      },
    },
  };
}

function makeAgain(made: SerializableSpan, workflow: WorkflowInfo, ids: SpanIds): void {
  const tracer = trace.getTracer(made.instrumentationScope.name, made.instrumentationScope.version);
  const parent = made.parentSpanContext;
  const context = parent ? trace.setSpanContext(ROOT_CONTEXT, revive(parent)) : ROOT_CONTEXT;
  const { kind, startTime, attributes, links } = made;
  const span = ids.reuse(revive(made.spanContext), () =>
    tracer.startSpan(made.name, { kind, startTime, attributes, links }, context),
  );
  span.setAttributes({
    "workflow.id": workflow.workflowId,
    "workflow.run_id": workflow.runId,
    "workflow.type": workflow.workflowType,
    "workflow.attempt": workflow.attempt,
  });
  for (const event of made.events) span.addEvent(event.name, event.attributes, event.time);
  span.setStatus(made.status);
  span.end(made.endTime);
}

/** On its way out of the sandbox the state of the trace has become a text. */
function revive({ traceState, ...rest }: SerializableSpan["spanContext"]): SpanContext {
  return traceState ? { ...rest, traceState: createTraceState(traceState) } : rest;
}
