/** Whole traces in Jaeger's form, summed up as the server sums up those it lists. */

import type { TraceSummary } from "./scatter";

/** The parts of a trace of `/api/traces` that are read here; times are in microseconds. */
export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly {
    readonly operationName: string;
    readonly startTime: number;
    readonly duration: number;
    readonly processID: string;
    readonly references: readonly { readonly refType: string; readonly traceID: string }[] | null;
    readonly tags: readonly { readonly key: string; readonly value: unknown }[];
  }[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

export function summarizeTraces(traces: readonly JaegerTrace[]): readonly TraceSummary[] {
  return traces.map(summarize).toSorted((one, other) => other.start_micros - one.start_micros);
}

function summarize({ traceID, spans, processes }: JaegerTrace): TraceSummary {
  const services = new Map<string, { service: string; spans: number; errors: number }>();
  let [start, end] = [Infinity, -Infinity];
  let root: JaegerTrace["spans"][number] | null = null;
  for (const span of spans) {
    const service = processes[span.processID]?.serviceName ?? "";
    const share = services.get(service) ?? { service, spans: 0, errors: 0 };
    share.spans += 1;
    if (span.tags.some(({ key, value }) => key === "error" && value === true)) share.errors += 1;
    services.set(service, share);
    start = Math.min(start, span.startTime);
    end = Math.max(end, span.startTime + span.duration);
    const isRoot = !span.references?.some((reference) => reference.traceID === traceID);
    if (isRoot && (!root || span.startTime < root.startTime)) root = span;
  }
  const shares = [...services.values()].toSorted((one, other) => other.spans - one.spans);
  return {
    trace_id: traceID,
    root_service: root ? (processes[root.processID]?.serviceName ?? "") : "",
    root_operation: root?.operationName ?? "",
    start_micros: start,
    duration_nanos: (end - start) * 1000,
    spans: spans.length,
    errors: shares.reduce((sum, share) => sum + share.errors, 0),
    services: shares,
  };
}
