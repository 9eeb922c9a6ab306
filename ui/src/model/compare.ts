/**
 * What differs between two traces, A and B, path by path.
 *
 * What made B slower is told by the critical paths: the times on them add up to the durations of
 * the roots, so their differences add up to the difference of these.
 */

import { alignClocks, type TraceOfKinds } from "./clocks";
import { criticalPath } from "./criticalPath";
import { mergePaths, type PathNode, type PathSide } from "./paths";
import { rootRow } from "./traceData";

export type Change = "added" | "removed" | "changed" | "same";

export interface Difference {
  readonly node: PathNode;
  readonly change: Change;
  readonly a: PathSide | null;
  readonly b: PathSide | null;
  /** B less A; what is not there counts as nothing. Times in nanoseconds. */
  readonly count: number;
  readonly errors: number;
  readonly duration: number;
  readonly self: number;
  /** Of the time on the critical path. */
  readonly critical: number;
}

/** Durations less than this share of the longer one apart are taken for the same… */
const SAME_SHARE = 0.1;
/** …and so are those whose difference is less than this share of the shorter trace. */
const SAME_SHARE_OF_TRACE = 0.005;

/** One difference for each path of either trace, in the order of the merged tree. */
export function compareTraces(first: TraceOfKinds, second: TraceOfKinds): Difference[] {
  const { nodes, nodeOfRow } = mergePaths([first, second]);
  const criticalOfA = criticalTimes(first, nodeOfRow[0]!, nodes.length);
  const criticalOfB = criticalTimes(second, nodeOfRow[1]!, nodes.length);
  const small = SAME_SHARE_OF_TRACE * Math.min(first.end - first.begin, second.end - second.begin);
  return nodes.map((node, index) => {
    const [a, b] = node.sides as [PathSide | null, PathSide | null];
    return {
      node,
      a,
      b,
      change: changeOf(a, b, small),
      count: (b?.count ?? 0) - (a?.count ?? 0),
      errors: (b?.errors ?? 0) - (a?.errors ?? 0),
      duration: (b?.duration ?? 0) - (a?.duration ?? 0),
      self: (b?.self ?? 0) - (a?.self ?? 0),
      critical: criticalOfB[index]! - criticalOfA[index]!,
    };
  });
}

function changeOf(a: PathSide | null, b: PathSide | null, small: number): Change {
  if (!a) return "added";
  if (!b) return "removed";
  if (a.count !== b.count || a.errors !== b.errors) return "changed";
  const apart = Math.abs(a.duration - b.duration);
  const same = apart <= small || apart <= SAME_SHARE * Math.max(a.duration, b.duration);
  return same ? "same" : "changed";
}

function criticalTimes(trace: TraceOfKinds, nodeOfRow: Int32Array, nodes: number): Float64Array {
  const times = new Float64Array(nodes);
  for (const { row, from, to } of criticalPath(alignClocks(trace), rootRow(trace)))
    times[nodeOfRow[row]!]! += to - from;
  return times;
}

/** How many paths there are of each kind. */
export function countChanges(differences: readonly Difference[]): Record<Change, number> {
  const counts: Record<Change, number> = { added: 0, removed: 0, changed: 0, same: 0 };
  for (const { change } of differences) counts[change] += 1;
  return counts;
}

/**
 * Indices of the differences to show: those wanted, with the paths that lead to them, and without
 * what is below collapsed ones.
 */
export function shownDifferences(
  differences: readonly Difference[],
  isWanted: (difference: Difference) => boolean,
  collapsed: ReadonlySet<number>,
): number[] {
  const wanted = new Uint8Array(differences.length);
  for (let index = differences.length - 1; index >= 0; index--) {
    const difference = differences[index]!;
    const { parent } = difference.node;
    if (isWanted(difference)) wanted[index] = 1;
    if (wanted[index] && parent >= 0) wanted[parent] = 1;
  }
  const shown: number[] = [];
  for (let index = 0; index < differences.length;) {
    if (wanted[index]) shown.push(index);
    index = collapsed.has(index) || !wanted[index] ? differences[index]!.node.next : index + 1;
  }
  return shown;
}
