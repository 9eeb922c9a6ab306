import { describe, expect, it } from "vitest";
import { layOutChart, layOutPaths } from "@/model/flame";
import { groupBy } from "@/model/groupBy";
import { mergePaths } from "@/model/paths";
import type { Trace } from "@/model/trace";
import { randomTrace, traceOf } from "./traces";

/** Pairs of rows that lie in one lane at the same time. */
function overlaps(trace: Trace, lane: Int32Array): string[] {
  const found: string[] = [];
  const byLane = groupBy(lane.keys(), (row) => lane[row]);
  for (const rows of byLane.values()) {
    rows.sort((one, other) => trace.start[one]! - trace.start[other]!);
    rows.forEach((row, index) => {
      const before = rows[index - 1];
      if (before === undefined) return;
      if (trace.start[before]! + trace.duration[before]! > trace.start[row]!) {
        found.push(`${before} and ${row}`);
      }
    });
  }
  return found;
}

describe("layOutChart", () => {
  it("puts what runs one after the other side by side, and what runs at once below", () => {
    const trace = traceOf([
      { id: "root", start: 0, duration: 100 },
      { id: "a", parent: "root", start: 0, duration: 40 },
      { id: "below a", parent: "a", start: 10, duration: 10 },
      { id: "b", parent: "root", start: 20, duration: 40 },
      { id: "c", parent: "root", start: 60, duration: 40 },
    ]);
    const { lane, lanes } = layOutChart(trace);
    expect(trace.names.map((name, row) => `${name} ${lane[row]}`)).toEqual([
      "root 0",
      "a 1",
      "below a 2",
      "b 3",
      "c 1",
    ]);
    expect(lanes).toBe(4);
  });

  it("never lets boxes overlap, and keeps children below their parents", () => {
    for (let seed = 0; seed < 150; seed++) {
      const trace = randomTrace(seed, 20 + seed * 2);
      const { lane, lanes } = layOutChart(trace);
      expect(overlaps(trace, lane)).toEqual([]);
      lane.forEach((own, row) => {
        const above = trace.parent[row]!;
        if (above >= 0) expect(own).toBeGreaterThan(lane[above]!);
        expect(own).toBeLessThan(lanes);
      });
    }
  });

  it("gives a thousand calls at once a lane each, and reuses these for those after", () => {
    const wave = (number: number) =>
      Array.from({ length: 1000 }, (_, index) => ({
        id: `${number} ${index}`,
        parent: "root",
        start: number * 5000 + index,
        duration: 3000,
      }));
    const { lanes } = layOutChart(
      traceOf([{ id: "root", start: 0, duration: 20_000 }, ...wave(0), ...wave(1), ...wave(2)]),
    );
    expect(lanes).toBe(1001);
  });

  it("keeps siblings side by side whose children run on a clock that is late", () => {
    const call = (number: number) => [
      { id: `call ${number}`, parent: "root", start: number * 10, duration: 8 },
      { id: `served ${number}`, parent: `call ${number}`, start: number * 10 + 500, duration: 6 },
    ];
    const trace = traceOf([
      { id: "root", start: 0, duration: 100 },
      ...Array.from({ length: 10 }, (_, number) => call(number)).flat(),
    ]);
    expect(layOutChart(trace).lanes).toBe(3);
  });

  it("is not stopped by depth", () => {
    const deep = Array.from({ length: 20_000 }, (_, index) => ({
      id: `${index}`,
      ...(index ? { parent: `${index - 1}` } : {}),
      start: 0,
      duration: 1,
    }));
    expect(layOutChart(traceOf(deep)).lanes).toBe(20_000);
  });

  it("has no lanes without spans", () => {
    expect(layOutChart(traceOf([])).lanes).toBe(0);
  });
});

describe("layOutPaths", () => {
  it("keeps boxes within their parents' and apart from their siblings", () => {
    for (const weight of ["self", "duration"] as const) {
      for (let seed = 0; seed < 40; seed++) {
        const { nodes } = mergePaths([randomTrace(seed, 150)]);
        const boxes = layOutPaths(nodes, weight);
        const byParent = groupBy(boxes, ({ node }) => nodes[node]!.parent);
        for (const [parent, below] of byParent) {
          const outer = boxes[parent] ?? { from: 0, width: 1 };
          below.sort((one, other) => one.from - other.from);
          let left = outer.from;
          for (const { from, width } of below) {
            expect(from).toBeGreaterThanOrEqual(left - 1e-9);
            left = from + width;
          }
          expect(left).toBeLessThanOrEqual(outer.from + outer.width + 1e-9);
        }
      }
    }
  });

  it("is as wide as the time of the spans", () => {
    const { nodes } = mergePaths([
      traceOf([
        { id: "root", start: 0, duration: 100 },
        { id: "a", parent: "root", name: "call", start: 0, duration: 20 },
        { id: "b", parent: "root", name: "call", start: 50, duration: 30 },
      ]),
    ]);
    expect(layOutPaths(nodes, "duration").map(({ width }) => width)).toEqual([1, 0.5]);
    expect(layOutPaths(nodes, "self").map(({ width }) => width)).toEqual([1, 0.5]);
  });
});
