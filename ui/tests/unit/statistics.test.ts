import { describe, expect, it } from "vitest";
import { groupSpans, type Group } from "@/model/statistics";
import { randomTrace } from "./traces";

const service = (trace: ReturnType<typeof randomTrace>) => (row: number) =>
  trace.serviceNames[trace.service[row]!]!;
const operation = (trace: ReturnType<typeof randomTrace>) => (row: number) =>
  trace.names[trace.name[row]!]!;

function expectSums(group: Group, trace: ReturnType<typeof randomTrace>): void {
  for (const [summary, column] of [
    [group.duration, trace.duration],
    [group.self, trace.self],
  ] as const) {
    const values = group.rows.map((row) => column[row]!);
    expect(summary.total).toBe(values.reduce((sum, value) => sum + value, 0));
    expect(summary.average).toBe(summary.total / values.length);
    expect(summary.min).toBe(Math.min(...values));
    expect(summary.max).toBe(Math.max(...values));
    // By its definition, without sorting: no smaller value of the group would do.
    const enough = (limit: number) =>
      values.filter((value) => value <= limit).length >= values.length * 0.95;
    expect(values).toContain(summary.p95);
    expect(enough(summary.p95)).toBe(true);
    expect(values.filter((value) => value < summary.p95).some(enough)).toBe(false);
  }
  expect(group.count).toBe(group.rows.length);
  expect(group.errors).toBe(group.rows.filter((row) => trace.flags[row]! & 1).length);
}

describe("groupSpans", () => {
  it("sums up what a plain reading of the definitions does", () => {
    for (const spans of [1, 2, 19, 20, 21, 400]) {
      const trace = randomTrace(spans, spans);
      const rows = Array.from({ length: spans }, (_, row) => row);
      const groups = groupSpans(trace, rows, service(trace), operation(trace));
      for (const group of groups) {
        expectSums(group, trace);
        expect(new Set(group.rows.map(service(trace)))).toEqual(new Set([group.key]));
        for (const below of group.groups) {
          expectSums(below, trace);
          expect(new Set(below.rows.map(operation(trace)))).toEqual(new Set([below.key]));
        }
        expect(group.groups.flatMap(({ rows }) => rows).sort()).toEqual([...group.rows].sort());
      }
      expect(groups.flatMap(({ rows }) => rows).sort()).toEqual(rows.sort());
    }
  });

  it("shares out the self time of all spans", () => {
    const trace = randomTrace(7, 300);
    const groups = groupSpans(trace, trace.parent.keys(), service(trace), null);
    expect(groups.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(groups.every(({ groups }) => groups.length === 0)).toBe(true);
    const order = groups.map(({ self }) => self.total);
    expect(order).toEqual(order.toSorted((one, other) => other - one));
  });

  it("tells shares of the whole trace, also of some of its spans", () => {
    const trace = randomTrace(7, 300);
    const [group] = groupSpans(trace, [3, 4], () => "some", null);
    const whole = trace.self.reduce((sum, self) => sum + self, 0);
    expect(group!.share).toBeCloseTo((trace.self[3]! + trace.self[4]!) / whole, 12);
  });

  it("has no groups without spans", () => {
    expect(groupSpans(randomTrace(1, 5), [], () => "x", null)).toEqual([]);
  });
});
