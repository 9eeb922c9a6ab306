/** The service map: which part of it is shown, who is next to whom, and how healthy calls are. */

import type { Answers } from "@/api/client";
import { formatCount, formatDuration, formatShare } from "./format";

export type MapNode = Answers["MapNode"];
export type MapEdge = Answers["MapEdge"];

export interface ServiceMap {
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

/** Whether it sends spans; what doesn't is known by the spans of those who call it. */
export function isService(node: MapNode | undefined): boolean {
  return !node || node.kind === "service";
}

/** How many calls away from the service in focus others may be. */
export type Hops = 1 | 2 | 3 | "all";

export function readHops(text: string | null): Hops {
  if (text === "1" || text === "2" || text === "3") return Number(text) as Hops;
  return text === "all" ? "all" : 1;
}

/**
 * Without calls between services that were made less often than this. A service that loses its last
 * call goes with it; one that never had any stays.
 */
export function withoutWeakEdges(map: ServiceMap, minCalls: number): ServiceMap {
  const edges = map.edges.filter((edge) => edge.calls >= minCalls);
  if (edges.length === map.edges.length) return map;
  const linked = new Set(edges.flatMap(endsOf));
  const hadEdges = new Set(map.edges.flatMap(endsOf));
  const nodes = map.nodes.filter(({ service }) => linked.has(service) || !hadEdges.has(service));
  return { nodes, edges };
}

/**
 * A service, who calls it and whom it calls, directly or over as many calls as `hops`. Callers of
 * what it calls are left out: they say nothing about the service. With `all` the map stays whole.
 */
export function neighbourhood(map: ServiceMap, service: string, hops: Hops): ServiceMap {
  if (hops === "all") return map;
  const kept = new Set([
    ...reach(service, hops, nextTo(map.edges, "caller", "callee")),
    ...reach(service, hops, nextTo(map.edges, "callee", "caller")),
  ]);
  return {
    nodes: map.nodes.filter((node) => kept.has(node.service)),
    edges: map.edges.filter((edge) => kept.has(edge.caller) && kept.has(edge.callee)),
  };
}

type End = "caller" | "callee";

function nextTo(edges: readonly MapEdge[], from: End, to: End): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const edge of edges) {
    const known = next.get(edge[from]);
    if (known) known.push(edge[to]);
    else next.set(edge[from], [edge[to]]);
  }
  return next;
}

function reach(service: string, hops: number, next: ReadonlyMap<string, string[]>): Set<string> {
  const reached = new Set([service]);
  let front = [service];
  for (let hop = 0; hop < hops && front.length; hop++) {
    front = [...new Set(front.flatMap((name) => next.get(name) ?? []))].filter(
      (name) => !reached.has(name),
    );
    for (const name of front) reached.add(name);
  }
  return reached;
}

function endsOf({ caller, callee }: MapEdge): [string, string] {
  return [caller, callee];
}

/** The service with most requests; null of an empty map. */
export function busiestService(map: ServiceMap): string | null {
  let busiest: MapNode | null = null;
  for (const node of map.nodes) if (!busiest || node.requests > busiest.requests) busiest = node;
  return busiest?.service ?? null;
}

export function callersOf(map: ServiceMap, service: string): readonly MapEdge[] {
  return byCalls(map.edges.filter((edge) => edge.callee === service && edge.caller !== service));
}

export function calleesOf(map: ServiceMap, service: string): readonly MapEdge[] {
  return byCalls(map.edges.filter((edge) => edge.caller === service && edge.callee !== service));
}

function byCalls(edges: readonly MapEdge[]): readonly MapEdge[] {
  return edges.toSorted((one, other) => other.calls - one.calls);
}

/** How many fail: none, some, or so many that it should be looked at first. */
export type Health = "fine" | "some" | "many";

const MANY = 0.05;

export function healthOf(errors: number, calls: number): Health {
  if (!errors || !calls) return "fine";
  return errors / calls < MANY ? "some" : "many";
}

export function shareOf(errors: number, calls: number): number {
  return calls ? errors / calls : 0;
}

/** The figures of a call between services in words, for tooltips and screen readers. */
export function describeEdge(edge: MapEdge): string {
  return (
    `${edge.caller} calls ${edge.callee}: ${formatCount(edge.calls)} calls, ` +
    `${formatShare(shareOf(edge.errors, edge.calls))} errors, p95 ${formatDuration(edge.p95_nanos)}`
  );
}

/** The figures of a service in words. */
export function describeNode(node: MapNode): string {
  const kind = node.kind === "service" ? "" : ` (${node.kind})`;
  if (!node.requests) return `${node.service}${kind}: no requests`;
  return (
    `${node.service}${kind}: ${formatCount(node.requests)} requests, ` +
    `${formatShare(shareOf(node.errors, node.requests))} errors, ` +
    `p95 ${formatDuration(node.p95_nanos)}`
  );
}
