import { describe, expect, test } from "vitest";
import { alignClocks, criticalPathOf, isAboutClocks, uncorrectedSkew } from "@/model/clocks";
import { buildTrace, WARNED } from "@/model/trace";
import type { SpanKind } from "@/model/traceData";

/** A call of 100 ns from one service to another, which served it for 60 ns on a clock of its own. */
function call(servedAt: number) {
  const built = buildTrace({
    spanIds: ["a", "b"],
    parentIds: ["", "a"],
    starts: Float64Array.of(0, servedAt),
    durations: Float64Array.of(100, 60),
    services: ["shop", "cart"],
    names: ["GET", "GET"],
    flags: new Uint8Array(2),
  });
  const kinds: SpanKind[] = ["client", "server"];
  return { ...built, kind: (row: number): SpanKind => kinds[row] ?? "" };
}

describe("alignClocks", () => {
  test.each([
    ["before the call", -500, 20],
    ["beyond its end", 70, 20],
    ["within it", 30, 30],
  ])("moves what was served %s to its middle, if need be", (_, servedAt, expected) => {
    expect([...alignClocks(call(servedAt)).start]).toEqual([0, expected]);
  });
});

describe("criticalPathOf", () => {
  test("runs through a call whose server has another clock, and tells its times on that clock", () => {
    const path = criticalPathOf(call(1000));
    expect([...path.rows]).toEqual([0, 1, 0]);
    expect([...path.from]).toEqual([80, 1000, 0]);
    expect([...path.to]).toEqual([100, 1060, 20]);
  });
});

test("uncorrectedSkew is the largest difference that warnings tell of", () => {
  const warnings = [
    ["clock skew adjustment disabled; not applying calculated delta of -180.622687ms"],
    ["clock skew adjustment disabled; not applying calculated delta of 1.5ms", "other"],
    [],
  ];
  const flags = Uint8Array.of(WARNED, WARNED, 0);
  const read = { count: 3, flags, warnings: (row: number) => warnings[row]! };
  expect(uncorrectedSkew(read)).toBeCloseTo(180_622_687, 0);
  expect(warnings.map((list) => list.every(isAboutClocks))).toEqual([true, false, true]);
});
