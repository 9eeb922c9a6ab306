/** Links to searches around the time of the trace, which may be older than what searches look at. */

import { microsOf } from "@/model/traceData";
import { linkTo } from "@/url/location";
import { useTraceView } from "../store";

const HALF_HOUR_MICROS = 30 * 60e6;

export function useSearchLink(): (query: string) => string {
  const { trace } = useTraceView();
  return (query) =>
    linkTo("/search", {
      q: query,
      lookback: "custom",
      start: Math.floor(microsOf(trace, trace.begin) - HALF_HOUR_MICROS),
      end: Math.ceil(microsOf(trace, trace.end) + HALF_HOUR_MICROS),
    });
}
