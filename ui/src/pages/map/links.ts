/** Where the figures of the map lead: searches for the spans they count. */

import type { MapEdge, MapNode } from "@/model/serviceMap";
import { linkTo, type Changes } from "@/url/location";

export type Which = "all" | "failed" | "slow";

const REQUESTS = "(kind=server OR kind=consumer)";

/**
 * The traces of calls. The language of searches knows no parents, so these are the requests that
 * the callee served; what sends no spans itself is found by its caller's spans.
 */
export function callTracesLink(
  edge: MapEdge,
  callee: MapNode | undefined,
  range: Changes,
  which: Which,
): string {
  const isService = !callee || callee.kind === "service";
  const kind = isService ? REQUESTS : callee.kind === "queue" ? "kind=producer" : "kind=client";
  const service = isService ? edge.callee : edge.caller;
  return search(service, kind, edge.p95_nanos, range, which);
}

/** The traces of the requests a service served. */
export function nodeTracesLink(node: MapNode, range: Changes, which: Which): string {
  return search(node.service, node.requests ? REQUESTS : "", node.p95_nanos, range, which);
}

function search(
  service: string,
  kind: string,
  p95Nanos: number,
  range: Changes,
  which: Which,
): string {
  return linkTo("/search", {
    service,
    q: [kind, which === "failed" ? "error" : ""].filter(Boolean).join(" "),
    minDuration: which === "slow" ? `${Math.floor(p95Nanos / 1000)}us` : null,
    order: which === "slow" ? "longest" : null,
    ...range,
  });
}
