/** How a user likes traces to be shown: kept in the browser, the same for all traces. */

import { create } from "zustand";
import { persist } from "zustand/middleware";

/** What is drawn besides the bars. */
export interface Marks {
  /** The stretches that made the trace as long as it is. */
  readonly criticalPath: boolean;
  /** Long stretches in which a span with children had none running. */
  readonly gaps: boolean;
  /** Paler where children ran. */
  readonly selfTime: boolean;
  readonly events: boolean;
}

interface Preferences {
  readonly marks: Marks;
  readonly groupSiblings: boolean;
  /** Share of the waterfall's width that names take. */
  readonly treeShare: number;
  readonly detailWidth: number;
  readonly eventTimes: EventTimes;
  setMark(mark: keyof Marks, on: boolean): void;
  set(change: Partial<Omit<Preferences, "marks">>): void;
}

/** What the times of events count from. */
export type EventTimes = "trace" | "span" | "absolute";

export const usePreferences = create<Preferences>()(
  persist(
    (set) => ({
      marks: { criticalPath: true, gaps: true, selfTime: false, events: true },
      groupSiblings: true,
      treeShare: 0.34,
      detailWidth: 420,
      eventTimes: "span",
      setMark: (mark, on) => set(({ marks }) => ({ marks: { ...marks, [mark]: on } })),
      set,
    }),
    { name: "ananta-trace-page" },
  ),
);
