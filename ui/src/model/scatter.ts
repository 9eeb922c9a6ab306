/** Traces as points: start to the right, duration upwards by its logarithm, size by spans. */

import type { Answers } from "@/api/client";

export type TraceSummary = Answers["TraceSummary"];

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly failed: boolean;
  readonly trace: TraceSummary;
}

export interface Scatter {
  readonly points: readonly Point[];
  /** Microseconds. */
  readonly start: number;
  readonly end: number;
  /** Nanoseconds, positive. */
  readonly shortest: number;
  readonly longest: number;
}

const MIN_RADIUS = 4;
const MAX_RADIUS = 14;

/** Places traces on a plot so that all points are within it; larger ones are drawn first. */
export function scatterOf(traces: readonly TraceSummary[], width: number, height: number): Scatter {
  const starts = traces.map((trace) => trace.start_micros);
  const durations = traces.map((trace) => Math.max(trace.duration_nanos, 1));
  const [start, end] = [Math.min(...starts), Math.max(...starts)];
  const [shortest, longest] = [Math.min(...durations), Math.max(...durations)];
  const points = traces.map((trace, index) => ({
    x: MAX_RADIUS + share(starts[index]!, start, end) * (width - 2 * MAX_RADIUS),
    y:
      height -
      MAX_RADIUS -
      share(Math.log(durations[index]!), Math.log(shortest), Math.log(longest)) *
        (height - 2 * MAX_RADIUS),
    radius: Math.min(MIN_RADIUS + 2.5 * Math.log10(Math.max(trace.spans, 1)), MAX_RADIUS),
    failed: trace.errors > 0,
    trace,
  }));
  points.sort((one, other) => other.radius - one.radius);
  return { points, start, end, shortest, longest };
}

/** The height of a duration on the plot that `scatterOf` laid out. */
export function heightOf(scatter: Scatter, nanos: number, height: number): number {
  const part = share(Math.log(nanos), Math.log(scatter.shortest), Math.log(scatter.longest));
  return height - MAX_RADIUS - part * (height - 2 * MAX_RADIUS);
}

/** Where a point in time is on the plot that `scatterOf` laid out. */
export function placeOf(scatter: Scatter, micros: number, width: number): number {
  return MAX_RADIUS + share(micros, scatter.start, scatter.end) * (width - 2 * MAX_RADIUS);
}

function share(value: number, low: number, high: number): number {
  return high > low ? (value - low) / (high - low) : 0.5;
}

/** The point under the pointer: the nearest that is touched, give or take a few pixels. */
export function pointAt(points: readonly Point[], x: number, y: number): Point | null {
  let nearest: Point | null = null;
  let best = Infinity;
  for (const point of points) {
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance <= point.radius + 4 && distance <= best) {
      best = distance;
      nearest = point;
    }
  }
  return nearest;
}
