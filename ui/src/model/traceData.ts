/**
 * A trace with all its spans tell, wherever it came from: the columns of the tree at hand, texts
 * and attributes of a row read when they are asked for.
 */

import type { Trace } from "./trace";

export type AttributeType = "string" | "bool" | "int" | "double" | "bytes" | "array" | "map";

export interface Attribute {
  readonly key: string;
  /** As text: numbers in decimal, bytes in hexadecimal, arrays and maps as JSON. */
  readonly value: string;
  readonly type: AttributeType;
}

export interface SpanEvent {
  /** Nanoseconds since the base of the trace. */
  readonly time: number;
  readonly name: string;
  readonly attributes: readonly Attribute[];
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: readonly Attribute[];
}

export interface Scope {
  readonly name: string;
  readonly version: string;
  readonly attributes: readonly Attribute[];
}

/** Empty where the span does not say. */
export type SpanKind = "" | "internal" | "server" | "client" | "producer" | "consumer";
export type SpanStatus = "" | "ok" | "error";

/** How much of what a span had its sender left out. */
export interface Dropped {
  readonly attributes: number;
  readonly events: number;
  readonly links: number;
}

export interface TraceData extends Trace {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** What `start` and the times of events count from, nanoseconds since 1970. */
  readonly baseUnixNano: bigint;
  /** Spans the whole trace has; more than `count` where it is too large to be here whole. */
  readonly total: number;
  /** The stretches of the critical path, the last one first. */
  readonly criticalPath: CriticalPath;

  /** 16 lower-case hexadecimal digits. */
  spanId(row: number): string;
  /** Empty for a root; also told where the parent is missing. */
  parentSpanId(row: number): string;
  /** The first row with a span id; -1 where there is none. */
  rowOf(spanId: string): number;
  kind(row: number): SpanKind;
  status(row: number): SpanStatus;
  statusMessage(row: number): string;
  /** W3C `tracestate` as the span had it. */
  traceState(row: number): string;
  /** Nanoseconds the span was moved by to make up for clocks that differ; 0 for most. */
  shift(row: number): number;
  /** Descendants that are not here. */
  hidden(row: number): number;
  attributes(row: number): readonly Attribute[];
  resource(row: number): readonly Attribute[];
  scope(row: number): Scope;
  /** In the order of their times. */
  events(row: number): readonly SpanEvent[];
  /** Times of the events alone. */
  eventTimes(row: number): Float64Array;
  links(row: number): readonly SpanLink[];
  warnings(row: number): readonly string[];
  dropped(row: number): Dropped;
  /** The rows that match a text in the language of `uiFind`, ascending. */
  find(text: string): Promise<Int32Array>;
}

/** One element of each list a stretch; times in nanoseconds since the base. */
export interface CriticalPath {
  readonly rows: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** Service and operation of a row. */
export function serviceOf(trace: Trace, row: number): string {
  return trace.serviceNames[trace.service[row] as number] ?? "";
}

export function nameOf(trace: Trace, row: number): string {
  return trace.names[trace.name[row] as number] ?? "";
}

/** The row the trace begins with: the first without a parent, or the first at all. */
export function rootRow(trace: Trace): number {
  const orphans = new Set(trace.orphans);
  for (let row = 0; row < trace.count; row = trace.next[row] as number) {
    if (!orphans.has(row)) return row;
  }
  return 0;
}

/** A point in time of the trace in microseconds since 1970. */
export function microsOf({ baseUnixNano }: Pick<TraceData, "baseUnixNano">, nanos: number): number {
  return Number(baseUnixNano / 1000n) + (Number(baseUnixNano % 1000n) + nanos) / 1000;
}
