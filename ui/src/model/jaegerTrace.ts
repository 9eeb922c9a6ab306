/** A trace of Jaeger's JSON as our own: what OTLP became tags there is what it was again. */

import { criticalPathOf } from "./clocks";
import { findRows } from "./find";
import type { JaegerLog, JaegerSpan, JaegerTag, JaegerTrace } from "./jaegerFile";
import { buildTrace, ERROR, WARNED } from "./trace";
import {
  type Attribute,
  type AttributeType,
  type SpanEvent,
  type SpanKind,
  type SpanLink,
  type SpanStatus,
  type TraceData,
} from "./traceData";

const TYPES: Readonly<Record<string, AttributeType>> = {
  string: "string",
  bool: "bool",
  int64: "int",
  float64: "double",
  binary: "bytes",
};
const KINDS = new Set<string>(["internal", "server", "client", "producer", "consumer"]);
/** Tags that stand for parts of a span which are no attributes. */
const PARTS = new Set([
  "span.kind",
  "error",
  "otel.status_code",
  "otel.status_description",
  "otel.scope.name",
  "otel.scope.version",
  "w3c.tracestate",
]);
const MISSING_SERVICE = "missing-service-name";
const NANOS_IN_MICRO = 1000;

/** The trace a file holds. Missing processes and repeated ids are told in the spans' warnings. */
export function traceOfJaeger(jaeger: JaegerTrace): TraceData {
  const { spans, traceID: traceId } = jaeger;
  const base = Math.floor(spans.reduce((first, span) => Math.min(first, span.startTime), Infinity));
  const warnings = warningsOf(jaeger);
  const built = buildTrace({
    spanIds: spans.map(({ spanID }) => spanID),
    parentIds: spans.map((span) => parentOf(span, traceId)?.spanID ?? span.parentSpanID),
    starts: Float64Array.from(spans, ({ startTime }) => (startTime - base) * NANOS_IN_MICRO),
    durations: Float64Array.from(spans, ({ duration }) => duration * NANOS_IN_MICRO),
    services: spans.map((span) => processOf(jaeger, span)?.serviceName || MISSING_SERVICE),
    names: spans.map(({ operationName }) => operationName || "empty-span-name"),
    flags: Uint8Array.from(
      spans,
      (span, place) =>
        (statusOf(span) === "error" ? ERROR : 0) | (warnings[place]?.length ? WARNED : 0),
    ),
  });
  const span = (row: number) => spans[built.source[row]!]!;
  const time = (micros: number) => (micros - base) * NANOS_IN_MICRO;
  const events = (row: number) =>
    span(row)
      .logs.map((log) => eventOf(log, time(log.timestamp)))
      .sort((one, other) => one.time - other.time);
  const resource = (row: number) => attributesOf(processOf(jaeger, span(row))?.tags ?? []);
  const trace = {
    ...built,
    traceId,
    baseUnixNano: BigInt(base) * BigInt(NANOS_IN_MICRO),
    total: built.count,
    criticalPath: criticalPathOf({ ...built, kind: (row) => kindOf(span(row)) }),
    spanId: (row) => span(row).spanID,
    parentSpanId: (row) => parentOf(span(row), traceId)?.spanID ?? span(row).parentSpanID,
    rowOf: (spanId) =>
      built.source.findIndex((place) => spans[place]!.spanID === spanId.toLowerCase()),
    kind: (row) => kindOf(span(row)),
    status: (row) => statusOf(span(row)),
    statusMessage: (row) => tagText(span(row), "otel.status_description"),
    traceState: (row) => tagText(span(row), "w3c.tracestate"),
    shift: () => 0,
    hidden: () => 0,
    attributes: (row) => attributesOf(span(row).tags.filter(({ key }) => !PARTS.has(key))),
    resource,
    scope: (row) => ({
      name: tagText(span(row), "otel.scope.name"),
      version: tagText(span(row), "otel.scope.version"),
      attributes: [],
    }),
    events,
    eventTimes: (row) => Float64Array.from(events(row), (event) => event.time),
    links: (row) => linksOf(span(row), traceId),
    warnings: (row) => warnings[built.source[row]!] ?? [],
    dropped: () => ({ attributes: 0, events: 0, links: 0 }),
  } satisfies Partial<TraceData>;
  return { ...trace, find: (text) => Promise.resolve(findRows(trace, text)) };
}

function processOf({ processes }: JaegerTrace, { processID, process }: JaegerSpan) {
  return processes[processID] ?? process;
}

/** As Jaeger has it: the first `CHILD_OF` within the trace. */
function parentOf({ references }: JaegerSpan, traceId: string) {
  return references.find(({ refType, traceID }) => refType === "CHILD_OF" && traceID === traceId);
}

function linksOf(span: JaegerSpan, traceId: string): SpanLink[] {
  const parent = parentOf(span, traceId);
  return span.references
    .filter((reference) => reference !== parent)
    .map(({ traceID, spanID }) => ({ traceId: traceID, spanId: spanID, attributes: [] }));
}

function warningsOf(jaeger: JaegerTrace): string[][] {
  const seen = new Set<string>();
  return jaeger.spans.map((span) => {
    const warnings = [...span.warnings];
    if (!processOf(jaeger, span)) {
      warnings.push(`The file has no process "${span.processID}", so the service is not known.`);
    }
    if (seen.has(span.spanID)) warnings.push("Another span before it has the same id.");
    seen.add(span.spanID);
    return warnings;
  });
}

function kindOf(span: JaegerSpan): SpanKind {
  const kind = tagText(span, "span.kind").toLowerCase();
  return KINDS.has(kind) ? (kind as SpanKind) : "";
}

function statusOf(span: JaegerSpan): SpanStatus {
  const code = tagText(span, "otel.status_code").toUpperCase();
  if (code === "ERROR" || tagText(span, "error") === "true") return "error";
  return code === "OK" ? "ok" : "";
}

function tagText({ tags }: JaegerSpan, key: string): string {
  const tag = tags.find((tag) => tag.key === key);
  return tag ? valueOf(tag) : "";
}

function valueOf({ value }: JaegerTag): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function attributesOf(tags: readonly JaegerTag[]): Attribute[] {
  return tags.map((tag) => ({ key: tag.key, value: valueOf(tag), type: typeOf(tag) }));
}

function typeOf({ type, value }: JaegerTag): AttributeType {
  const known = TYPES[type.toLowerCase()];
  if (known) return known;
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "double";
  if (typeof value === "object") return Array.isArray(value) ? "array" : "map";
  return "string";
}

function eventOf({ fields }: JaegerLog, time: number): SpanEvent {
  const name = fields.find(({ key }) => key === "event");
  return {
    time,
    name: name ? valueOf(name) : "log",
    attributes: attributesOf(fields.filter((field) => field !== name)),
  };
}
