import { describe, expect, it } from "vitest";
import { countTicks, decades, timeTicks } from "@/model/axis";
import {
  barsOf,
  boxOf,
  countIn,
  durationsOfRows,
  heightsOf,
  mostInCell,
  shadeOf,
  windowOfColumns,
  writeDuration,
  type Histogram,
} from "@/model/histogram";

const histogram: Histogram = {
  start_micros: 60_000_000,
  step_micros: 30_000_000,
  duration_bounds_nanos: [3_000_000, 5_000_000, 10_000_000],
  spans: [
    [1, 2, 3],
    [0, 0, 0],
    [40, 5, 6],
  ],
  errors: [
    [0, 0, 1],
    [0, 0, 0],
    [0, 5, 0],
  ],
  total_spans: 57,
  total_traces: 9,
};

it("sums durations up to bars that touch but do not overlap", () => {
  expect(barsOf(histogram)).toEqual([
    { start: 60_000_000, end: 89_999_999, spans: 6, errors: 1 },
    { start: 90_000_000, end: 119_999_999, spans: 0, errors: 0 },
    { start: 120_000_000, end: 149_999_999, spans: 51, errors: 5 },
  ]);
  expect(windowOfColumns(histogram, 0, 2)).toEqual({ start: 60_000_000, end: 149_999_999 });
});

it("draws errors as high as they are many, and a pixel where they are few", () => {
  expect(heightsOf({ spans: 50, errors: 10 }, 100, 90)).toEqual({ whole: 45, errors: 9 });
  expect(heightsOf({ spans: 1500, errors: 12 }, 11_500, 92)).toEqual({ whole: 12, errors: 1 });
  expect(heightsOf({ spans: 1, errors: 1 }, 11_500, 92)).toEqual({ whole: 1, errors: 1 });
  expect(heightsOf({ spans: 2, errors: 1 }, 11_500, 92)).toEqual({ whole: 2, errors: 1 });
  expect(heightsOf({ spans: 1, errors: 0 }, 11_500, 92)).toEqual({ whole: 1, errors: 0 });
});

it("knows where rows of durations end", () => {
  expect(durationsOfRows(histogram, 0, 1)).toEqual({ least: 3e6, below: 10e6 });
  expect(durationsOfRows(histogram, 2, 2)).toEqual({ least: 10e6, below: 20e6 });
  const only = (bound: number) => ({ ...histogram, duration_bounds_nanos: [bound] });
  expect(durationsOfRows(only(0), 0, 0).below).toBe(1000);
  expect(durationsOfRows(only(5e9), 0, 0).below).toBe(10e9);
  expect(durationsOfRows(only(3e3), 0, 0).below).toBe(5e3);
});

it("counts what a box covers, whichever corner it was drawn from", () => {
  const box = boxOf({ column: 2, row: 2 }, { column: 0, row: 1 });
  expect(box).toEqual({ left: 0, right: 2, low: 1, high: 2 });
  expect(countIn(histogram, box)).toEqual({ spans: 16, errors: 6 });
});

it("shades by the logarithm and leaves nothing that is there unseen", () => {
  expect(mostInCell(histogram)).toBe(40);
  expect(shadeOf(0, 40)).toBe(0);
  expect(shadeOf(1, 40)).toBeGreaterThan(0.15);
  expect(shadeOf(40, 40)).toBe(1);
});

it("writes durations without loss", () => {
  expect([300e6, 1_500_000, 2e9, 900, 5000].map(writeDuration)).toEqual([
    "300ms",
    "1500us",
    "2s",
    "900ns",
    "5us",
  ]);
});

describe("axes", () => {
  it("ticks at round times of the zone", () => {
    const hour = 3600e6;
    expect(timeTicks(0.5 * hour, 3.5 * hour, 4)).toEqual([1, 2, 3].map((count) => count * hour));
    // Half past the hour elsewhere is full hours in India.
    expect(timeTicks(0, 2 * hour, 2, 5.5 * hour)).toEqual([0.5 * hour, 1.5 * hour]);
  });

  it("counts in round steps and finds decades", () => {
    expect([1, 3, 9, 10_300].map(countTicks)).toEqual([
      [0, 1],
      [0, 2],
      [0, 5],
      [0, 5000, 10_000],
    ]);
    expect(decades(900, 100_000)).toEqual([1000, 10_000, 100_000]);
  });
});
