/** The traces a search finds: in pages, live, or those whose ids the URL names. */

import {
  useInfiniteQuery,
  useQuery,
  type UseInfiniteQueryResult,
  type UseQueryResult,
} from "@tanstack/react-query";
import { get, useApi, type Answers, type ApiError } from "@/api/client";
import type { TraceSummary } from "@/model/scatter";
import { asParameters, windowOf } from "@/model/timeRange";
import { type SearchState } from "./useSearch";

const LIVE_EVERY_MILLISECONDS = 2000;
const FRESH_MILLISECONDS = 3 * LIVE_EVERY_MILLISECONDS;
const KEPT_MILLISECONDS = 30 * 60_000;
/** The server passes over no more. */
const MAX_OFFSET = 10_000;

interface Pages {
  readonly pages: readonly Answers["TraceList"][];
}

export type FoundTraces = UseInfiniteQueryResult<Pages, ApiError>;

/** A page at a time. What was loaded stays in the cache for those who come back. */
export function useFoundTraces(
  { question, search: { limit, order } }: SearchState,
  enabled: boolean,
): FoundTraces {
  return useInfiniteQuery<Answers["TraceList"], ApiError, Pages, readonly unknown[], number>({
    queryKey: ["/search", question, limit, order],
    queryFn: ({ pageParam, signal }) =>
      get("/search", { ...question, limit: String(limit), order, offset: pageParam }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const offset = pages.reduce((sum, page) => sum + page.traces.length, 0);
      return last.more && offset <= MAX_OFFSET ? offset : undefined;
    },
    staleTime: Infinity,
    gcTime: KEPT_MILLISECONDS,
    placeholderData: (before: Pages | undefined) => before as never,
    enabled,
  });
}

interface LiveTraces {
  readonly traces: readonly TraceSummary[];
  /** Ids of those that came within the last few questions. */
  readonly fresh: readonly string[];
  /** When each was first seen, in milliseconds; 0 for those that were there at the beginning. */
  readonly firstSeen: Readonly<Record<string, number>>;
}

export type LiveQuery = UseQueryResult<LiveTraces, ApiError>;

/** The newest traces, again and again while the page is in sight. */
export function useLiveTraces(
  { search: { line, limit, range } }: SearchState,
  enabled: boolean,
): LiveQuery {
  const queryKey = ["live traces", line, limit, range];
  return useQuery<LiveTraces, ApiError>({
    queryKey,
    queryFn: async ({ signal, client }) => {
      const now = Date.now();
      const question = { q: line, ...asParameters(windowOf(range, now * 1000)) };
      const { traces } = await get("/search", { ...question, limit: String(limit) }, signal);
      return withFresh(traces, client.getQueryData<LiveTraces>(queryKey), now);
    },
    enabled,
    staleTime: 0,
    gcTime: 0,
    refetchInterval: LIVE_EVERY_MILLISECONDS,
    refetchIntervalInBackground: false,
  });
}

function withFresh(
  traces: readonly TraceSummary[],
  before: LiveTraces | undefined,
  now: number,
): LiveTraces {
  const firstSeen: Record<string, number> = {};
  for (const { trace_id: id } of traces) firstSeen[id] = before ? (before.firstSeen[id] ?? now) : 0;
  const fresh = Object.keys(firstSeen).filter((id) => now - firstSeen[id]! < FRESH_MILLISECONDS);
  return { traces, fresh, firstSeen };
}

/** Traces by their ids, as links of Jaeger name them; those not stored are left out. */
export function useNamedTraces(traceIds: readonly string[]) {
  return useApi("/traces", { traceID: traceIds }, { enabled: traceIds.length > 0 });
}
