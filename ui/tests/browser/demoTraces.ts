/** Traces of the demo that tests look at, asked of the platform itself. */

import { inject } from "vitest";

interface Found {
  readonly traces: readonly { readonly trace_id: string; readonly spans: number }[];
}

/** Ids of traces that match a search in the query language, the newest first. */
export async function findTraces(q: string, order = "newest"): Promise<string[]> {
  const query = new URLSearchParams({ q, order, lookback: "2h", limit: "20" });
  const response = await fetch(`${inject("url")}/api/ananta/v1/search?${query.toString()}`);
  const { traces } = (await response.json()) as Found;
  if (!traces.length) throw new Error(`no trace matches ${q}`);
  return traces.map(({ trace_id }) => trace_id);
}
