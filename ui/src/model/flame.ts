/**
 * Where the boxes of a flame graph lie. The chart has time on its axis and one box a span; spans
 * that run beside each other get lanes of their own. The merged graph has one box a path, as wide
 * as the time of its spans.
 */

import { groupBy } from "./groupBy";
import type { PathNode } from "./paths";
import { at, type Trace } from "./trace";

export interface FlameChart {
  /** The lane of each row, from 0 at the top. */
  readonly lane: Int32Array;
  readonly lanes: number;
}

/**
 * Gives each span a lane below its parent's. A subtree takes, lane by lane, the time from its first
 * to its last box there; siblings are put so that these never overlap, and that none lies between
 * another and what that called.
 */
export function layOutChart(trace: Trace): FlameChart {
  const children = groupBy(trace.parent.keys(), (row) => at(trace.parent, row));
  const outlines = new Map<number, Outline>();
  // Lanes between the parent's and the row's own, less one.
  const offset = new Int32Array(trace.count);
  // Children before their parents, as the outline of a subtree is needed to place it.
  for (let row = trace.count - 1; row >= 0; row--) {
    const outline = stack(children.get(row) ?? [], outlines, offset);
    const from = at(trace.start, row);
    outline.push({ from, to: Math.max(from + at(trace.duration, row), from + 1) });
    outlines.set(row, outline);
  }
  const lanes = stack(children.get(-1) ?? [], outlines, offset).length;
  const lane = new Int32Array(trace.count);
  for (let row = 0; row < trace.count; row++) {
    const above = at(trace.parent, row);
    lane[row] = at(offset, row) + (above < 0 ? 0 : at(lane, above) + 1);
  }
  return { lane, lanes };
}

interface Stretch {
  from: number;
  to: number;
}

interface Lane extends Stretch {
  /** The time in which the lane is below a sibling's box, and so is for what that called. */
  below: Stretch | null;
}

/** What each lane is taken from and to; the lowest lane comes first, so that one can be put on top. */
type Outline = Stretch[];

/** Puts siblings, in the order they begin, each as high as it fits; returns what they take. */
function stack(
  rows: readonly number[],
  outlines: Map<number, Outline>,
  offset: Int32Array,
): Outline {
  const [only, second] = rows;
  const first = only === undefined ? undefined : outlines.get(only);
  if (first && second === undefined) return first;
  // From the top.
  const taken: Lane[] = [];
  // A stretch that begins before the one and ends behind the other fits into no lane; so a thousand
  // calls at once are not each held against a thousand lanes.
  let crowd: Stretch = { from: -Infinity, to: Infinity };
  for (const row of rows) {
    const outline = outlines.get(row)!.reverse();
    const { from, to } = outline[0]!;
    const isCrowded = from < crowd.to && to > crowd.from;
    const lane = isCrowded ? taken.length : firstFit(taken, outline);
    offset[row] = lane;
    outline.forEach((stretch, place) => {
      const into = (taken[lane + place] ??= { ...stretch, below: null });
      extend(into, stretch);
      if (place) extend((into.below ??= { from, to }), { from, to });
    });
    crowd = isCrowded ? widen(crowd, outline) : widen({ from: -Infinity, to: Infinity }, taken);
    outlines.delete(row);
  }
  return taken.reverse();
}

function firstFit(taken: readonly Lane[], outline: Outline): number {
  const top = outline[0]!;
  for (let lane = 0; lane < taken.length; lane++) {
    const { below } = taken[lane]!;
    if (below && overlap(top, below)) continue;
    const isFree = outline.every((stretch, place) => {
      const other = taken[lane + place];
      return !other || !overlap(stretch, other);
    });
    if (isFree) return lane;
  }
  return taken.length;
}

function overlap(one: Stretch, other: Stretch): boolean {
  return one.from < other.to && other.from < one.to;
}

function extend(stretch: Stretch, { from, to }: Stretch): void {
  stretch.from = Math.min(stretch.from, from);
  stretch.to = Math.max(stretch.to, to);
}

/** The last begin and the first end of lanes. */
function widen({ from, to }: Stretch, lanes: readonly Stretch[]): Stretch {
  for (const lane of lanes) {
    from = Math.max(from, lane.from);
    to = Math.min(to, lane.to);
  }
  return { from, to };
}

export type Weight = "duration" | "self";

export interface FlameBox {
  /** Index of the path. */
  readonly node: number;
  /** Left edge and width, as shares of the whole. */
  readonly from: number;
  readonly width: number;
}

/**
 * Boxes of merged paths, each within its parent's, the widest first. By `self` a box is as wide as
 * the self time of its subtree; by `duration` as its spans lasted in total, made narrower where the
 * children of a span ran beside each other and lasted longer than it.
 */
export function layOutPaths(nodes: readonly PathNode[], weight: Weight): FlameBox[] {
  const weights = weight === "self" ? selfBelow(nodes) : durations(nodes);
  const children = groupBy(nodes.keys(), (index) => nodes[index]!.parent);
  const boxes: FlameBox[] = new Array<FlameBox>(nodes.length);
  const place = (parent: number, from: number, width: number, ofParent: number) => {
    const below = children.get(parent) ?? [];
    const ofChildren = below.reduce((sum, child) => sum + at(weights, child), 0);
    const whole = Math.max(ofParent, ofChildren);
    let left = from;
    for (const child of below.sort((one, other) => at(weights, other) - at(weights, one))) {
      const share = whole > 0 ? (width * at(weights, child)) / whole : 0;
      boxes[child] = { node: child, from: left, width: share };
      left += share;
    }
  };
  place(-1, 0, 1, 0);
  // Nodes stand in the order of the tree: a parent has its box before its children are placed.
  nodes.forEach((_, index) =>
    place(index, boxes[index]!.from, boxes[index]!.width, at(weights, index)),
  );
  return boxes;
}

function durations(nodes: readonly PathNode[]): Float64Array {
  return Float64Array.from(nodes, ({ sides }) => sides[0]?.duration ?? 0);
}

function selfBelow(nodes: readonly PathNode[]): Float64Array {
  const sums = Float64Array.from(nodes, ({ sides }) => sides[0]?.self ?? 0);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const { parent } = nodes[index]!;
    if (parent >= 0) sums[parent] = at(sums, parent) + at(sums, index);
  }
  return sums;
}
