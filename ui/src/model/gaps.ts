/** When a span ran without any of its children: its own work, or what nobody instrumented. */

import { at, type Trace } from "./trace";

export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** The stretches of a row in which no child ran, of at least some length, in the order of time. */
export function gapsOf(trace: Trace, row: number, minNanos: number): Gap[] {
  const gaps: Gap[] = [];
  const end = at(trace.start, row) + at(trace.duration, row);
  let covered = at(trace.start, row);
  const add = (to: number) => {
    if (to - covered >= minNanos && to > covered) gaps.push({ from: covered, to });
  };
  const after = at(trace.next, row);
  for (let child = row + 1; child < after && covered < end; child = at(trace.next, child)) {
    add(Math.min(at(trace.start, child), end));
    covered = Math.max(covered, at(trace.start, child) + at(trace.duration, child));
  }
  add(end);
  return gaps;
}

/** What counts as uninstrumented: a twentieth of the trace, and a millisecond at least. */
export function longestUnexplained(trace: Trace): number {
  return Math.max(1e6, (trace.end - trace.begin) / 20);
}
