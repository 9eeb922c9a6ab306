/**
 * The search page's URL. All conditions are one line of text, `q`; Jaeger's parameters are read as
 * parts of it, and give way to it when the search is changed.
 */

import { readTimeRange, timeRangeParams, type TimeRange } from "@/model/timeRange";
import { addTerm, writeComparison, writeLiteral, writeName } from "@/model/searchLine";
import { linkTo, type Changes } from "./location";

export const ORDERS = ["newest", "oldest", "longest", "errors", "spans"] as const;
export type Order = (typeof ORDERS)[number];

export interface Search {
  readonly line: string;
  readonly range: TimeRange;
  /** Traces on a page. */
  readonly limit: number;
  readonly order: Order;
  /** Whether traces are summed up by the operation they begin with. */
  readonly grouped: boolean;
  /** Traces that are shown instead of a search. */
  readonly traceIds: readonly string[];
}

export const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1000;
const ANY_SERVICE = "__all_services__";
const ANY_OPERATION = ["all", "__all_operations__"];

export function readSearch(params: URLSearchParams): Search {
  const limit = Math.trunc(Number(params.get("limit") ?? DEFAULT_LIMIT));
  const order = params.get("order");
  return {
    line: [...jaegerTerms(params)].reduce(addTerm, params.get("q")?.trim() ?? ""),
    range: readTimeRange(params),
    limit: limit >= 1 ? Math.min(limit, MAX_LIMIT) : DEFAULT_LIMIT,
    order: ORDERS.find((known) => known === order) ?? "newest",
    grouped: params.get("group") === "root",
    traceIds: params.getAll("traceID").filter(Boolean),
  };
}

/** The parameters that say these parts of a search; what is not given stays as it is. */
export function searchChanges(search: Partial<Search>): Changes {
  const { line, range, limit, order, grouped, traceIds } = search;
  return {
    ...(line === undefined ? {} : { ...NO_JAEGER_TERMS, q: line.trim() || null, traceID: null }),
    ...(range === undefined ? {} : timeRangeParams(range)),
    ...(limit === undefined ? {} : { limit: limit === DEFAULT_LIMIT ? null : limit }),
    ...(order === undefined ? {} : { order: order === "newest" ? null : order }),
    ...(grouped === undefined ? {} : { group: grouped ? "root" : null }),
    ...(traceIds === undefined ? {} : { traceID: traceIds }),
  };
}

/** The link of a search, for other pages. */
export function searchLink(search: Partial<Search>): string {
  return linkTo("/search", searchChanges(search));
}

const NO_JAEGER_TERMS = {
  service: null,
  operation: null,
  tag: null,
  tags: null,
  minDuration: null,
  maxDuration: null,
  __all_services__: null,
} as const;

/** Terms of the line that Jaeger's parameters stand for. */
function* jaegerTerms(params: URLSearchParams): Generator<string> {
  const service = params.get("service") ?? "";
  if (service && service !== ANY_SERVICE) yield `service=${writeLiteral(service)}`;
  const operation = params.get("operation") ?? "";
  if (operation && !ANY_OPERATION.includes(operation)) {
    yield `operation=${writeLiteral(operation)}`;
  }
  for (const [key, value] of jaegerTags(params)) yield tagTerm(key, value);
  const shortest = params.get("minDuration")?.trim();
  if (shortest) yield writeComparison({ name: "duration", operator: ">=", value: shortest });
  const longest = params.get("maxDuration")?.trim();
  if (longest) yield writeComparison({ name: "duration", operator: "<=", value: longest });
}

/** `tags={"key":"value"}` overrides `tag=key:value`; both may have several, `tag` joined by `|`. */
function jaegerTags(params: URLSearchParams): Map<string, string> {
  const tags = new Map<string, string>();
  const written = [...params.getAll("tag"), ...params.getAll("tags")];
  for (const text of written) {
    for (const [key, value] of readObject(text) ?? readPairs(text)) tags.set(key, value);
  }
  return tags;
}

function readObject(text: string): [string, string][] | null {
  try {
    const object: unknown = JSON.parse(text);
    if (typeof object !== "object" || object === null || Array.isArray(object)) return null;
    return Object.entries(object).map(([key, value]) => [key, String(value)]);
  } catch {
    return null;
  }
}

function readPairs(text: string): [string, string][] {
  return text.split("|").flatMap((pair) => {
    const colon = pair.indexOf(":");
    return colon > 0 ? [[pair.slice(0, colon), pair.slice(colon + 1)] as [string, string]] : [];
  });
}

/** Some of Jaeger's tags mean a field of the span. */
function tagTerm(key: string, value: string): string {
  if (key === "error") return value === "true" ? "error" : "-error";
  if (key === "scope.name" || key === "scope.version") key = `otel.${key}`;
  return `${writeName(key)}=${writeLiteral(value)}`;
}
