/** What can be said to `initTracing`: everything is optional. */
import type { ContextManager, TextMapPropagator } from "@opentelemetry/api";
import type { Instrumentation } from "@opentelemetry/instrumentation";
import type { Resource } from "@opentelemetry/resources";
import type {
  IdGenerator,
  Sampler,
  SpanExporter,
  SpanLimits,
  SpanProcessor,
} from "@opentelemetry/sdk-trace";

import type { ConsumerRelation } from "./messaging.js";
import type { Redaction } from "./redaction.js";

/**
 * An option wins over the `OTEL_*` variable, that over the preset of the environment
 * (development, staging, production), that over the default.
 */
export interface TracingOptions {
  /** `OTEL_SERVICE_NAME`; else the name in the nearest package.json. */
  serviceName?: string | undefined;
  /** `OTEL_SERVICE_VERSION`; else the version in the nearest package.json. */
  serviceVersion?: string | undefined;
  /** `DEPLOYMENT_ENVIRONMENT` or `NODE_ENV`; also chooses the preset. */
  environment?: string | undefined;
  /** Base URL of the collector: `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  endpoint?: string | undefined;
  /** `OTEL_EXPORTER_OTLP_PROTOCOL`; without it port 4317 means gRPC and any other HTTP. */
  protocol?: "grpc" | "http/protobuf" | undefined;
  /** Sent with every export: `OTEL_EXPORTER_OTLP_HEADERS`. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** No TLS for an endpoint without a scheme: `OTEL_EXPORTER_OTLP_INSECURE`. */
  insecure?: boolean | undefined;
  /** The share of new traces to keep, from 0 to 1; a parent's decision is followed. */
  samplingRatio?: number | undefined;
  /** A sampler, or its name as in `OTEL_TRACES_SAMPLER`. */
  sampler?: Sampler | string | undefined;
  /** Names as in `OTEL_PROPAGATORS`: tracecontext, baggage, b3, b3multi, jaeger, xray. */
  propagators?: readonly string[] | undefined;
  /** Attributes of the service, beside those that are found. */
  resourceAttributes?: Readonly<Record<string, unknown>> | undefined;
  /** `auto` instruments the libraries in use; or name them; or `false` for none. */
  instrument?: "auto" | false | readonly string[] | undefined;
  /**
   * What the producer of a message is to the span of its consumer: the `parent`, whose trace goes
   * on, or a `link` out of a trace of its own. `parent` unless said otherwise.
   */
  messagingConsumers?: ConsumerRelation | undefined;
  /** Paths of incoming requests that are not traced, nor anything they cause. */
  excludeUrls?: readonly (string | RegExp)[] | undefined;
  /** `false` leaves secrets as they are; a function sees every text before it is sent. */
  redact?: boolean | Redaction | undefined;
  /** Trace ids in the records of pino and winston. True unless said otherwise. */
  logCorrelation?: boolean | undefined;
  /** Throw on a bad setting, in place of one warning. */
  strict?: boolean | undefined;
  /** How long a flush at the end of the process may take. 2,000 unless said otherwise. */
  shutdownTimeoutMillis?: number | undefined;
  /** Whether to flush on SIGTERM and SIGINT. True unless said otherwise. */
  handleSignals?: boolean | undefined;

  // The names NodeSDK has for objects of one's own.
  resource?: Resource | undefined;
  spanProcessors?: readonly SpanProcessor[] | undefined;
  /** Used in place of the OTLP exporter. */
  traceExporter?: SpanExporter | undefined;
  textMapPropagator?: TextMapPropagator | undefined;
  contextManager?: ContextManager | undefined;
  idGenerator?: IdGenerator | undefined;
  spanLimits?: SpanLimits | undefined;
  instrumentations?: readonly (Instrumentation | readonly Instrumentation[])[] | undefined;
}

/** Every name above; the type makes it an error to leave one out. */
const NAMES: Readonly<Record<keyof TracingOptions, true>> = {
  serviceName: true,
  serviceVersion: true,
  environment: true,
  endpoint: true,
  protocol: true,
  headers: true,
  insecure: true,
  samplingRatio: true,
  sampler: true,
  propagators: true,
  resourceAttributes: true,
  instrument: true,
  messagingConsumers: true,
  excludeUrls: true,
  redact: true,
  logCorrelation: true,
  strict: true,
  shutdownTimeoutMillis: true,
  handleSignals: true,
  resource: true,
  spanProcessors: true,
  traceExporter: true,
  textMapPropagator: true,
  contextManager: true,
  idGenerator: true,
  spanLimits: true,
  instrumentations: true,
};

export const OPTION_NAMES: readonly string[] = Object.keys(NAMES);
