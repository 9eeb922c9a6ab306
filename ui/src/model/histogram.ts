/** Spans by time and duration, as the server counted them: bars, cells, and what they stand for. */

import type { Answers } from "@/api/client";
import { at } from "./trace";
import type { Window } from "./timeRange";

export type Histogram = Answers["Histogram"];

export interface Bar extends Window {
  readonly spans: number;
  readonly errors: number;
}

/** One bar for each bucket of time. */
export function barsOf(histogram: Histogram): readonly Bar[] {
  return histogram.spans.map((spans, column) => ({
    ...windowOfColumns(histogram, column, column),
    spans: sum(spans),
    errors: sum(histogram.errors[column] ?? []),
  }));
}

/**
 * How high a bar and the errors in it are where the highest has a height, in true proportion; but
 * what there is at least a pixel, and a bar that is not all errors a pixel more than they.
 */
export function heightsOf(
  { spans, errors }: Pick<Bar, "spans" | "errors">,
  most: number,
  height: number,
): { whole: number; errors: number } {
  const failed = errors && Math.max((errors / most) * height, 1);
  const least = failed + (errors < spans ? 1 : 0);
  return { whole: Math.max((spans / most) * height, least), errors: failed };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The time from the beginning of one bucket to the end of another, both inclusive. */
export function windowOfColumns(histogram: Histogram, from: number, to: number): Window {
  const { start_micros: start, step_micros: step } = histogram;
  return { start: start + from * step, end: start + (to + 1) * step - 1 };
}

/** Nanoseconds: `least` inclusive, `below` not. */
export interface DurationRange {
  readonly least: number;
  readonly below: number;
}

export function durationsOfRows(histogram: Histogram, from: number, to: number): DurationRange {
  const bounds = histogram.duration_bounds_nanos;
  return { least: at(bounds, from), below: bounds[to + 1] ?? nextBound(at(bounds, to)) };
}

/** The server's buckets begin at 1, 2, 3 and 5 of each decade from a microsecond on. */
function nextBound(bound: number): number {
  if (bound < 1000) return 1000;
  const decade = 10 ** Math.floor(Math.log10(bound * 1.0001));
  const digit = Math.round(bound / decade);
  return ({ 1: 2, 2: 3, 3: 5 }[digit] ?? 10) * decade;
}

/** A duration as the query language reads it, exact: `300ms`, `1500us`. */
export function writeDuration(nanos: number): string {
  for (const [unit, scale] of [
    ["s", 1e9],
    ["ms", 1e6],
    ["us", 1e3],
  ] as const) {
    if (nanos >= scale && nanos % scale === 0) return `${nanos / scale}${unit}`;
  }
  return `${Math.round(nanos)}ns`;
}

/** How dark a cell is, 0 to 1, by the logarithm so that single spans are seen beside thousands. */
export function shadeOf(count: number, most: number): number {
  if (count <= 0) return 0;
  return 0.15 + 0.85 * (Math.log1p(count) / Math.log1p(Math.max(most, count)));
}

/** The highest number of a cell. */
export function mostInCell(histogram: Histogram): number {
  return histogram.spans.reduce((most, column) => Math.max(most, ...column), 0);
}

export interface Cell {
  readonly column: number;
  readonly row: number;
}

/** Cells between two corners. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly low: number;
  readonly high: number;
}

export function boxOf(one: Cell, other: Cell): Box {
  return {
    left: Math.min(one.column, other.column),
    right: Math.max(one.column, other.column),
    low: Math.min(one.row, other.row),
    high: Math.max(one.row, other.row),
  };
}

/** Spans and errors of all cells of a box. */
export function countIn(histogram: Histogram, box: Box): { spans: number; errors: number } {
  let spans = 0;
  let errors = 0;
  for (let column = box.left; column <= box.right; column++) {
    spans += sum(histogram.spans[column]?.slice(box.low, box.high + 1) ?? []);
    errors += sum(histogram.errors[column]?.slice(box.low, box.high + 1) ?? []);
  }
  return { spans, errors };
}
