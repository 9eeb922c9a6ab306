/** What groups of spans add up to: by service, operation, kind or the value of an attribute. */

import { groupBy } from "./groupBy";
import { at, ERROR, type Trace } from "./trace";

export interface Summary {
  readonly total: number;
  readonly average: number;
  readonly min: number;
  readonly max: number;
  /** The smallest value that at least 95 % of the values do not exceed. */
  readonly p95: number;
}

export interface Group {
  /** What its spans have in common; empty where they lack what is grouped by. */
  readonly key: string;
  readonly count: number;
  readonly errors: number;
  /** Nanoseconds. */
  readonly duration: Summary;
  readonly self: Summary;
  /** Its self time as a share of that of the whole trace. */
  readonly share: number;
  readonly rows: readonly number[];
  /** The second level; empty where there is none. */
  readonly groups: readonly Group[];
}

/** Tells what a row is grouped by. */
export type KeyOf = (row: number) => string;

/** Groups rows by the first key, and those of each group by the second, most self time first. */
export function groupSpans(
  trace: Trace,
  rows: Iterable<number>,
  first: KeyOf,
  second: KeyOf | null,
): Group[] {
  const all = [...rows];
  const selfOfAll = trace.self.reduce((sum, self) => sum + self, 0);
  const group = (members: readonly number[], keyOf: KeyOf, below: KeyOf | null): Group[] =>
    [...groupBy(members, keyOf)]
      .map(([key, ofKey]) => ({
        ...summarize(trace, key, ofKey, selfOfAll),
        groups: below ? group(ofKey, below, null) : [],
      }))
      .sort((one, other) => other.self.total - one.self.total);
  return group(all, first, second);
}

function summarize(
  trace: Trace,
  key: string,
  rows: readonly number[],
  selfOfAll: number,
): Omit<Group, "groups"> {
  const self = summaryOf(Float64Array.from(rows, (row) => at(trace.self, row)));
  return {
    key,
    rows,
    count: rows.length,
    errors: rows.reduce((errors, row) => errors + (at(trace.flags, row) & ERROR), 0),
    duration: summaryOf(Float64Array.from(rows, (row) => at(trace.duration, row))),
    self,
    share: selfOfAll > 0 ? self.total / selfOfAll : 0,
  };
}

/** Sums up values, of which there must be at least one; sorts them where they are. */
function summaryOf(values: Float64Array): Summary {
  values.sort();
  const total = values.reduce((sum, value) => sum + value, 0);
  return {
    total,
    average: total / values.length,
    min: at(values, 0),
    max: at(values, values.length - 1),
    p95: at(values, Math.ceil(values.length * 0.95) - 1),
  };
}
