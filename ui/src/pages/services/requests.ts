/** Searches for the spans that figures of services count. */

import type { Answers } from "@/api/client";
import { writeLiteral } from "@/model/searchLine";
import { linkTo, type Changes } from "@/url/location";

export type ServiceOverview = Answers["ServiceOverview"];
export type OperationOverview = Answers["OperationOverview"];
export type ExceptionOverview = Answers["ExceptionOverview"];

export const KINDS = ["server", "client", "consumer", "producer", "internal"] as const;

/** Messages that reach this many UTF-16 units may have been cut by the server, at 1,000 bytes. */
const CUT_LENGTH = 333;

export type Which = "all" | "failed" | "slow";

export interface Counted {
  readonly service: string;
  readonly operation?: string | undefined;
  /** Empty where the figures count requests. */
  readonly kind?: string | undefined;
}

/** What a service page is about: of its spans those of a name or a kind; empty for all. */
export interface Narrowed {
  readonly service: string;
  readonly operation: string;
  readonly kind: string;
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

/** Spans with an exception; where its messages differ, those of its type. */
export function exceptionLink(
  { service, operation, kind }: Counted,
  range: Changes,
  { type, message, messages }: ExceptionOverview,
): string {
  const isWhole = messages === 1 && message.length < CUT_LENGTH && !/[\n\r]/.test(message);
  return linkTo("/search", {
    service,
    operation,
    q: [
      kind ? `kind=${kind}` : "",
      type ? `exception.type=${writeLiteral(type)}` : "",
      message && (isWhole || !type) ? `exception.message=${writeLiteral(message)}` : "",
    ]
      .filter(Boolean)
      .join(" "),
    ...range,
  });
}

/** Of an operation all spans are counted, of a service its requests. */
function kindTerm(kind: string | undefined, operation: string | undefined): string {
  if (kind) return `kind=${kind}`;
  return operation ? "" : "(kind=server OR kind=consumer)";
}
