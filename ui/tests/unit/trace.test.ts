import { describe, expect, it } from "vitest";
import { criticalPath } from "@/model/criticalPath";
import { buildTrace, hasChildren, visibleRows, type SpanColumns } from "@/model/trace";

type Row = [id: string, parent: string, start: number, duration: number, error?: boolean];

function columns(rows: Row[]): SpanColumns {
  return {
    spanIds: rows.map(([id]) => id),
    parentIds: rows.map(([, parent]) => parent),
    starts: Float64Array.from(rows, ([, , start]) => start),
    durations: Float64Array.from(rows, ([, , , duration]) => duration),
    services: rows.map(([id]) => `service ${id[0]}`),
    names: rows.map(([id]) => id),
    flags: Uint8Array.from(rows, ([, , , , error]) => (error ? 1 : 0)),
  };
}

function ids(rows: Row[], order: Int32Array): string {
  return Array.from(order, (place) => rows[place]?.[0]).join(" ");
}

const ROWS: Row[] = [
  ["c", "b", 30, 20],
  ["a", "", 0, 100],
  ["d", "a", 60, 30, true],
  ["b", "a", 10, 40],
  ["e", "d", 70, 10, true],
];

describe("buildTrace", () => {
  const trace = buildTrace(columns(ROWS));

  it("puts parents before children and children in the order they start", () => {
    expect(ids(ROWS, trace.source)).toBe("a b c d e");
    expect([...trace.depth]).toEqual([0, 1, 2, 1, 2]);
    expect([...trace.parent]).toEqual([-1, 0, 1, 0, 3]);
    expect([...trace.next]).toEqual([5, 3, 3, 5, 5]);
  });

  it("knows the time no child ran, and the errors below", () => {
    expect([...trace.self]).toEqual([30, 20, 20, 20, 10]);
    expect([...trace.errorsBelow]).toEqual([2, 0, 0, 1, 0]);
    expect([trace.begin, trace.end]).toEqual([0, 100]);
  });

  it("leaves out what is below a collapsed row", () => {
    expect([...visibleRows(trace, new Set([1]))]).toEqual([0, 1, 3, 4]);
    expect([...visibleRows(trace, new Set([0]))]).toEqual([0]);
    expect(hasChildren(trace, 0) && !hasChildren(trace, 2)).toBe(true);
  });

  it("shows a missing parent's children as roots", () => {
    const orphaned = buildTrace(
      columns([
        ["a", "", 0, 9],
        ["x", "gone", 5, 1],
      ]),
    );
    expect([...orphaned.orphans]).toEqual([1]);
    expect([...orphaned.depth]).toEqual([0, 0]);
  });

  it("loses no span to cycles, own parents or repeated ids", () => {
    const rows: Row[] = [
      ["a", "b", 0, 1],
      ["b", "a", 1, 1],
      ["s", "s", 2, 1],
      ["a", "b", 3, 1],
    ];
    const odd = buildTrace(columns(rows));
    expect([...odd.source].sort()).toEqual([0, 1, 2, 3]);
    expect(odd.count).toBe(4);
  });

  it("is not stopped by depth", () => {
    const deep = Array.from({ length: 20_000 }, (_, n): Row => [`${n}`, n ? `${n - 1}` : "", n, 1]);
    expect(buildTrace(columns(deep)).depth[19_999]).toBe(19_999);
  });

  it("is empty without spans", () => {
    expect(buildTrace(columns([])).count).toBe(0);
    expect(criticalPath(buildTrace(columns([])))).toEqual([]);
  });
});

describe("criticalPath", () => {
  const path = (rows: Row[]) => {
    const trace = buildTrace(columns(rows));
    return criticalPath(trace)
      .reverse()
      .map(({ row, from, to }) => `${trace.names[trace.name[row] ?? 0]} ${from}-${to}`);
  };

  it("goes back through the child that ended last", () => {
    expect(path(ROWS)).toEqual([
      "a 0-10",
      "b 10-30",
      "c 30-50",
      "a 50-60",
      "d 60-70",
      "e 70-80",
      "d 80-90",
      "a 90-100",
    ]);
  });

  it("passes by what ran beside a longer child, and what outlived its parent", () => {
    expect(
      path([
        ["a", "", 0, 100],
        ["long", "a", 10, 80],
        ["short", "a", 20, 10],
        ["late", "a", 95, 50],
      ]),
    ).toEqual(["a 0-10", "long 10-90", "a 90-100"]);
  });

  it("covers the root without gaps", () => {
    const trace = buildTrace(columns(ROWS));
    const stretches = criticalPath(trace).reverse();
    expect(stretches.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(100);
  });
});
