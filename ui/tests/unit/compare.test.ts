import { describe, expect, it } from "vitest";
import { compareTraces, countChanges, shownDifferences } from "@/model/compare";
import { mergePaths } from "@/model/paths";
import { randomTrace, traceOf } from "./traces";

const A = traceOf([
  { id: "root", name: "GET /", start: 0, duration: 1000 },
  { id: "q1", parent: "root", service: "db", name: "SELECT", start: 100, duration: 100 },
  { id: "q2", parent: "root", service: "db", name: "SELECT", start: 300, duration: 200 },
  { id: "cache", parent: "root", service: "cache", name: "GET", start: 600, duration: 50 },
  { id: "log", parent: "root", name: "write log", start: 700, duration: 100 },
]);

/** The children in another order, one query more, the cache gone, a new call with a child. */
const B = traceOf([
  { id: "root", name: "GET /", start: 5000, duration: 2000 },
  { id: "log", parent: "root", name: "write log", start: 5050, duration: 105 },
  { id: "q1", parent: "root", service: "db", name: "SELECT", start: 5200, duration: 100 },
  { id: "q2", parent: "root", service: "db", name: "SELECT", start: 5400, duration: 200 },
  {
    id: "q3",
    parent: "root",
    service: "db",
    name: "SELECT",
    start: 5700,
    duration: 500,
    error: true,
  },
  { id: "auth", parent: "root", service: "auth", name: "check", start: 6300, duration: 400 },
  { id: "jwt", parent: "auth", service: "auth", name: "verify", start: 6400, duration: 100 },
]);

const line = ({
  node,
  change,
  count,
  errors,
  duration,
  self,
  critical,
}: ReturnType<typeof compareTraces>[number]) =>
  `${"  ".repeat(node.depth)}${node.service} ${node.name}: ${change} ${count} ${errors} ${duration} ${self} ${critical}`;

describe("mergePaths", () => {
  it("makes one node of siblings of the same name, and keeps the longest as example", () => {
    const { nodes, nodeOfRow } = mergePaths([A]);
    expect(nodes.map(({ name, sides }) => `${name} ${sides[0]?.count}`)).toEqual([
      "GET / 1",
      "SELECT 2",
      "GET 1",
      "write log 1",
    ]);
    expect(nodes[1]?.sides[0]).toEqual({ count: 2, errors: 0, duration: 300, self: 300, row: 2 });
    expect([...nodeOfRow[0]!]).toEqual([0, 1, 1, 2, 3]);
    expect(nodes.map(({ next }) => next)).toEqual([4, 2, 3, 4]);
  });

  it("tells the same operation of two services apart, and the same name below two parents", () => {
    const { nodes } = mergePaths([
      traceOf([
        { id: "a", start: 0, duration: 9 },
        { id: "b", parent: "a", name: "x", start: 1, duration: 1 },
        { id: "c", parent: "a", name: "x", service: "db", start: 2, duration: 1 },
        { id: "d", parent: "c", name: "x", start: 2, duration: 1 },
      ]),
    ]);
    expect(nodes.map(({ service, name, depth }) => `${depth} ${service} ${name}`)).toEqual([
      "0 web a",
      "1 web x",
      "1 db x",
      "2 web x",
    ]);
  });

  it("loses no span, duration, self time or error of any trace", () => {
    for (let seed = 0; seed < 30; seed++) {
      const traces = [randomTrace(seed, 200), randomTrace(seed + 1000, 150)];
      const { nodes, nodeOfRow } = mergePaths(traces);
      traces.forEach((trace, side) => {
        const sum = (part: "count" | "errors" | "duration" | "self") =>
          nodes.reduce((total, { sides }) => total + (sides[side]?.[part] ?? 0), 0);
        const all = (column: Iterable<number>) =>
          [...column].reduce((total, one) => total + one, 0);
        expect(sum("count")).toBe(trace.count);
        expect(sum("duration")).toBe(all(trace.duration));
        expect(sum("self")).toBe(all(trace.self));
        expect(sum("errors")).toBe(all(trace.flags));
        nodeOfRow[side]!.forEach((node, row) => {
          const above = trace.parent[row]!;
          expect(nodes[node]!.parent).toBe(above < 0 ? -1 : nodeOfRow[side]![above]);
        });
      });
      nodes.forEach(({ parent, next }, index) => {
        expect(parent).toBeLessThan(index);
        if (parent >= 0) expect(next).toBeLessThanOrEqual(nodes[parent]!.next);
      });
    }
  });

  it("is not stopped by depth", () => {
    const deep = traceOf(
      Array.from({ length: 20_000 }, (_, index) => ({
        id: `${index}`,
        ...(index ? { parent: `${index - 1}` } : {}),
        name: "again",
        start: 0,
        duration: 1,
      })),
    );
    expect(mergePaths([deep]).nodes.at(-1)?.depth).toBe(19_999);
  });
});

describe("compareTraces", () => {
  it("tells what is only in A, only in B, changed and the same, whatever the order", () => {
    expect(compareTraces(A, B).map(line)).toEqual([
      "web GET /: changed 0 0 1000 145 145",
      "  db SELECT: changed 1 1 500 500 500",
      "  cache GET: removed -1 0 -50 -50 -50",
      "  web write log: same 0 0 5 5 5",
      "  auth check: added 1 0 400 300 300",
      "    auth verify: added 1 0 100 100 100",
    ]);
  });

  it("explains the whole difference of the durations by the critical paths", () => {
    const critical = compareTraces(A, B).reduce((sum, one) => sum + one.critical, 0);
    expect(critical).toBe(1000);
  });

  it("sees through clocks that differ", () => {
    const called = (skew: number, work: number) =>
      traceOf([
        { id: "root", start: 0, duration: work + 40 },
        { id: "call", parent: "root", start: 10, duration: work + 20 },
        {
          ...{ id: "served", parent: "call", service: "b", kind: "server" as const },
          ...{ start: 20 + skew, duration: work },
        },
        { id: "query", parent: "served", service: "b", start: 25 + skew, duration: work - 10 },
      ]);
    const differences = compareTraces(called(-500, 100), called(900, 300));
    expect(differences.map(({ node, critical }) => `${node.name} ${critical}`)).toEqual([
      "root 0",
      "call 0",
      "served 0",
      "query 200",
    ]);
  });

  it("leaves a message that is handled later where it is", () => {
    const sent = (delay: number) =>
      traceOf([
        { id: "root", start: 0, duration: 100 },
        {
          ...{ id: "handle", parent: "root", service: "b", kind: "consumer" as const },
          ...{ start: 100 + delay, duration: 50 },
        },
      ]);
    expect(compareTraces(sent(10), sent(500)).map(({ critical }) => critical)).toEqual([0, 0]);
  });

  it("finds nothing between a trace and itself", () => {
    for (let seed = 0; seed < 20; seed++) {
      const trace = randomTrace(seed, 120);
      const differences = compareTraces(trace, trace);
      expect(countChanges(differences).same).toBe(differences.length);
      for (const one of differences)
        expect([one.duration, one.self, one.critical]).toEqual([0, 0, 0]);
    }
  });

  it("turns round when the traces are swapped", () => {
    const there = countChanges(compareTraces(A, B));
    const back = countChanges(compareTraces(B, A));
    expect(back).toEqual({ ...there, added: there.removed, removed: there.added });
  });

  it("takes a trace without spans for nothing at all", () => {
    expect(countChanges(compareTraces(A, traceOf([]))).removed).toBe(4);
    expect(compareTraces(traceOf([]), traceOf([]))).toEqual([]);
  });
});

describe("shownDifferences", () => {
  const differences = compareTraces(A, B);
  const names = (shown: number[]) => shown.map((index) => differences[index]!.node.name);

  it("keeps the way to what is asked for", () => {
    expect(
      names(shownDifferences(differences, ({ change }) => change === "added", new Set())),
    ).toEqual(["GET /", "check", "verify"]);
  });

  it("leaves out what is below a collapsed node", () => {
    const all = () => true;
    const check = differences.findIndex(({ node }) => node.name === "check");
    expect(names(shownDifferences(differences, all, new Set([check])))).not.toContain("verify");
    expect(names(shownDifferences(differences, all, new Set([0])))).toEqual(["GET /"]);
    expect(shownDifferences(differences, () => false, new Set())).toEqual([]);
  });
});
