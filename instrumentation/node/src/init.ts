/**
 * `initTracing()`: settings, provider, propagators, instrumented libraries, end of the process.
 *
 * It never breaks the application: what cannot be used is told in one line and the rest goes on.
 */
import { isDeepStrictEqual } from "node:util";

import {
  context,
  propagation,
  trace,
  type Tracer,
  type TracerProvider as TracerProviderInterface,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { Resource } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";

import { startFromFile } from "./config-file.js";
import { within } from "./deadline.js";
import { createSender, targetOf, type Target } from "./export/delivery.js";
import { ExportProcessor, type ExportCounts } from "./export/processor.js";
import { addProcessors, registeredProvider, WholeProvider } from "./foreign.js";
import { instrumentLibraries, libraryNames, unknownLibraries } from "./libraries/index.js";
import { watchProcessEnd, type Endable } from "./lifecycle.js";
import { messageOf, setLogLevel, warn } from "./log.js";
import { consumerTracer } from "./messaging.js";
import type { TracingOptions } from "./options.js";
import { createPropagator } from "./propagation.js";
import { composeRedaction, redactSpan, type Redaction } from "./redaction.js";
import { createResource } from "./resource.js";
import { createSampler } from "./sampling/index.js";
import { resolveSettings, type Settings } from "./settings/index.js";
import { currentState, setState } from "./state.js";

/** What `initTracing` returns: the methods of NodeSDK, with a verdict. */
export interface TracingHandle {
  readonly settings: Settings;
  readonly tracer: Tracer;
  /** How many spans were delivered and lost so far. */
  readonly counts: Readonly<ExportCounts>;
  /** Does nothing: tracing has started. Here so that code written for NodeSDK runs. */
  start(): void;
  /** Sends what waits; true when all of it was delivered within the time. */
  forceFlush(timeoutMillis?: number): Promise<boolean>;
  /** Sends what waits and ends tracing; true when all of it was delivered within the time. */
  shutdown(timeoutMillis?: number): Promise<boolean>;
}

/** Thrown with the option `strict` only: every bad setting, one a line. */
export class TracingSettingsError extends Error {
  override readonly name = "TracingSettingsError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

const FLUSH_TIMEOUT_MILLIS = 5000;
/** What is said about these holds beside a configuration file. */
const READ_BESIDE_FILE = /^OTEL_(NODE_|INSTRUMENTATION_|LOG_LEVEL)/;

/**
 * Sets up tracing for this process. Call it before the libraries that are to be traced are loaded.
 *
 * A second call with the same options returns the same handle; with others it warns and keeps the
 * first.
 *
 * @example
 * const tracing = initTracing({ serviceName: "tenant-management-service" });
 * process.once("beforeExit", () => tracing.shutdown());
 */
export function initTracing(options: TracingOptions = {}): TracingHandle {
  const state = currentState();
  try {
    const settings = resolveSettings(options);
    if (state !== undefined) return again(state.handle, settings);
    return new Setup(settings, options).start();
  } catch (error) {
    if (options.strict === true) throw error;
    warn(`tracing could not be set up, and the application runs without: ${String(error)}`);
    return state?.handle ?? idleHandle(resolveSettings({}, {}));
  }
}

function again(handle: TracingHandle, now: Settings): TracingHandle {
  const effective = ({ origins: _origins, problems: _problems, ...rest }: Settings) => rest;
  if (!isDeepStrictEqual(effective(handle.settings), effective(now))) {
    warn("initTracing() was called again with other settings; those of the first call are kept");
  }
  return handle;
}

class Setup {
  private readonly problems: string[] = [];
  private exporting: ExportProcessor | undefined;
  private readonly others = new EndedSpans();
  private target: Target | undefined;
  private resource: Resource | undefined;
  private isStarted = false;

  constructor(
    private readonly settings: Settings,
    private readonly options: TracingOptions,
  ) {}

  start(): TracingHandle {
    const { settings, options } = this;
    const followed = this.followConfigFile();
    if (followed !== undefined) return followed;
    // Whatever can fail comes first, so that a failure leaves nothing behind.
    const propagator = options.textMapPropagator ?? createPropagator(settings, this.report);
    const contextManager = options.contextManager ?? new AsyncLocalStorageContextManager();
    const processors = settings.disabled ? [] : this.createProcessors();
    const foreign = registeredProvider();
    const isIdle = settings.disabled || foreign !== undefined;
    const own = isIdle ? undefined : this.createProvider(processors);
    const problems = [...settings.problems, ...this.problems.splice(0)];
    if (problems.length > 0 && options.strict === true) throw new TracingSettingsError(problems);
    // Before the log level is set: where somebody registered theirs already, theirs hold silently.
    propagation.setGlobalPropagator(propagator);
    context.setGlobalContextManager(contextManager.enable());
    setLogLevel(settings.logLevel);
    problems.forEach(warn);
    this.isStarted = true;
    if (settings.disabled) return startNothing(settings);
    if (own !== undefined) trace.setGlobalTracerProvider(own);
    else this.joinProvider(foreign!, processors);
    return this.startProvider(own ?? foreign!, processors);
  }

  /** Joins what the SDK sets up by the file; undefined where there is none that can be used. */
  private followConfigFile(): TracingHandle | undefined {
    const { settings, options } = this;
    if (settings.configFile === "" || settings.disabled) return undefined;
    // It may have been followed already, by a start of the SDK before this one.
    if (registeredProvider() === undefined) {
      const problem = startFromFile(settings.configFile);
      if (problem !== undefined) {
        this.problems.push(`OTEL_CONFIG_FILE: ${problem}; the other OTEL_ variables hold`);
        return undefined;
      }
    }
    this.isStarted = true;
    settings.problems.filter((problem) => READ_BESIDE_FILE.test(problem)).forEach(warn);
    const provider = registeredProvider();
    if (provider === undefined) return startNothing(settings);
    addProcessors(provider, [this.others, ...(options.spanProcessors ?? [])]);
    return this.startProvider(provider, [this.others, new WholeProvider(provider)]);
  }

  private startProvider(
    provider: TracerProviderInterface,
    processors: SpanProcessor[],
  ): TracingHandle {
    const { settings, options } = this;
    const libraries = instrumentLibraries(settings, options, provider);
    for (const { name, state, detail } of libraries.libraries) {
      if (state === "failed") this.report(`${name} could not be instrumented: ${detail ?? ""}`);
    }
    for (const name of unknownLibraries(settings, options)) {
      this.report(`no instrumentation is named ${name}; known are ${libraryNames().join(", ")}`);
    }
    const handle = new LiveHandle(settings, provider, processors, this.exporting);
    const stopWatching = watchProcessEnd(
      this.endable(handle),
      settings.shutdownTimeoutMillis,
      options.handleSignals ?? true,
    );
    const dismantle = (): void => {
      stopWatching();
      libraries.undo();
      this.exporting?.close();
      forgetGlobals();
    };
    setState({
      handle,
      libraries: libraries.libraries,
      resource: this.resource,
      processors,
      dismantle,
    });
    return handle;
  }

  private createProvider(spanProcessors: SpanProcessor[]): TracerProvider {
    const { settings, options } = this;
    const given = typeof options.sampler === "object" ? options.sampler : undefined;
    const found = createResource(settings);
    this.resource = options.resource === undefined ? found : found.merge(options.resource);
    return new TracerProvider({
      resource: this.resource,
      sampler: given ?? createSampler(settings, this.report),
      spanLimits: { ...settings.limits, ...options.spanLimits },
      spanProcessors,
      ...(options.idGenerator && { idGenerator: options.idGenerator }),
    });
  }

  /** Somebody else set up tracing first: their spans are sent by us as well. */
  private joinProvider(provider: TracerProviderInterface, processors: SpanProcessor[]): void {
    if (!addProcessors(provider, processors)) {
      warn(
        "another tracer provider is registered and takes no span processor; spans are left to it",
      );
      return;
    }
    warn(
      "another tracer provider was registered first; its sampler and resource hold, and its spans are sent here too",
    );
  }

  private createProcessors(): SpanProcessor[] {
    const { settings, options } = this;
    const own = typeof options.redact === "function" ? options.redact : undefined;
    const processors: SpanProcessor[] =
      options.redact === false ? [] : [new RedactingProcessor(composeRedaction(own))];
    if (options.spanProcessors !== undefined) {
      return [...processors, this.others, ...options.spanProcessors];
    }
    if (options.traceExporter !== undefined) {
      return [
        ...processors,
        this.others,
        new BatchSpanProcessor({ exporter: options.traceExporter, ...settings.batch }),
      ];
    }
    if (settings.exporters.includes("console")) {
      processors.push(new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() }));
    }
    if (settings.exporters.includes("otlp") && settings.endpoint !== "") this.addExport(processors);
    return processors;
  }

  private addExport(processors: SpanProcessor[]): void {
    const { settings } = this;
    this.target = targetOf(settings);
    try {
      const sender = createSender(this.target);
      this.exporting = new ExportProcessor(
        sender,
        settings.batch,
        settings.timeoutMillis,
        settings.endpoint,
      );
      processors.push(this.exporting);
    } catch (error) {
      this.report(`OTEL_EXPORTER_OTLP_CERTIFICATE: ${messageOf(error)}; no span is sent`);
    }
  }

  private endable(handle: TracingHandle): Endable {
    const { exporting, others, target } = this;
    return {
      // What a processor of the user holds is not known: all that ended since the last flush.
      pending: () => exporting?.pending ?? others.ended,
      flush: (timeoutMillis) => handle.forceFlush(timeoutMillis),
      flushSynchronously: (timeoutMillis) => {
        const body = exporting?.takePending();
        if (body === undefined || target === undefined) return body === undefined;
        const { sendSynchronously } =
          require("./export/last-resort.js") as typeof import("./export/last-resort.js");
        return sendSynchronously(body, target, timeoutMillis);
      },
    };
  }

  private readonly report = (problem: string): void => {
    if (this.isStarted) warn(problem);
    else this.problems.push(problem);
  };
}

/** Takes secrets out of each span before the processors after it see the span. */
class RedactingProcessor implements SpanProcessor {
  constructor(private readonly redact: Redaction) {}
  onStart(): void {
    // Attributes are complete when a span ends.
  }
  onEnd(span: ReadableSpan): void {
    redactSpan(span, this.redact);
  }
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

/** Counts the spans that ended since the last flush. */
class EndedSpans implements SpanProcessor {
  ended = 0;
  onStart(): void {}
  onEnd(): void {
    this.ended += 1;
  }
  async forceFlush(): Promise<void> {
    this.ended = 0;
  }
  async shutdown(): Promise<void> {}
}

class LiveHandle implements TracingHandle {
  readonly tracer: Tracer;

  constructor(
    readonly settings: Settings,
    provider: TracerProviderInterface,
    private readonly processors: readonly SpanProcessor[],
    private readonly exporting: ExportProcessor | undefined,
  ) {
    const tracer = provider.getTracer(settings.serviceName, settings.serviceVersion || undefined);
    // The context of a message makes its producer the parent of itself.
    this.tracer = settings.messagingConsumers === "link" ? consumerTracer(tracer, "link") : tracer;
  }

  get counts(): Readonly<ExportCounts> {
    return this.exporting?.counts ?? { delivered: 0, dropped: 0, refused: 0 };
  }

  start(): void {}

  async forceFlush(timeoutMillis = FLUSH_TIMEOUT_MILLIS): Promise<boolean> {
    const verdicts = this.processors.map((processor) =>
      processor instanceof ExportProcessor
        ? processor.flush(timeoutMillis)
        : inTime(processor.forceFlush(), timeoutMillis),
    );
    return (await Promise.all(verdicts)).every(Boolean);
  }

  async shutdown(timeoutMillis = this.settings.shutdownTimeoutMillis): Promise<boolean> {
    const isDelivered = await this.forceFlush(timeoutMillis);
    this.exporting?.close();
    const others = this.processors.filter((each) => each !== this.exporting);
    const areDown = await Promise.all(others.map((each) => inTime(each.shutdown(), timeoutMillis)));
    return isDelivered && areDown.every(Boolean);
  }
}

/** True when the work ended well within the time. */
async function inTime(work: Promise<void>, timeoutMillis: number): Promise<boolean> {
  const done = work.then(
    () => true,
    () => false,
  );
  return (await within(done, timeoutMillis)) === true;
}

/** A handle over nothing: tracing is disabled, or could not be set up. */
function idleHandle(settings: Settings): TracingHandle {
  return {
    settings,
    tracer: trace.getTracer(settings.serviceName),
    counts: { delivered: 0, dropped: 0, refused: 0 },
    start() {},
    forceFlush: async () => true,
    shutdown: async () => true,
  };
}

function startNothing(settings: Settings): TracingHandle {
  const handle = idleHandle(settings);
  const rest = { libraries: [], resource: undefined, processors: [] };
  setState({ handle, ...rest, dismantle: forgetGlobals });
  return handle;
}

function forgetGlobals(): void {
  trace.disable();
  context.disable();
  propagation.disable();
  setState(undefined);
}

/** Sends what waits; true when all of it was delivered within the time, or nothing is set up. */
export async function flushTracing(timeoutMillis = FLUSH_TIMEOUT_MILLIS): Promise<boolean> {
  return (await currentState()?.handle.forceFlush(timeoutMillis)) ?? true;
}

/** Sends what waits and ends tracing; true when all of it was delivered within the time. */
export async function shutdownTracing(timeoutMillis?: number): Promise<boolean> {
  return (await currentState()?.handle.shutdown(timeoutMillis)) ?? true;
}
