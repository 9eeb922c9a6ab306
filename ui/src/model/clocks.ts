/**
 * Clocks of hosts differ, so a served call may seem to begin before it was made. That would hide the
 * call and all below it from the critical path, and look like a difference between two traces.
 */

import { criticalPath } from "./criticalPath";
import { readDuration } from "./duration";
import { at, WARNED, type Trace } from "./trace";
import { rootRow, type CriticalPath, type TraceData } from "./traceData";

/** What is needed to tell calls from one service to another. */
export type TraceOfKinds = Trace & Pick<TraceData, "kind">;

/**
 * The trace with each served call, and all below it, moved to the middle of the call that made it,
 * where it does not lie inside but is short enough to; the rest stays.
 */
export function alignClocks(trace: TraceOfKinds): Trace {
  const shift = new Float64Array(trace.count);
  const start = trace.start.slice();
  for (let row = 0; row < trace.count; row++) {
    const above = at(trace.parent, row);
    if (above < 0) continue;
    const moved = at(start, row) + at(shift, above);
    const spare = at(trace.duration, above) - at(trace.duration, row);
    const begins = at(start, above);
    const inside = moved >= begins && moved <= begins + spare;
    const isCall = trace.kind(row) === "server" && trace.service[row] !== trace.service[above];
    const target = isCall && !inside && spare >= 0 ? begins + spare / 2 : moved;
    shift[row] = target - at(trace.start, row);
    start[row] = target;
  }
  return { ...trace, start };
}

/** The critical path as it runs on aligned clocks, its times on the clocks the trace is shown with. */
export function criticalPathOf(trace: TraceOfKinds): CriticalPath {
  const aligned = alignClocks(trace);
  const stretches = criticalPath(aligned, rootRow(trace));
  const moved = (row: number) => at(aligned.start, row) - at(trace.start, row);
  return {
    rows: Int32Array.from(stretches, ({ row }) => row),
    from: Float64Array.from(stretches, ({ row, from }) => from - moved(row)),
    to: Float64Array.from(stretches, ({ row, to }) => to - moved(row)),
  };
}

/** Whether a warning only says that clocks differ, which many spans of a service do at once. */
export function isAboutClocks(warning: string): boolean {
  return warning.startsWith("clock skew");
}

/** The largest difference of clocks, in nanoseconds, that warnings tell of but none made up for. */
export function uncorrectedSkew(trace: Pick<TraceData, "count" | "flags" | "warnings">): number {
  let largest = 0;
  for (let row = 0; row < trace.count; row++) {
    if (!(at(trace.flags, row) & WARNED)) continue;
    for (const warning of trace.warnings(row)) {
      const delta = /^clock skew.*not applying calculated delta of -?(.+)$/.exec(warning)?.[1];
      largest = Math.max(largest, readDuration(delta ?? "") ?? 0);
    }
  }
  return largest;
}
