/** Which spans a view is about, and in what words it says so. */

import { useMemo } from "react";
import { at } from "@/model/trace";
import type { ViewProps } from "./props";

/** The rows found, or all where nothing is looked for, without those of hidden services. */
export function useShownRows({
  trace,
  found,
  hiddenServices,
}: Pick<ViewProps, "trace" | "found" | "hiddenServices">): readonly number[] {
  return useMemo(() => {
    const rows = found ? [...found] : Array.from({ length: trace.count }, (_, row) => row);
    if (!hiddenServices.size) return rows;
    return rows.filter((row) => !hiddenServices.has(at(trace.service, row)));
  }, [trace, found, hiddenServices]);
}

/** `12 of 340 spans`, or `340 spans` where these are all. */
export function describeCount(shown: number, all: number, noun: string): string {
  const [one, whole] = [shown, all].map((count) => count.toLocaleString("en-US"));
  return `${shown === all ? whole : `${one} of ${whole}`} ${all === 1 ? noun : `${noun}s`}`;
}
