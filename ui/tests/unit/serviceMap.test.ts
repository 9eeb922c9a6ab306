import { describe, expect, it } from "vitest";
import {
  busiestService,
  calleesOf,
  callersOf,
  describeEdge,
  describeNode,
  healthOf,
  neighbourhood,
  readHops,
  withoutWeakEdges,
  type ServiceMap,
} from "@/model/serviceMap";
import { edge, mapOf, node } from "./maps";

const names = (map: ServiceMap) => map.nodes.map(({ service }) => service).sort();
const links = (map: ServiceMap) => map.edges.map(({ caller, callee }) => `${caller}>${callee}`);

const shop = mapOf(
  [
    ["web", "gateway", 500],
    ["gateway", "orders", 300],
    ["gateway", "users", 200],
    ["orders", "store", 250],
    ["report", "store", 3],
    ["store", "disk", 900],
    ["disk", "store", 1],
  ],
  ["cron"],
);

describe("neighbourhood", () => {
  it("keeps callers and callees within the hops, not the callers of callees", () => {
    expect(names(neighbourhood(shop, "orders", 1))).toEqual(["gateway", "orders", "store"]);
    expect(names(neighbourhood(shop, "orders", 2))).toEqual([
      "disk",
      "gateway",
      "orders",
      "store",
      "web",
    ]);
    expect(links(neighbourhood(shop, "orders", 1))).toEqual(["gateway>orders", "orders>store"]);
    expect(neighbourhood(shop, "orders", "all")).toBe(shop);
  });

  it("shows a service without calls alone, and nothing of one that is not there", () => {
    expect(names(neighbourhood(shop, "cron", 3))).toEqual(["cron"]);
    expect(neighbourhood(shop, "nobody", 2)).toEqual({ nodes: [], edges: [] });
  });

  it("ends in circles", () => {
    expect(names(neighbourhood(shop, "disk", 3))).toEqual([
      "disk",
      "gateway",
      "orders",
      "report",
      "store",
    ]);
  });
});

it("hides weak edges, and services that had only these", () => {
  const strong = withoutWeakEdges(shop, 10);
  expect(links(strong)).not.toContain("report>store");
  expect(names(strong)).not.toContain("report");
  expect(names(strong)).toContain("cron");
  expect(withoutWeakEdges(shop, 0)).toBe(shop);
});

it("tells who calls whom, most calls first", () => {
  expect(callersOf(shop, "store").map((one) => one.caller)).toEqual(["orders", "report", "disk"]);
  expect(calleesOf(shop, "gateway").map((one) => one.callee)).toEqual(["orders", "users"]);
  const nodes = [node("a", { requests: 1 }), node("b", { requests: 9 })];
  expect(busiestService({ nodes, edges: [] })).toBe("b");
  expect(busiestService({ nodes: [], edges: [] })).toBeNull();
});

it("reads hops, one unless it knows better", () => {
  expect(["1", "3", "all", "7", null].map(readHops)).toEqual([1, 3, "all", 1, 1]);
});

it("says how many fail, in words too", () => {
  expect([healthOf(0, 10), healthOf(1, 100), healthOf(5, 100), healthOf(0, 0)]).toEqual([
    "fine",
    "some",
    "many",
    "fine",
  ]);
  expect(describeEdge(edge("a", "b", { calls: 1234, errors: 12, p95_nanos: 5e6 }))).toBe(
    "a calls b: 1,234 calls, 1.0 % errors, p95 5.00 ms",
  );
  expect(describeNode(node("db", { kind: "database" }))).toBe("db (database): no requests");
});
