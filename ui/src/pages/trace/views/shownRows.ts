/** Which spans a view is about, and in what words it says so. */

import { useMemo } from "react";
import { at, markRows } from "@/model/trace";
import type { ViewProps } from "./props";

/** All rows, or those found where only these are wished, without those of hidden services. */
export function useShownRows({
  trace,
  found,
  matchesOnly,
  hiddenServices,
}: Pick<ViewProps, "trace" | "found" | "matchesOnly" | "hiddenServices">): readonly number[] {
  return useMemo(() => {
    const rows =
      found && matchesOnly ? [...found] : Array.from({ length: trace.count }, (_, row) => row);
    if (!hiddenServices.size) return rows;
    return rows.filter((row) => !hiddenServices.has(at(trace.service, row)));
  }, [trace, found, matchesOnly, hiddenServices]);
}

/** 1 for rows that match; null where there are no others beside them to be told apart. */
export function useMatches({
  trace,
  found,
  matchesOnly,
}: Pick<ViewProps, "trace" | "found" | "matchesOnly">): Uint8Array | null {
  return useMemo(
    () => (found && !matchesOnly ? markRows(trace, found) : null),
    [trace, found, matchesOnly],
  );
}

/** `12 of 340 spans`, or `340 spans` where these are all. */
export function describeCount(shown: number, all: number, noun: string): string {
  const [one, whole] = [shown, all].map((count) => count.toLocaleString("en-US"));
  return `${shown === all ? whole : `${one} of ${whole}`} ${all === 1 ? noun : `${noun}s`}`;
}

/** Said beside the count where the rest is left out. */
export function describeFilter({ found, matchesOnly }: Pick<ViewProps, "found" | "matchesOnly">) {
  return found && matchesOnly ? "Only spans that match: " : "";
}
