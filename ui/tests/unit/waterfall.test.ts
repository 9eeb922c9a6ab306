import { describe, expect, it } from "vitest";
import { gapsOf } from "@/model/gaps";
import { indexPath, criticalPath } from "@/model/criticalPath";
import { paintMinimap } from "@/model/minimap";
import { groupSiblings } from "@/model/siblings";
import { buildTrace, CUT, type Trace } from "@/model/trace";
import { kindOf, listItems, maskOf, setSize, type Items, type Listing } from "@/model/waterfall";

type Row = [id: string, parent: string, start: number, duration: number, flags?: number];

function traceOf(rows: Row[]): Trace {
  return buildTrace({
    spanIds: rows.map(([id]) => id),
    parentIds: rows.map(([, parent]) => parent),
    starts: Float64Array.from(rows, ([, , start]) => start),
    durations: Float64Array.from(rows, ([, , , duration]) => duration),
    services: rows.map(([id]) => (id.startsWith("x") ? "db" : "shop")),
    // Ids such as `q1` and `q2` are spans of the same operation.
    names: rows.map(([id]) => id.replace(/\d+$/, "")),
    flags: Uint8Array.from(rows, ([, , , , flags]) => flags ?? 0),
  });
}

const ROWS: Row[] = [
  ["a", "", 0, 100],
  ["b", "a", 0, 40],
  ...Array.from({ length: 5 }, (_, n): Row => [`q${n}`, "b", n * 8, 4]),
  ["r", "b", 9, 1],
  ["x", "a", 50, 20],
  ["deep", "q3", 25, 1],
];
const trace = traceOf(ROWS);
const groups = groupSiblings(trace);
const rowOf = (name: string) => {
  const row = trace.name.indexOf(trace.names.indexOf(name));
  return row;
};
const plain: Listing = {
  collapsed: new Uint8Array(trace.count),
  groups: null,
  openGroups: new Set(),
  mask: null,
};

function lines(items: Items, of = trace): string {
  return Array.from({ length: items.length }, (_, index) => {
    const name = of.names[of.name[items.rows[index]!]!]!;
    const sign = { span: "", group: "×", more: "+" }[kindOf(items, index)];
    return `${sign}${name}${items.levels[index]}`;
  }).join(" ");
}

describe("listItems", () => {
  it("lists the tree, and leaves out what is collapsed", () => {
    expect(lines(listItems(trace, plain))).toBe("a0 b1 q2 q2 r2 q2 q2 deep3 q2 x1");
    const collapsed = new Uint8Array(trace.count);
    collapsed[rowOf("b")] = 1;
    expect(lines(listItems(trace, { ...plain, collapsed }))).toBe("a0 b1 x1");
  });

  it("shows alike siblings as one line, from five on", () => {
    expect(groups.members.map((members) => members.length)).toEqual([5]);
    expect(lines(listItems(trace, { ...plain, groups }))).toBe("a0 b1 ×q2 r2 x1");
    const open = { ...plain, groups, openGroups: new Set([0]) };
    expect(lines(listItems(trace, open))).toBe("a0 b1 ×q2 q3 q3 q3 q3 deep4 q3 r2 x1");
    expect(groupSiblings(traceOf(ROWS.slice(0, 6))).members).toEqual([]);
  });

  it("tells places among siblings, and parents", () => {
    const items = listItems(trace, { ...plain, groups });
    expect([...items.parents]).toEqual([-1, 0, 1, 1, 0]);
    expect([...items.positions]).toEqual([1, 1, 1, 2, 2]);
    expect([0, 1, 2, 3, 4].map((index) => setSize(items, index))).toEqual([1, 2, 2, 2, 2]);
  });

  it("has a line for spans that are missing below another", () => {
    const cut = traceOf([
      ["a", "", 0, 9, CUT],
      ["b", "a", 1, 1, CUT],
    ]);
    const whole = { ...plain, collapsed: new Uint8Array(2) };
    expect(lines(listItems(cut, whole), cut)).toBe("a0 b1 +b2 +a1");
    expect(lines(listItems(cut, { ...whole, collapsed: Uint8Array.of(0, 1) }), cut)).toBe(
      "a0 b1 +a1",
    );
  });

  it("lists the ancestors of matches and nothing else", () => {
    const found = Int32Array.of(rowOf("deep"), rowOf("r"));
    const mask = maskOf(trace, { found, hiddenServices: new Set(), minDurationNanos: 0 });
    expect(lines(listItems(trace, { ...plain, groups, mask }))).toBe("a0 b1 r2 q2 deep3");
    expect(mask![rowOf("a")]).toBe(1);
    expect(mask![rowOf("deep")]).toBe(2);
  });

  it("leaves out hidden services and short spans, but not what others are below", () => {
    const all = { found: null, hiddenServices: new Set<number>(), minDurationNanos: 0 };
    expect(maskOf(trace, all)).toBeNull();
    const shop = trace.serviceNames.indexOf("shop");
    const onlyDb = maskOf(trace, { ...all, hiddenServices: new Set([shop]) });
    expect(lines(listItems(trace, { ...plain, mask: onlyDb }))).toBe("a0 x1");
    const long = maskOf(trace, { ...all, minDurationNanos: 20 });
    expect(lines(listItems(trace, { ...plain, mask: long }))).toBe("a0 b1 x1");
  });
});

describe("gapsOf", () => {
  it("finds when no child ran", () => {
    expect(gapsOf(trace, rowOf("a"), 1)).toEqual([
      { from: 40, to: 50 },
      { from: 70, to: 100 },
    ]);
    expect(gapsOf(trace, rowOf("a"), 20)).toEqual([{ from: 70, to: 100 }]);
  });

  it("does not count what children did after their parent's end", () => {
    const odd = traceOf([
      ["a", "", 0, 10],
      ["b", "a", 5, 50],
    ]);
    expect(gapsOf(odd, 0, 0)).toEqual([{ from: 0, to: 5 }]);
  });
});

describe("indexPath", () => {
  it("tells a row's own stretches, and those of all below it as one", () => {
    const stretches = criticalPath(trace, 0);
    const path = indexPath(trace, {
      rows: Int32Array.from(stretches, ({ row }) => row),
      from: Float64Array.from(stretches, ({ from }) => from),
      to: Float64Array.from(stretches, ({ to }) => to),
    });
    expect(path.of(0)).toEqual([
      { from: 40, to: 50 },
      { from: 70, to: 100 },
    ]);
    expect(path.within(0)).toEqual({ from: 0, to: 100 });
    expect(path.within(rowOf("b"))).toEqual({ from: 0, to: 40 });
    expect(path.within(rowOf("x"))).toEqual({ from: 50, to: 70 });
    expect(path.of(rowOf("r"))).toEqual([]);
    expect(path.within(rowOf("r"))).toBeNull();
  });
});

describe("paintMinimap", () => {
  const palette = { services: Uint32Array.of(7, 8, 9), error: 1 };
  const line = (picture: { width: number; pixels: Uint32Array }, y: number) =>
    [...picture.pixels.subarray(y * picture.width, (y + 1) * picture.width)].join("");

  it("draws a row a line where there is room", () => {
    const picture = paintMinimap(
      traceOf([
        ["a", "", 0, 10],
        ["x", "a", 4, 2],
      ]),
      10,
      2,
      palette,
      new Uint8Array(2),
    );
    expect([line(picture, 0), line(picture, 1)]).toEqual(["8888888888", "0000770000"]);
  });

  it("lets errors win, then what is longest, and shows what is shorter than a pixel", () => {
    const rows: Row[] = [
      ["a", "", 0, 1000],
      ["x", "a", 100, 400],
      ["e", "a", 500, 1, 1],
      ["tiny", "a", 999, 0],
    ];
    const picture = paintMinimap(traceOf(rows), 10, 1, palette, new Uint8Array(2));
    expect(line(picture, 0)).toBe("8888811188");
    const hidden = paintMinimap(traceOf(rows), 10, 1, palette, Uint8Array.of(0, 1));
    expect(line(hidden, 0)).toBe("0777700000");
    const apart = paintMinimap(traceOf(rows), 10, 4, palette, new Uint8Array(2));
    expect(line(apart, 3)).toBe("0000000008");
  });
});
