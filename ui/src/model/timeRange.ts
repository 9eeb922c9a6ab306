/** The stretch of time a page is about: the last so much, or from one point to another. */

export type TimeRange =
  { readonly lookback: Lookback } | { readonly startMicros: number; readonly endMicros: number };

/** The names Jaeger's links use, with their lengths in seconds. */
export const LOOKBACKS = {
  "5m": 300,
  "15m": 900,
  "30m": 1800,
  "1h": 3600,
  "2h": 7200,
  "3h": 10_800,
  "6h": 21_600,
  "12h": 43_200,
  "24h": 86_400,
  "2d": 172_800,
  "3d": 259_200,
  "5d": 432_000,
  "7d": 604_800,
  "2w": 1_209_600,
  "3w": 1_814_400,
  "4w": 2_419_200,
} as const;

export type Lookback = keyof typeof LOOKBACKS;

/** Start and end, in microseconds since 1970. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** A range as points in time, `lookback` counted back from now. */
export function windowOf(range: TimeRange, nowMicros: number): Window {
  if ("lookback" in range) {
    return { start: nowMicros - LOOKBACKS[range.lookback] * 1e6, end: nowMicros };
  }
  return { start: range.startMicros, end: range.endMicros };
}

/** A window as parameters of the API. */
export function asParameters({ start, end }: Window): { start: string; end: string } {
  return { start: String(Math.round(start)), end: String(Math.round(end)) };
}

/** Reads `lookback`, `start` and `end` of a URL; a named lookback wins over points in time. */
export function readTimeRange(params: URLSearchParams, fallback: Lookback = "1h"): TimeRange {
  const start = Number(params.get("start") ?? NaN);
  const end = Number(params.get("end") ?? NaN);
  const lookback = params.get("lookback");
  if (lookback && lookback in LOOKBACKS) return { lookback: lookback as Lookback };
  if (Number.isFinite(start) && Number.isFinite(end) && start > 0 && end > start) {
    return { startMicros: start, endMicros: end };
  }
  return { lookback: fallback };
}

/** The parameters of a URL that say this range; null takes one away. */
export function timeRangeParams(range: TimeRange): Record<string, string | null> {
  if ("lookback" in range) return { lookback: range.lookback, start: null, end: null };
  return {
    lookback: "custom",
    start: String(Math.round(range.startMicros)),
    end: String(Math.round(range.endMicros)),
  };
}

export function describeLookback(lookback: Lookback): string {
  const match = /(\d+)([mhdw])/.exec(lookback);
  const unit = { m: "minute", h: "hour", d: "day", w: "week" }[match?.[2] ?? "h"];
  const count = Number(match?.[1]);
  return count === 1 ? `Last ${unit}` : `Last ${count} ${unit}s`;
}
