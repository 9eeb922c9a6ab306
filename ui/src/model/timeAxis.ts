/** The stretch of a trace that is shown, and the times written above it. All in nanoseconds. */

import { formatDuration } from "./format";

/** Nanoseconds since the trace began. */
export interface Zoom {
  readonly from: number;
  readonly to: number;
}

/** A microsecond across the screen is as close as one gets, or the whole trace where it is shorter. */
const CLOSEST_NANOS = 1000;

/** The part of a trace of some length that a wish comes to: within it, and not too close. */
export function clampZoom(wish: Zoom, length: number): Zoom {
  const span = Math.min(length, Math.max(wish.to - wish.from, Math.min(CLOSEST_NANOS, length)));
  const from = Math.min(Math.max(0, wish.from), length - span);
  return { from, to: from + span };
}

/** Brings what is around a point nearer (factor below 1) or farther away. */
export function zoomAt(zoom: Zoom, point: number, factor: number, length: number): Zoom {
  const wish = {
    from: point - (point - zoom.from) * factor,
    to: point + (zoom.to - point) * factor,
  };
  return clampZoom(wish, length);
}

/** Moves by a share of what is shown, to the right where it is positive. */
export function pan(zoom: Zoom, share: number, length: number): Zoom {
  const by = (zoom.to - zoom.from) * share;
  return clampZoom({ from: zoom.from + by, to: zoom.to + by }, length);
}

const STEPS_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800];

/** A step of round numbers that divides a stretch into at most so many parts. */
export function tickStep(span: number, most: number): number {
  const least = span / Math.max(1, most);
  if (least > 0.5e9) {
    const seconds = STEPS_SECONDS.find((step) => step * 1e9 >= least);
    if (seconds) return seconds * 1e9;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].find((times) => times * power >= least)! * power;
}

/** Round points in time within a stretch. */
export function ticks(zoom: Zoom, most: number): { readonly step: number; at: number[] } {
  const step = tickStep(zoom.to - zoom.from, most);
  const at: number[] = [];
  for (let time = Math.ceil(zoom.from / step) * step; time <= zoom.to; time += step) at.push(time);
  return { step, at };
}

const UNITS: readonly [unit: string, nanos: number][] = [
  ["s", 1e9],
  ["ms", 1e6],
  ["µs", 1e3],
  ["ns", 1],
];

/** A tick in as many digits as tell it from the next: `1.2505 s` where steps are 500 µs. */
export function formatTick(time: number, step: number): string {
  if (time === 0) return "0";
  if (step >= 60e9 || (Math.abs(time) >= 60e9 && step >= 1e9)) return formatDuration(time);
  const [unit, nanos] = UNITS.find(([, nanos]) => Math.abs(time) >= nanos) ?? ["ns", 1];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / nanos) - 1e-9));
  return `${(time / nanos).toFixed(digits)} ${unit}`;
}
