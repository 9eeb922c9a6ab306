/** Spans of one's own, and what is said about the one that is active. */
import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type TextMapGetter,
  type Tracer,
} from "@opentelemetry/api";

import { messageOf } from "../log.js";
import { currentState } from "../state.js";
import { coerce } from "./attributes.js";

/** Any values: what OTLP cannot carry is coerced, see `coerce`. */
export type AttributeInput = Readonly<Record<string, unknown>>;

export interface SpanExtras {
  /** The consumer of a message stands to its producer as `messagingConsumers` says. */
  readonly kind?: SpanKind | undefined;
  readonly links?: readonly Link[] | undefined;
  /** Begins a new trace. */
  readonly root?: boolean | undefined;
  /** Whether an error that leaves the span is recorded as an event. True unless said otherwise. */
  readonly recordException?: boolean | undefined;
}

/** The tracer of the service, looked up anew: it works before `initTracing` and after. */
function currentTracer(): Tracer {
  return currentState()?.handle.tracer ?? trace.getTracer("@ananta/tracing");
}

/**
 * Runs a function inside a new span, which is active while it runs and ends when it does: at the
 * return, or when the promise it returned is settled. An error marks the span and goes on.
 *
 * @example
 * const bom = await createSpan("load_bom", { "bom.id": id }, async (span) => {
 *   const loaded = await load(id);
 *   span.setAttribute("bom.line_count", loaded.lines.length);
 *   return loaded;
 * });
 */
export function createSpan<Result>(name: string, fn: (span: Span) => Result): Result;
export function createSpan<Result>(
  name: string,
  attributes: AttributeInput | undefined,
  fn: (span: Span) => Result,
  extras?: SpanExtras,
): Result;
export function createSpan<Result>(
  name: string,
  attributesOrFn: AttributeInput | undefined | ((span: Span) => Result),
  fn?: (span: Span) => Result,
  extras: SpanExtras = {},
): Result {
  const isShort = typeof attributesOrFn === "function";
  const body = isShort ? attributesOrFn : fn!;
  const span = startSpan(name, isShort ? undefined : attributesOrFn, extras);
  return runInSpan(span, () => body(span), extras.recordException ?? true);
}

/** Starts a span that its caller ends; the helper for what has no function of its own. */
export function startSpan(
  name: string,
  attributes?: AttributeInput,
  extras: SpanExtras = {},
): Span {
  return currentTracer().startSpan(name, {
    attributes: coerce(attributes),
    ...(extras.kind !== undefined && { kind: extras.kind }),
    ...(extras.links !== undefined && { links: [...extras.links] }),
    ...(extras.root === true && { root: true }),
  });
}

/**
 * Runs a function with a span active that was started elsewhere; the span is not ended.
 *
 * `tracer.startSpan` alone makes nothing its child; this does.
 *
 * @example
 * const span = tracer.startSpan("provision_tenant");
 * await withSpan(span, () => createTenantInDatabase(tenant)); // its spans are children
 */
export function withSpan<Result>(span: Span, fn: () => Result): Result {
  return context.with(trace.setSpan(context.active(), span), fn);
}

/** Runs the function in the span and ends the span with it. */
export function runInSpan<Result>(span: Span, fn: () => Result, records: boolean): Result {
  return withSpan(span, () => {
    let result: Result;
    try {
      result = fn();
    } catch (error) {
      endWithError(span, error, records);
      throw error;
    }
    if (!isThenable(result)) {
      span.end();
      return result;
    }
    return result.then(
      (value: unknown) => {
        span.end();
        return value;
      },
      (error: unknown) => {
        endWithError(span, error, records);
        throw error;
      },
    ) as Result;
  });
}

export function endWithError(span: Span, error: unknown, records: boolean): void {
  markError(span, error, records);
  span.end();
}

/** Marks the span as failed, and records the error where that is asked for. */
export function markError(span: Span, error: unknown, records: boolean): void {
  if (records) recordError(span, error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
}

/** Records whatever was thrown as an event: also null, or an error that throws when it is read. */
export function recordError(span: Span, error: unknown): void {
  try {
    span.recordException(error instanceof Error ? error : messageOf(error));
  } catch {
    span.recordException(messageOf(error));
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Sets attributes of the active span; without one, nothing happens. */
export function addSpanAttributes(attributes: AttributeInput): void {
  const span = trace.getActiveSpan();
  if (span?.isRecording() === true) span.setAttributes(coerce(attributes));
}

/** Adds an event, a milestone, to the active span; without one, nothing happens. */
export function addSpanEvent(name: string, attributes?: AttributeInput): void {
  const span = trace.getActiveSpan();
  if (span?.isRecording() === true) span.addEvent(name, coerce(attributes));
}

/** Records an error that was dealt with on the active span, and marks the span as failed. */
export function recordException(error: unknown, attributes?: AttributeInput): void {
  const span = trace.getActiveSpan();
  if (span?.isRecording() !== true) return;
  if (attributes !== undefined) span.setAttributes(coerce(attributes));
  markError(span, error, true);
}

/** Undefined too where tracing is off and the ids are all zeros. */
function activeContext(): SpanContext | undefined {
  const spanContext = trace.getActiveSpan()?.spanContext();
  return spanContext !== undefined && isSpanContextValid(spanContext) ? spanContext : undefined;
}

/** The id of the active trace in hexadecimal, as logs and support tickets want it. */
export function currentTraceId(): string | undefined {
  return activeContext()?.traceId;
}

/**
 * The ids of the active span under the names the logs have, for a logger that is not instrumented.
 *
 * @example pino({ mixin: logFields })
 */
export function logFields(): { trace_id?: string; span_id?: string; trace_flags?: string } {
  const span = activeContext();
  if (span === undefined) return {};
  const flags = span.traceFlags.toString(16).padStart(2, "0");
  return { trace_id: span.traceId, span_id: span.spanId, trace_flags: flags };
}

/** Writes the active context into headers, or any object of texts, and returns it. */
export function inject<Carrier extends object>(carrier: Carrier): Carrier;
export function inject(): Record<string, string>;
export function inject(carrier: object = {}): object {
  propagation.inject(context.active(), carrier);
  return carrier;
}

const headerGetter: TextMapGetter<object> = {
  keys: (carrier) => Object.keys(carrier),
  get: (carrier, key) => {
    const value = (carrier as Record<string, unknown>)[key];
    if (!Array.isArray(value)) return headerText(value);
    return value.map(headerText).filter((text) => text !== undefined);
  },
};

/**
 * Headers of HTTP and AMQP are texts, those of Kafka bytes, and SQS and Lambda wrap theirs. What is
 * none of these carries no context.
 */
function headerText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (typeof value !== "object" || value === null) return undefined;
  const { StringValue, stringValue } = value as Record<string, unknown>;
  const text = StringValue ?? stringValue;
  return typeof text === "string" ? text : undefined;
}

/**
 * The context that the headers of a message carry, or its attributes in SQS.
 *
 * @example context.with(extract(message.headers), () => handle(message))
 * @example extract(message.MessageAttributes ?? {}, () => handle(message))
 */
export function extract(carrier: object): Context;
/** Runs a function in the context that headers carry. */
export function extract<Result>(carrier: object, fn: () => Result): Result;
export function extract<Result>(carrier: object, fn?: () => Result): Context | Result {
  const extracted = propagation.extract(ROOT_CONTEXT, carrier, headerGetter);
  return fn === undefined ? extracted : context.with(extracted, fn);
}
