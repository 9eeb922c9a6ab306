/** A span in OTLP's JSON, as any tool reads it. */

import { at } from "./trace";
import { nameOf, type Attribute, type TraceData } from "./traceData";

const KINDS = ["", "internal", "server", "client", "producer", "consumer"];
const STATUSES = ["", "ok", "error"];

/** The span of a row with its resource and scope; times as they are shown. */
export function spanJson(trace: TraceData, row: number): string {
  const time = (nanos: number) => String(trace.baseUnixNano + BigInt(Math.round(nanos)));
  const scope = trace.scope(row);
  const start = at(trace.start, row);
  const status = STATUSES.indexOf(trace.status(row));
  const message = trace.statusMessage(row);
  const span = {
    traceId: trace.traceId,
    spanId: trace.spanId(row),
    parentSpanId: trace.parentSpanId(row),
    traceState: trace.traceState(row) || undefined,
    name: nameOf(trace, row),
    kind: KINDS.indexOf(trace.kind(row)),
    startTimeUnixNano: time(start),
    endTimeUnixNano: time(start + at(trace.duration, row)),
    attributes: trace.attributes(row).map(otlp),
    events: trace.events(row).map((event) => ({
      timeUnixNano: time(event.time),
      name: event.name,
      attributes: event.attributes.map(otlp),
    })),
    links: trace.links(row).map(({ traceId, spanId, attributes }) => ({
      traceId,
      spanId,
      attributes: attributes.map(otlp),
    })),
    status: { code: status, ...(message ? { message } : {}) },
  };
  const whole = {
    resource: { attributes: trace.resource(row).map(otlp) },
    scopeSpans: [
      {
        scope: {
          name: scope.name,
          version: scope.version,
          attributes: scope.attributes.map(otlp),
        },
        spans: [span],
      },
    ],
  };
  return JSON.stringify({ resourceSpans: [whole] }, null, 2);
}

function otlp({ key, value, type }: Attribute): { key: string; value: object } {
  return { key, value: otlpValue(value, type) };
}

function otlpValue(value: string, type: Attribute["type"]): object {
  switch (type) {
    case "bool":
      return { boolValue: value === "true" };
    case "int":
      return { intValue: value };
    case "double":
      return { doubleValue: Number.isFinite(Number(value)) ? Number(value) : value };
    case "bytes":
      return { bytesValue: toBase64(value) };
    case "array":
    case "map":
      return otlpAny(JSON.parse(value) as unknown);
    case "string":
      return { stringValue: value };
  }
}

/** A value read from JSON, whose numbers are told apart by their looks. */
function otlpAny(value: unknown): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(otlpAny) } };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (typeof value === "string") return { stringValue: value };
  if (value && typeof value === "object") {
    const values = Object.entries(value).map(([key, one]) => ({ key, value: otlpAny(one) }));
    return { kvlistValue: { values } };
  }
  return {};
}

function toBase64(hexadecimal: string): string {
  const bytes = (hexadecimal.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
  return btoa(String.fromCharCode(...bytes));
}
