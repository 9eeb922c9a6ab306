import { expect, it } from "vitest";
import { pointAt, scatterOf, type TraceSummary } from "@/model/scatter";

function trace(start: number, duration: number, spans = 1, errors = 0): TraceSummary {
  return {
    trace_id: `${start}`,
    root_service: "a",
    root_operation: "b",
    start_micros: start,
    duration_nanos: duration,
    spans,
    errors,
    services: [],
  };
}

it("places the earliest left, the longest on top, all within the plot", () => {
  const { points } = scatterOf([trace(0, 1e6), trace(50, 1e7, 1000, 2), trace(100, 1e8)], 400, 200);
  const of = (start: number) => points.find(({ trace }) => trace.start_micros === start)!;
  expect(of(0).x).toBeLessThan(of(50).x);
  // Ten times as long is as far up each time.
  expect(of(0).y - of(50).y).toBeCloseTo(of(50).y - of(100).y);
  expect(of(50)).toMatchObject({ x: 200, failed: true });
  expect(of(50).radius).toBeGreaterThan(of(0).radius);
  for (const { x, y, radius } of points) {
    expect(Math.min(x, 400 - x, y, 200 - y)).toBeGreaterThanOrEqual(radius);
  }
});

it("centres a single point, also one without a duration", () => {
  expect(scatterOf([trace(7, 0)], 100, 100).points[0]).toMatchObject({ x: 50, y: 50 });
});

it("finds the nearest point that is touched", () => {
  const { points } = scatterOf([trace(0, 1e6, 1e6), trace(1, 1e6), trace(100, 1e6)], 400, 100);
  const small = points.find(({ trace }) => trace.start_micros === 1)!;
  expect(pointAt(points, small.x, small.y)).toBe(small);
  expect(pointAt(points, 200, 50)).toBeNull();
});
