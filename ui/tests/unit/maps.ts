/** Service maps for tests: one call an edge, unless a test says more. */

import type { MapEdge, MapNode, ServiceMap } from "@/model/serviceMap";

export function mapOf(
  calls: readonly (readonly [caller: string, callee: string, count?: number])[],
  loose: readonly string[] = [],
): ServiceMap {
  const services = new Set([...calls.flatMap(([caller, callee]) => [caller, callee]), ...loose]);
  return {
    nodes: [...services].map((service) => node(service)),
    edges: calls.map(([caller, callee, count = 1]) => edge(caller, callee, { calls: count })),
  };
}

export function node(service: string, figures: Partial<MapNode> = {}): MapNode {
  const none = { spans: 0, requests: 0, errors: 0, p50_nanos: 0, p95_nanos: 0 };
  return { service, kind: "service", ...none, ...figures };
}

export function edge(caller: string, callee: string, figures: Partial<MapEdge> = {}): MapEdge {
  return {
    caller,
    callee,
    calls: 1,
    messages: 0,
    errors: 0,
    p50_nanos: 0,
    p95_nanos: 0,
    ...figures,
  };
}

/** Services in eight tiers, each called by some of the tier before; figures differ from one to one. */
export function largeMap(services: number, calls: number): ServiceMap {
  const tier = Math.ceil(services / 8);
  const called = services - tier;
  const edges = Array.from({ length: calls }, (_, at) => {
    const callee = tier + (at % called);
    const round = Math.floor(at / called);
    const caller = (Math.floor(callee / tier) - 1) * tier + ((callee * 31 + round * 17) % tier);
    const figures = { calls: 1 + ((at * 31) % 5000), errors: at % 9 ? 0 : 1, p95_nanos: 12e6 };
    return edge(`service-${caller}`, `service-${callee}`, figures);
  });
  const nodes = Array.from({ length: services }, (_, at) =>
    node(`service-${at}`, {
      spans: 900,
      requests: 300 + at,
      errors: at % 7 ? 0 : 20,
      p95_nanos: 25e6,
    }),
  );
  return { nodes, edges };
}
