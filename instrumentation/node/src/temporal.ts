/**
 * Temporal: one trace from the client through the workflow to its activities.
 *
 * Needs `@temporalio/interceptors-opentelemetry-v2`, which this package does not bring along.
 * Its headers differ from those of the first generation: workflows that were started with the old
 * interceptors must have ended before a worker changes over.
 *
 * @example
 * const client = new Client({ connection, plugins: [temporalPlugin()] });
 * const worker = await Worker.create({ ...options, plugins: [temporalPlugin()] });
 */
import { join } from "node:path";

import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { resourceFromAttributes, type Resource } from "@opentelemetry/resources";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace";

import { requireFromApplication, resolveFromApplication } from "./libraries/installed.js";
import { currentState } from "./state.js";

const PACKAGE = "@temporalio/interceptors-opentelemetry-v2";
const PROPAGATION = join(__dirname, "temporal-workflow.js");

/** A plugin of Temporal's client and worker; the methods are Temporal's business. */
export interface TemporalPlugin {
  readonly name: string;
}

/** Where the spans of workflows come out of their sandbox. */
interface Exporter {
  readonly export: { fn(workflow: object, spans: unknown): void };
}

interface WorkerOptions {
  interceptors?: { workflowModules?: readonly string[] };
  sinks?: { exporter: Exporter };
}

/** What Temporal tells a sink of the workflow, as far as a span is to carry it. */
interface Workflow {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly runId: string;
  readonly attempt: number;
  readonly taskQueue: string;
  readonly namespace: string;
}

interface Configurable extends TemporalPlugin {
  configureWorker(options: WorkerOptions): WorkerOptions;
  configureReplayWorker(options: WorkerOptions): WorkerOptions;
}

interface Interceptors {
  OpenTelemetryPlugin: new (options: object) => Configurable;
  OpenTelemetryWorkflowClientInterceptor: new (options?: object) => object;
  OpenTelemetryActivityInboundInterceptor: new (context: unknown, options?: object) => object;
  OpenTelemetryActivityOutboundInterceptor: new (context: unknown) => object;
  makeWorkflowExporter(processor: SpanProcessor, resource: Resource): Exporter;
}

/** For `plugins` of a `Client` or a `Worker`: everything below in one. */
export function temporalPlugin(): TemporalPlugin {
  const { OpenTelemetryPlugin } = load();
  class Plugin extends OpenTelemetryPlugin {
    override configureWorker(options: WorkerOptions): WorkerOptions {
      return completed(super.configureWorker(options));
    }
    override configureReplayWorker(options: WorkerOptions): WorkerOptions {
      return completed(super.configureReplayWorker(options));
    }
  }
  return new Plugin({ resource: resource(), spanProcessor: workflowProcessor, tracer: tracer() });
}

/** The options with our module for the sandbox after those that are there, and named workflows. */
function completed(options: WorkerOptions): WorkerOptions {
  const { interceptors = {} } = options;
  const workflowModules = [...(interceptors.workflowModules ?? []), PROPAGATION];
  const sinks = options.sinks && { ...options.sinks, exporter: naming(options.sinks.exporter) };
  return {
    ...options,
    interceptors: { ...interceptors, workflowModules },
    ...(sinks && { sinks }),
  };
}

/** Temporal makes all it knows of a workflow attributes, objects included; these have a use. */
function naming(exporter: Exporter): Exporter {
  const fn = (workflow: object, spans: unknown): void => {
    const { workflowId, workflowType, runId, attempt, taskQueue, namespace } = workflow as Workflow;
    const attributes = {
      "workflow.id": workflowId,
      "workflow.type": workflowType,
      "workflow.run_id": runId,
      "workflow.attempt": attempt,
      "workflow.task_queue": taskQueue,
      "workflow.namespace": namespace,
    };
    exporter.export.fn(attributes, spans);
  };
  return { ...exporter, export: { ...exporter.export, fn } };
}

/** For `interceptors` of a `Client`. */
export function temporalClientInterceptors(): { workflow: any[] } {
  const { OpenTelemetryWorkflowClientInterceptor } = load();
  return { workflow: [new OpenTelemetryWorkflowClientInterceptor({ tracer: tracer() })] };
}

/** For `Worker.create`: spread it into the options. Bundled workflows need `workflowModules` at bundling. */
export function temporalWorkerOptions(): {
  interceptors: { workflowModules: string[]; activity: any[] };
  sinks: any;
} {
  const loaded = load();
  return {
    interceptors: {
      workflowModules: [
        resolveFromApplication(`${PACKAGE}/lib/workflow-interceptors`),
        PROPAGATION,
      ],
      activity: [
        (context: unknown) => ({
          inbound: new loaded.OpenTelemetryActivityInboundInterceptor(context, {
            tracer: tracer(),
          }),
          outbound: new loaded.OpenTelemetryActivityOutboundInterceptor(context),
        }),
      ],
    },
    sinks: { exporter: naming(loaded.makeWorkflowExporter(workflowProcessor, resource())) },
  };
}

/** The spans of workflows come out of their sandbox ready-made and go the way of all others. */
const workflowProcessor: SpanProcessor = {
  onStart: (span: Span) => each((processor) => processor.onStart(span, ROOT_CONTEXT)),
  onEnd: (span: ReadableSpan) => {
    const ours = Object.assign(span, { instrumentationScope: known(span.instrumentationScope) });
    each((processor) => processor.onEnd(ours));
  },
  forceFlush: async () => {
    await currentState()?.handle.forceFlush();
  },
  shutdown: async () => {},
};

type Scope = ReadableSpan["instrumentationScope"];
const scopes = new Map<string, Scope>();

/** Each span brings a copy of its scope along, where one object for all is expected. */
function known(scope: Scope): Scope {
  const key = `${scope.name} ${scope.version ?? ""}`;
  const first = scopes.get(key) ?? scope;
  scopes.set(key, first);
  return first;
}

function each(act: (processor: SpanProcessor) => void): void {
  currentState()?.processors.forEach(act);
}

function resource(): Resource {
  return currentState()?.resource ?? resourceFromAttributes({});
}

function tracer() {
  return trace.getTracer("@ananta/tracing/temporal");
}

function load(): Interceptors {
  try {
    return requireFromApplication(PACKAGE) as unknown as Interceptors;
  } catch (error) {
    throw new Error(`${PACKAGE} is needed for Temporal: npm install ${PACKAGE}`, { cause: error });
  }
}
