/**
 * The critical path: the stretches of time that, made shorter, would have made the trace shorter.
 *
 * Read backwards from the end of the root: a span is waited for until its last child that ended
 * before, then that child is, and so on to the start. What a child did after its parent had ended
 * held nobody up and is not on the path.
 */

import { at, type Trace } from "./trace";

export interface Stretch {
  readonly row: number;
  /** Nanoseconds since the base of the trace. */
  readonly from: number;
  readonly to: number;
}

/** The path of the tree below a row, from the last stretch to the first. */
export function criticalPath(trace: Trace, root = 0): Stretch[] {
  if (!trace.count) return [];
  const children = childrenByEnd(trace, root);
  const path: Stretch[] = [];
  const end = at(trace.start, root) + at(trace.duration, root);
  const open: { row: number; until: number; child: number }[] = [
    { row: root, until: end, child: 0 },
  ];
  for (let top = open[open.length - 1]; top; top = open[open.length - 1]) {
    const start = at(trace.start, top.row);
    const ofRow = children.get(top.row) ?? [];
    let waited = -1;
    while (top.child < ofRow.length && waited < 0) {
      const child = ofRow[top.child++] as number;
      const childEnd = at(trace.start, child) + at(trace.duration, child);
      const within = childEnd > start && at(trace.start, child) < top.until;
      if (within && childEnd <= top.until) waited = child;
    }
    if (waited < 0) {
      if (top.until > start) path.push({ row: top.row, from: start, to: top.until });
      open.pop();
      continue;
    }
    const childEnd = at(trace.start, waited) + at(trace.duration, waited);
    if (top.until > childEnd) path.push({ row: top.row, from: childEnd, to: top.until });
    top.until = Math.max(at(trace.start, waited), start);
    open.push({ row: waited, until: childEnd, child: 0 });
  }
  return path;
}

/** Children of each row of a subtree, those that end last first. */
function childrenByEnd(trace: Trace, root: number): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (let row = root + 1; row < at(trace.next, root); row++) {
    const above = at(trace.parent, row);
    const known = children.get(above);
    if (known) known.push(row);
    else children.set(above, [row]);
  }
  const end = (row: number) => at(trace.start, row) + at(trace.duration, row);
  for (const rows of children.values()) rows.sort((one, other) => end(other) - end(one));
  return children;
}

/** Where the critical path runs, by row. */
export interface PathIndex {
  /** Stretches of a row itself, in the order of time. */
  of(row: number): readonly { readonly from: number; readonly to: number }[];
  /** What the path spends in a row and everything below it: one stretch, as it returns once. */
  within(row: number): { readonly from: number; readonly to: number } | null;
}

export function indexPath(
  trace: Pick<Trace, "parent" | "count">,
  path: { readonly rows: Int32Array; readonly from: Float64Array; readonly to: Float64Array },
): PathIndex {
  const own = new Map<number, { from: number; to: number }[]>();
  const whole = new Map<number, { from: number; to: number }>();
  for (let index = path.rows.length - 1; index >= 0; index--) {
    const stretch = { from: at(path.from, index), to: at(path.to, index) };
    const row = at(path.rows, index);
    const known = own.get(row);
    if (known) known.push(stretch);
    else own.set(row, [stretch]);
  }
  const rows = [...own.keys()].sort((one, other) => other - one);
  for (const row of rows) {
    const stretches = own.get(row)!;
    let { from } = stretches[0]!;
    let { to } = stretches.at(-1)!;
    // What an ancestor was already given is widened, never narrowed: the path passed through it.
    for (let above = row; above >= 0; above = at(trace.parent, above)) {
      const known = whole.get(above);
      if (known && known.from <= from && known.to >= to) break;
      from = Math.min(from, known?.from ?? from);
      to = Math.max(to, known?.to ?? to);
      whole.set(above, { from, to });
    }
  }
  return { of: (row) => own.get(row) ?? [], within: (row) => whole.get(row) ?? null };
}
