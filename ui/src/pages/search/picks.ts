/** Traces picked to be compared; they stay while the tab is open, from one search to the next. */

import { create } from "zustand";
import { createJSONStorage, persist } from "zustand/middleware";
import type { TraceSummary } from "@/model/scatter";
import { linkTo } from "@/url/location";

export interface Pick {
  readonly traceId: string;
  readonly service: string;
  readonly operation: string;
  readonly durationNanos: number;
}

interface Picks {
  readonly picks: readonly Pick[];
  toggle(trace: TraceSummary): void;
  remove(traceId: string): void;
  clear(): void;
}

export const usePicks = create<Picks>()(
  persist(
    (set) => ({
      picks: [],
      toggle: (trace) =>
        set(({ picks }) =>
          picks.some(({ traceId }) => traceId === trace.trace_id)
            ? { picks: picks.filter(({ traceId }) => traceId !== trace.trace_id) }
            : { picks: [...picks, pickOf(trace)] },
        ),
      remove: (gone) =>
        set(({ picks }) => ({ picks: picks.filter(({ traceId }) => traceId !== gone) })),
      clear: () => set({ picks: [] }),
    }),
    { name: "ananta-compare", storage: createJSONStorage(() => sessionStorage) },
  ),
);

function pickOf(trace: TraceSummary): Pick {
  return {
    traceId: trace.trace_id,
    service: trace.root_service,
    operation: trace.root_operation,
    durationNanos: trace.duration_nanos,
  };
}

/** The page that compares the first two; with more, all can be chosen from there. */
export function compareLink(picks: readonly Pick[]): string {
  const [first, second] = picks;
  const cohort = picks.length > 2 ? picks.map(({ traceId }) => traceId) : [];
  return linkTo(`/trace/${first?.traceId ?? ""}...${second?.traceId ?? ""}`, { cohort });
}
