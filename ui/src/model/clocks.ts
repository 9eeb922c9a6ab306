/**
 * Clocks of hosts differ, so a served call may seem to begin before it was made. Where times of two
 * traces are compared that would look like a difference, and hide the calls below.
 */

import { at, type Trace } from "./trace";
import type { TraceData } from "./traceData";

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
