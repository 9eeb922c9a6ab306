/** The stretch of time of a page: read from the URL, as points in time that stay until asked anew. */

import { useCallback, useMemo, useState } from "react";
import {
  asParameters,
  readTimeRange,
  timeRangeParams,
  windowOf,
  type TimeRange,
  type Window,
} from "@/model/timeRange";
import { useUrl } from "./location";

export interface TimeWindow {
  readonly range: TimeRange;
  readonly window: Window;
  readonly seconds: number;
  /** As parameters of the API. */
  readonly question: { readonly start: string; readonly end: string };
  /** As parameters of links to other pages. */
  readonly params: Record<string, string | null>;
  setRange(range: TimeRange): void;
  /** Moves the end of a window that ends now to this moment. */
  refresh(): void;
}

export function useTimeWindow(): TimeWindow {
  const { params, change } = useUrl();
  const [nowMicros, setNow] = useState(readClock);
  const range = useMemo(() => readTimeRange(params), [params]);
  const key = JSON.stringify(range);
  const window = useMemo(() => windowOf(JSON.parse(key) as TimeRange, nowMicros), [key, nowMicros]);
  const refresh = useCallback(() => setNow(readClock()), []);
  const setRange = useCallback(
    (chosen: TimeRange) => {
      setNow(readClock());
      change(timeRangeParams(chosen));
    },
    [change],
  );
  return useMemo(
    () => ({
      range,
      window,
      seconds: (window.end - window.start) / 1e6,
      question: asParameters(window),
      params: timeRangeParams(range),
      setRange,
      refresh,
    }),
    [range, window, setRange, refresh],
  );
}

function readClock(): number {
  return Date.now() * 1000;
}
