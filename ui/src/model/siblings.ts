/**
 * Siblings that are alike: children of one span with the same service and operation, such as the
 * queries of a loop. From five on they are shown as one row.
 */

import { at, type Trace } from "./trace";

export const FEWEST_ALIKE = 5;

export interface SiblingGroups {
  /** Group of each row; -1 for rows that stand by themselves. */
  readonly of: Int32Array;
  /** Rows of each group, ascending. */
  readonly members: readonly Int32Array[];
}

/** Roots are never grouped: they are no siblings, their common parent is not known. */
export function groupSiblings(trace: Trace): SiblingGroups {
  const { kinds, count } = numberOperations(trace);
  const of = new Int32Array(trace.count).fill(-1);
  const members: Int32Array[] = [];
  // Children of the parent at hand by operation; what another parent left is told by its row.
  const counts = new Int32Array(count);
  const countedFor = new Int32Array(count).fill(-1);
  const groups = new Int32Array(count);
  const filled: number[] = [];
  for (let parent = 0; parent < trace.count; parent++) {
    const end = at(trace.next, parent);
    if (end - parent <= FEWEST_ALIKE) continue;
    for (let row = parent + 1; row < end; row = at(trace.next, row)) {
      const kind = at(kinds, row);
      if (countedFor[kind] !== parent) counts[kind] = groups[kind] = 0;
      countedFor[kind] = parent;
      counts[kind]!++;
    }
    for (let row = parent + 1; row < end; row = at(trace.next, row)) {
      const kind = at(kinds, row);
      if (at(counts, kind) < FEWEST_ALIKE) continue;
      if (!groups[kind]) {
        groups[kind] = members.push(new Int32Array(at(counts, kind)));
        filled.push(0);
      }
      const group = at(groups, kind) - 1;
      of[row] = group;
      members[group]![filled[group]!++] = row;
    }
  }
  return { of, members };
}

/** A number for each pair of service and operation, by row. */
function numberOperations(trace: Trace): { kinds: Int32Array; count: number } {
  const kinds = new Int32Array(trace.count);
  const numbers = new Map<number, number>();
  for (let row = 0; row < trace.count; row++) {
    const pair = at(trace.service, row) * trace.names.length + at(trace.name, row);
    let number = numbers.get(pair);
    if (number === undefined) numbers.set(pair, (number = numbers.size));
    kinds[row] = number;
  }
  return { kinds, count: numbers.size };
}
