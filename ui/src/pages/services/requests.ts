/** Searches for the spans that figures of services count. */

import type { Answers } from "@/api/client";
import { linkTo, type Changes } from "@/url/location";

export type ServiceOverview = Answers["ServiceOverview"];
export type OperationOverview = Answers["OperationOverview"];

export const KINDS = ["server", "client", "consumer", "producer", "internal"] as const;

export type Which = "all" | "failed" | "slow";

export interface Counted {
  readonly service: string;
  readonly operation?: string | undefined;
  /** Empty where the figures count requests. */
  readonly kind?: string | undefined;
}

/** What is slow begins at `slowNanos`; where it isn't given, the longest come first. */
export function tracesLink(
  { service, operation, kind }: Counted,
  range: Changes,
  which: Which,
  slowNanos = 0,
): string {
  return linkTo("/search", {
    service,
    operation,
    q: [kindTerm(kind, operation), which === "failed" ? "error" : ""].filter(Boolean).join(" "),
    minDuration: which === "slow" && slowNanos ? `${Math.floor(slowNanos / 1000)}us` : null,
    order: which === "slow" ? "longest" : null,
    ...range,
  });
}

/** Of an operation all spans are counted, of a service its requests. */
function kindTerm(kind: string | undefined, operation: string | undefined): string {
  if (kind) return `kind=${kind}`;
  return operation ? "" : "(kind=server OR kind=consumer)";
}
