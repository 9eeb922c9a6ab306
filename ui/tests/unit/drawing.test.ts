import { expect, it } from "vitest";
import { clipped, inSight, merged } from "@/pages/trace/waterfall/drawing";

it("draws only what is seen, and what is nearer than a pixel as one", () => {
  const stretches = [
    { from: 0, to: 10 },
    { from: 100, to: 120 },
    { from: 120.5, to: 130 },
    { from: 200, to: 210 },
    { from: 5000, to: 6000 },
  ];
  expect(inSight(stretches, { from: 50, to: 1050 })).toEqual([
    { from: 100, to: 130 },
    { from: 200, to: 210 },
  ]);
});

it("keeps the number of parts below that of pixels", () => {
  const many = Array.from({ length: 100_000 }, (_, n) => ({ from: n * 10, to: n * 10 + 5 }));
  expect(inSight(many, { from: 0, to: 1_000_000 }).length).toBeLessThan(1000);
});

it("marks an error at the end of a bar only where the span that failed ended", () => {
  const spans = [
    { from: 0, to: 10, error: true },
    { from: 10, to: 50, error: false },
    { from: 100, to: 110, error: false },
    { from: 110, to: 150, error: true },
  ];
  expect(merged(spans.keys(), (row) => spans[row]!, 1)).toEqual([
    { from: 0, to: 50, error: false },
    { from: 100, to: 150, error: true },
  ]);
});

it("keeps the path within the bar", () => {
  const path = [
    { from: -50, to: -10 },
    { from: -5, to: 5 },
    { from: 90, to: 200 },
  ];
  expect(clipped(path, { from: 0, to: 100 })).toEqual([
    { from: 0, to: 5 },
    { from: 90, to: 100 },
  ]);
});
