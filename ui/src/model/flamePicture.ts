/** What a flame graph draws, whether a box is a span or a path: extents, lanes, words. */

import { layOutChart, layOutPaths, type Weight } from "./flame";
import { formatDuration, formatShare } from "./format";
import type { PathTree } from "./paths";
import { at, ERROR } from "./trace";
import { nameOf, serviceOf, type TraceData } from "./traceData";

export interface FlamePicture {
  /** Whether a box is a span and its number the row; else it is a path. */
  readonly isOfSpans: boolean;
  /** Edges of each box; nanoseconds since the start of the trace, or shares of the whole. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly lane: Int32Array;
  readonly lanes: number;
  /** The right edge of the whole. */
  readonly end: number;
  /** Boxes of each lane from left to right. */
  readonly byLane: readonly Int32Array[];
  parent(box: number): number;
  service(box: number): string;
  name(box: number): string;
  failed(box: number): boolean;
  /** The span to show in detail: the box itself, or the longest of the path. */
  row(box: number): number;
  /** The box that a span is, or is part of. */
  boxOf(row: number): number;
  /** What a tooltip says below the name. */
  facts(box: number): string;
}

/** Extent of what is shown, in the unit of the picture. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** One box a span, time from left to right. */
export function pictureOfSpans(trace: TraceData): FlamePicture {
  const { lane, lanes } = layOutChart(trace);
  const from = trace.start.map((start) => start - trace.begin);
  const to = from.map((start, row) => start + at(trace.duration, row));
  return {
    ...{ isOfSpans: true, from, to, lane, lanes },
    end: Math.max(1, trace.end - trace.begin),
    byLane: sortedByLane(lane, lanes, from),
    parent: (row) => at(trace.parent, row),
    service: (row) => serviceOf(trace, row),
    name: (row) => nameOf(trace, row),
    failed: (row) => (at(trace.flags, row) & ERROR) !== 0,
    row: (row) => row,
    boxOf: (row) => row,
    facts: (row) =>
      `${formatDuration(at(trace.duration, row))}, self ${formatDuration(at(trace.self, row))}, ` +
      `begins at ${formatDuration(at(from, row))}`,
  };
}

/** One box a path of a single trace, as wide as its time. */
export function pictureOfPaths({ nodes, nodeOfRow }: PathTree, weight: Weight): FlamePicture {
  const boxes = layOutPaths(nodes, weight);
  const from = Float64Array.from(boxes, (box) => box.from);
  const to = Float64Array.from(boxes, (box) => box.from + box.width);
  const lane = Int32Array.from(nodes, ({ depth }) => depth);
  const lanes = lane.reduce((most, depth) => Math.max(most, depth + 1), 0);
  const side = (index: number) => nodes[index]!.sides[0]!;
  return {
    ...{ isOfSpans: false, from, to, lane, lanes, end: 1 },
    byLane: sortedByLane(lane, lanes, from),
    parent: (index) => nodes[index]!.parent,
    service: (index) => nodes[index]!.service,
    name: (index) => nodes[index]!.name,
    failed: (index) => side(index).errors > 0,
    row: (index) => side(index).row,
    boxOf: (row) => at(nodeOfRow[0]!, row),
    facts: (index) => {
      const { count, duration, self } = side(index);
      const spans = `${count.toLocaleString("en-US")} ${count === 1 ? "span" : "spans"}`;
      const share = formatShare(at(to, index) - at(from, index));
      return `${spans}, total ${formatDuration(duration)}, self ${formatDuration(self)}, ${share} of the width`;
    },
  };
}

function sortedByLane(lane: Int32Array, lanes: number, from: Float64Array): Int32Array[] {
  const boxes = Array.from({ length: lanes }, (): number[] => []);
  lane.forEach((number, box) => boxes[number]!.push(box));
  return boxes.map((ofLane) =>
    Int32Array.from(ofLane.sort((one, other) => at(from, one) - at(from, other))),
  );
}

/** The place in a lane of the first box that ends behind a point. */
export function firstBehind(picture: FlamePicture, lane: number, point: number): number {
  const boxes = picture.byLane[lane]!;
  let [low, high] = [0, boxes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(picture.to, at(boxes, middle)) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The box at a point, or the nearest within some distance of it; -1 where there is none. */
export function boxAt(
  picture: FlamePicture,
  lane: number,
  point: number,
  distance: number,
): number {
  const boxes = picture.byLane[lane];
  const box = boxes?.[firstBehind(picture, lane, point - distance)];
  return box !== undefined && at(picture.from, box) <= point + distance ? box : -1;
}

export type Direction = "up" | "down" | "left" | "right";

/** The box an arrow key leads to; the same where there is none. */
export function neighbor(picture: FlamePicture, box: number, direction: Direction): number {
  if (direction === "up") {
    const above = picture.parent(box);
    return above < 0 ? box : above;
  }
  if (direction === "down") return widestChild(picture, box);
  const boxes = picture.byLane[at(picture.lane, box)]!;
  return boxes[boxes.indexOf(box) + (direction === "left" ? -1 : 1)] ?? box;
}

function widestChild(picture: FlamePicture, box: number): number {
  let widest = box;
  for (let child = 0; child < picture.lane.length; child++) {
    const isWider = widest === box || width(picture, child) > width(picture, widest);
    if (picture.parent(child) === box && isWider) widest = child;
  }
  return widest;
}

function width(picture: FlamePicture, box: number): number {
  return at(picture.to, box) - at(picture.from, box);
}
