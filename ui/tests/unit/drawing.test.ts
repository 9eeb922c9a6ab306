import { expect, it } from "vitest";
import { inSight } from "@/pages/trace/waterfall/drawing";

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
