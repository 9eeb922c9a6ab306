import { instance } from "@viz-js/viz";
import { describe, expect, it } from "vitest";
import {
  edgeAt,
  LABEL_HEIGHT,
  LABEL_WIDTH,
  MAX_ROUTED_EDGES,
  NODE_HEIGHT,
  NODE_WIDTH,
  planLayout,
  readLayout,
  type Layout,
  type Point,
} from "@/model/mapLayout";
import { largeMap, mapOf } from "./maps";

const viz = await instance();

function layOut(map: ReturnType<typeof mapOf>): Layout {
  const plan = planLayout(map);
  return readLayout(plan.dot ? viz.renderString(plan.dot, { format: "plain" }) : "", plan);
}

function overlap(one: Point, other: Point, width: number, height: number): boolean {
  return Math.abs(one.x - other.x) < width - 0.5 && Math.abs(one.y - other.y) < height - 0.5;
}

describe("planLayout", () => {
  it("keeps names out of the text, however odd they are", () => {
    const odd = 'a"; n9 -> n8 //\n<b>\\';
    const plan = planLayout(mapOf([[odd, "日本 語"]]));
    expect(plan.dot).not.toContain("日本");
    expect(plan.dot).not.toContain("//");
    expect(plan.dot.match(/->/g)).toHaveLength(1);
    expect([...layOut(mapOf([[odd, "日本 語"]])).nodes.keys()].sort()).toEqual([odd, "日本 語"]);
  });

  it("gives the same text for other figures and another order of the same calls", () => {
    const one = mapOf([
      ["a", "b"],
      ["b", "c"],
    ]);
    const other = mapOf([
      ["b", "c"],
      ["a", "b"],
    ]);
    const busier = { ...other, edges: other.edges.map((edge) => ({ ...edge, calls: 99 })) };
    expect(planLayout(busier).dot).toBe(planLayout(one).dot);
  });
});

describe("readLayout", () => {
  it("puts callers left of whom they call, with room for labels", () => {
    const layout = layOut(
      mapOf([
        ["gateway", "orders"],
        ["gateway", "users"],
        ["orders", "store"],
        ["store", "store"],
      ]),
    );
    const [gateway, orders, users, store] = ["gateway", "orders", "users", "store"].map((service) =>
      layout.nodes.get(service)!,
    ) as [Point, Point, Point, Point];
    expect(orders.x - gateway.x).toBeGreaterThan(NODE_WIDTH + LABEL_WIDTH);
    expect(store.x).toBeGreaterThan(orders.x);
    expect(overlap(orders, users, NODE_WIDTH, NODE_HEIGHT)).toBe(false);
    const labels = layout.edges.map((edge) => edge.label);
    labels.forEach((label, at) => {
      for (const other of labels.slice(at + 1)) {
        expect(overlap(label, other, LABEL_WIDTH, LABEL_HEIGHT)).toBe(false);
      }
    });
    for (const { x, y } of layout.nodes.values()) {
      expect(x - NODE_WIDTH / 2).toBeGreaterThanOrEqual(-1);
      expect(x + NODE_WIDTH / 2).toBeLessThanOrEqual(layout.width + 1);
      expect(y + NODE_HEIGHT / 2).toBeLessThanOrEqual(layout.height + 1);
    }
  });

  it("places services without calls below the others, none over another", () => {
    const layout = layOut(mapOf([["a", "b"]], ["x", "y", "z"]));
    const [a, x, y, z] = ["a", "x", "y", "z"].map((name) => layout.nodes.get(name)!);
    for (const loose of [x!, y!, z!]) expect(loose.y).toBeGreaterThan(a!.y + NODE_HEIGHT);
    expect(overlap(x!, y!, NODE_WIDTH, NODE_HEIGHT)).toBe(false);
    expect(overlap(y!, z!, NODE_WIDTH, NODE_HEIGHT)).toBe(false);
    expect(layOut(mapOf([], ["x"])).nodes.get("x")).toBeDefined();
  });

  it("lays out 500 services and 2,000 calls, every caller left of its callees", () => {
    const map = largeMap(500, 2000);
    expect(map.edges.length).toBeGreaterThan(MAX_ROUTED_EDGES);
    const layout = layOut(map);
    expect(layout.nodes.size).toBe(500);
    expect(layout.edges).toHaveLength(2000);
    expect(layout.labelled).toBe(false);
    const wrong = map.edges.filter(
      ({ caller, callee }) => layout.nodes.get(caller)!.x >= layout.nodes.get(callee)!.x,
    );
    expect(wrong).toEqual([]);
    const places = [...layout.nodes.values()];
    const collisions = places.filter((place, at) =>
      places.slice(at + 1).some((other) => overlap(place, other, NODE_WIDTH, NODE_HEIGHT)),
    );
    expect(collisions).toEqual([]);
  });

  it("lays out large maps with circles and calls to oneself", () => {
    const chain = Array.from({ length: 200 }, (_, at): [string, string] => [
      `s${at}`,
      `s${(at + 1) % 200}`,
    ]);
    const layout = layOut(mapOf([...chain, ["s5", "s5"]]));
    expect(layout.nodes.size).toBe(200);
    for (const { points } of layout.edges) {
      expect(points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
    }
  });
});

it("finds the edge at a point", () => {
  const layout = layOut(
    mapOf([
      ["a", "b"],
      ["a", "c"],
    ]),
  );
  layout.edges.forEach(({ points }, index) => {
    const [from, to] = [points[0]!, points.at(-1)!];
    expect(edgeAt(layout.edges, to, 5)).toBe(index);
    expect(from.x).toBeLessThan(to.x);
  });
  expect(edgeAt(layout.edges, { x: -100, y: -100 }, 5)).toBe(-1);
});
