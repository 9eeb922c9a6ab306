/**
 * Traces merged by path: spans whose names, and those of all their ancestors, are the same become
 * one node, whatever their order. A loop of a thousand calls is one node with a count, and two
 * traces of the same operation meet in one tree.
 *
 * Nodes stand in the order of the tree, so node `i`'s subtree is the nodes `i` to `next - 1`.
 */

import { at, ERROR, type Trace } from "./trace";

/** What the spans of one trace add up to at one node. */
export interface PathSide {
  readonly count: number;
  readonly errors: number;
  /** Nanoseconds, summed over the spans. */
  readonly duration: number;
  readonly self: number;
  /** The row that took longest, to open as the example. */
  readonly row: number;
}

export interface PathNode {
  readonly service: string;
  readonly name: string;
  /** Index of the node above; -1 for roots. */
  readonly parent: number;
  readonly depth: number;
  /** Index of the node after the last of the subtree. */
  readonly next: number;
  /** One a trace, in the order they were given; null where the trace lacks the path. */
  readonly sides: readonly (PathSide | null)[];
}

export interface PathTree {
  readonly nodes: readonly PathNode[];
  /** One array a trace: the node of each of its rows. */
  readonly nodeOfRow: readonly Int32Array[];
}

interface Draft {
  readonly service: string;
  readonly name: string;
  readonly children: Map<string, Draft>;
  readonly sides: (Sum | null)[];
  /** When its first span began, since the start of its trace. */
  begins: number;
  /** Its place in the order of the tree. */
  index: number;
}

interface Sum {
  count: number;
  errors: number;
  duration: number;
  self: number;
  row: number;
}

/** Merges traces into one tree; siblings stand in the order in which they first begin. */
export function mergePaths(traces: readonly Trace[]): PathTree {
  const root = draft("", "", traces.length);
  const drafts = traces.map((trace, side) => addTrace(root, trace, side, traces.length));
  const nodes = inOrder(root);
  return {
    nodes,
    nodeOfRow: drafts.map((ofTrace) => Int32Array.from(ofTrace, ({ index }) => index)),
  };
}

function draft(service: string, name: string, sides: number): Draft {
  return {
    service,
    name,
    children: new Map(),
    sides: new Array<null>(sides).fill(null),
    begins: Infinity,
    index: -1,
  };
}

function addTrace(root: Draft, trace: Trace, side: number, sides: number): Draft[] {
  const nodes: Draft[] = [];
  for (let row = 0; row < trace.count; row++) {
    const above = at(trace.parent, row) < 0 ? root : nodes[at(trace.parent, row)]!;
    const service = trace.serviceNames[at(trace.service, row)]!;
    const name = trace.names[at(trace.name, row)]!;
    const key = `${service}\n${name}`;
    let node = above.children.get(key);
    if (!node) above.children.set(key, (node = draft(service, name, sides)));
    nodes.push(node);
    // The order of the first trace stands; the second only places what the first has not.
    if (!node.sides.some((sum, other) => sum && other !== side)) {
      node.begins = Math.min(node.begins, at(trace.start, row) - trace.begin);
    }
    addRow((node.sides[side] ??= { count: 0, errors: 0, duration: 0, self: 0, row }), trace, row);
  }
  return nodes;
}

function addRow(sum: Sum, trace: Trace, row: number): void {
  sum.count += 1;
  sum.errors += at(trace.flags, row) & ERROR;
  sum.duration += at(trace.duration, row);
  sum.self += at(trace.self, row);
  if (at(trace.duration, row) > at(trace.duration, sum.row)) sum.row = row;
}

function inOrder(root: Draft): PathNode[] {
  type Placed = { -readonly [Key in keyof PathNode]: PathNode[Key] };
  const nodes: Placed[] = [];
  const waiting: { draft: Draft; parent: number; depth: number }[] = [];
  const open = (draft: Draft, parent: number, depth: number) => {
    const children = [...draft.children.values()].sort((one, two) => one.begins - two.begins);
    for (const child of children.reverse()) waiting.push({ draft: child, parent, depth });
  };
  open(root, -1, 0);
  for (let top = waiting.pop(); top; top = waiting.pop()) {
    const index = nodes.length;
    const { service, name, sides } = top.draft;
    top.draft.index = index;
    nodes.push({ service, name, sides, parent: top.parent, depth: top.depth, next: index + 1 });
    open(top.draft, index, top.depth + 1);
  }
  for (const node of nodes.toReversed()) {
    const above = nodes[node.parent];
    if (above) above.next = Math.max(above.next, node.next);
  }
  return nodes;
}
