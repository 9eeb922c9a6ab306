/** Where the figures of the map lead: searches for the spans they count. */

import { writeLiteral } from "@/model/searchLine";
import { isService, type MapEdge, type MapNode } from "@/model/serviceMap";
import { linkTo, type Changes } from "@/url/location";

export type Which = "all" | "failed" | "slow";

const REQUESTS = "(kind=server OR kind=consumer)";

/**
 * The traces of calls. What sends no spans is found by those of its caller. The language of
 * searches knows no parents, so else these are all the requests that the callee served.
 */
export function callTracesLink(
  edge: MapEdge,
  callee: MapNode | undefined,
  range: Changes,
  which: Which,
): string {
  const [service, condition] = isService(callee)
    ? [edge.callee, REQUESTS]
    : [edge.caller, callsOf(edge.callee)];
  return search(service, condition, edge.p95_nanos, range, which);
}

/** Whether a search finds the calls of an edge alone, and not those of other callers, too. */
export function canFindCalls(edge: MapEdge, callee: MapNode | undefined): boolean {
  return !isService(callee) || callee?.requests === edge.calls;
}

/** The traces of the requests a service served, or of the calls to what sends no spans. */
export function nodeTracesLink(node: MapNode, range: Changes, which: Which): string {
  if (!isService(node)) return search("", callsOf(node.service), node.p95_nanos, range, which);
  return search(node.service, node.requests ? REQUESTS : "", node.p95_nanos, range, which);
}

/** The map knows what sends no spans by the peer that clients' spans name. */
function callsOf(name: string): string {
  return `peer=${writeLiteral(name)}`;
}

function search(
  service: string,
  condition: string,
  p95Nanos: number,
  range: Changes,
  which: Which,
): string {
  return linkTo("/search", {
    service,
    q: [condition, which === "failed" ? "error" : ""].filter(Boolean).join(" "),
    minDuration: which === "slow" ? `${Math.floor(p95Nanos / 1000)}us` : null,
    order: which === "slow" ? "longest" : null,
    ...range,
  });
}
