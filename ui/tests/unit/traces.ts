/** Traces made for tests. */

import type { TraceOfKinds } from "@/model/clocks";
import { buildTrace } from "@/model/trace";
import type { SpanKind } from "@/model/traceData";

export interface TestSpan {
  readonly id: string;
  readonly parent?: string;
  readonly service?: string;
  readonly name?: string;
  readonly start: number;
  readonly duration: number;
  readonly error?: boolean;
  readonly kind?: SpanKind;
}

/** A tree of spans; name and service are the id and `web` unless told. */
export function traceOf(spans: readonly TestSpan[]): TraceOfKinds {
  const trace = buildTrace({
    spanIds: spans.map(({ id }) => id),
    parentIds: spans.map(({ parent }) => parent ?? ""),
    starts: Float64Array.from(spans, ({ start }) => start),
    durations: Float64Array.from(spans, ({ duration }) => duration),
    services: spans.map(({ service }) => service ?? "web"),
    names: spans.map(({ id, name }) => name ?? id),
    flags: Uint8Array.from(spans, ({ error }) => (error ? 1 : 0)),
  });
  return { ...trace, kind: (row) => spans[trace.source[row]!]!.kind ?? "" };
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A tree of any shape: siblings overlap, children outlive their parents, some take no time. */
export function randomTrace(seed: number, spans: number): TraceOfKinds {
  const random = randomFrom(seed);
  return traceOf(
    Array.from({ length: spans }, (_, index) => ({
      id: `${index}`,
      ...(index && random() > 0.02 ? { parent: `${Math.floor(random() * index)}` } : {}),
      service: `service ${Math.floor(random() * 5)}`,
      name: `operation ${Math.floor(random() * 4)}`,
      start: Math.floor(random() * 1000),
      duration: random() < 0.1 ? 0 : Math.floor(random() * 300),
      error: random() < 0.1,
    })),
  );
}
