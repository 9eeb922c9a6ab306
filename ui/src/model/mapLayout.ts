/**
 * Where the service map's nodes and edges are drawn: left to right, callers before whom they call.
 *
 * Graphviz does the work on a text in its language, in which services are numbers, so no name can
 * be misread. It routes up to `MAX_ROUTED_EDGES` edges and keeps room for their labels. Beyond that
 * it would take minutes, so it is given one edge into each service alone, the one that puts it as
 * far right as its callers demand; all others are drawn as curves between the places found.
 */

import type { ServiceMap } from "./serviceMap";

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 64;
export const LABEL_WIDTH = 104;
export const LABEL_HEIGHT = 40;
export const MAX_ROUTED_EDGES = 150;
/** Edges end this far before the node; the head of the arrow is drawn there. */
export const ARROW_LENGTH = 10;
const LOOSE_GAP = 24;
const ROW_GAP = 22;
const POINTS_PER_INCH = 72;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface EdgeShape {
  /** Bézier curves: a start, then two control points and an end for each. */
  readonly points: readonly Point[];
  /** The middle of its label. */
  readonly label: Point;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Middles of the nodes, by service. */
  readonly nodes: ReadonlyMap<string, Point>;
  /** In the order of the map's edges. */
  readonly edges: readonly EdgeShape[];
  /** Whether room was kept for the labels of the edges. */
  readonly labelled: boolean;
}

/** What is laid out: the same for the same services and calls, whatever their figures are. */
export interface LayoutPlan {
  readonly services: readonly string[];
  /** Positions of caller and callee in `services`, in the order of the map's edges. */
  readonly edges: readonly (readonly [caller: number, callee: number])[];
  readonly routed: boolean;
  /** The graph in Graphviz's language; empty where no service calls another. */
  readonly dot: string;
}

export function planLayout(map: ServiceMap): LayoutPlan {
  const services = [
    ...new Set([
      ...map.nodes.map((node) => node.service),
      ...map.edges.flatMap(({ caller, callee }) => [caller, callee]),
    ]),
  ].sort();
  const index = new Map(services.map((service, position) => [service, position]));
  const edges = map.edges.map(
    ({ caller, callee }) => [index.get(caller)!, index.get(callee)!] as const,
  );
  const routed = edges.length <= MAX_ROUTED_EDGES;
  const drawn = routed ? edges : backbone(services.length, edges);
  return { services, edges, routed, dot: edges.length ? writeDot(edges, drawn, routed) : "" };
}

function writeDot(edges: LayoutPlan["edges"], drawn: LayoutPlan["edges"], routed: boolean): string {
  const size = `width=${inches(NODE_WIDTH)},height=${inches(NODE_HEIGHT)}`;
  const label =
    `<<table border="0" cellpadding="0" fixedsize="true" width="${LABEL_WIDTH}" ` +
    `height="${LABEL_HEIGHT}"><tr><td></td></tr></table>>`;
  const linked = [...new Set(edges.flat())].sort((one, other) => one - other);
  // Sorted, so that the same calls told in another order are laid out alike.
  const links = drawn.toSorted(([a, b], [c, d]) => a - c || b - d);
  return [
    "digraph {",
    `rankdir=LR; nodesep=0.2; ranksep=${routed ? 0.25 : 3.5};${routed ? "" : " splines=false;"}`,
    `node [shape=box, fixedsize=true, label="", ${size}];`,
    routed ? `edge [label=${label}];` : "",
    ...linked.map((position) => `n${position};`),
    ...links.map(([caller, callee]) => `n${caller} -> n${callee};`),
    "}",
  ].join("\n");
}

function inches(pixels: number): string {
  return (pixels / POINTS_PER_INCH).toFixed(4);
}

/**
 * For each node but the first of a chain, the edge that decides how far right it stands. Edges that
 * close a circle are no help for that and are left out.
 */
function backbone(count: number, edges: LayoutPlan["edges"]): LayoutPlan["edges"] {
  const order = callersFirst(count, edges);
  const place = new Int32Array(count);
  order.forEach((node, position) => (place[node] = position));
  const depth = new Int32Array(count);
  const chosen = new Map<number, readonly [number, number]>();
  const forward = edges
    .filter(([caller, callee]) => place[caller]! < place[callee]!)
    .sort(([one], [other]) => place[one]! - place[other]!);
  for (const edge of forward) {
    const [caller, callee] = edge;
    if (chosen.has(callee) && depth[callee]! >= depth[caller]! + 1) continue;
    depth[callee] = depth[caller]! + 1;
    chosen.set(callee, edge);
  }
  return [...chosen.values()];
}

/** All nodes, each after those that call it, as far as they don't call each other in a circle. */
function callersFirst(count: number, edges: LayoutPlan["edges"]): number[] {
  const callees = Array.from({ length: count }, (): number[] => []);
  const isCalled = new Uint8Array(count);
  for (const [caller, callee] of edges) {
    callees[caller]!.push(callee);
    if (caller !== callee) isCalled[callee] = 1;
  }
  const all = Array.from({ length: count }, (_, node) => node);
  const starts = [...all.filter((node) => !isCalled[node]), ...all];
  const seen = new Uint8Array(count);
  const finished: number[] = [];
  for (const start of starts) {
    if (seen[start]) continue;
    seen[start] = 1;
    const path = [{ node: start, next: 0 }];
    while (path.length) {
      const at = path.at(-1)!;
      const callee = callees[at.node]![at.next++];
      if (callee === undefined) finished.push(path.pop()!.node);
      else if (!seen[callee]) {
        seen[callee] = 1;
        path.push({ node: callee, next: 0 });
      }
    }
  }
  return finished.reverse();
}

/** Reads what Graphviz answered in its format `plain`; y grows downwards in what is returned. */
export function readLayout(plain: string, plan: LayoutPlan): Layout {
  const nodes = new Map<string, Point>();
  const routes = new Map<string, EdgeShape>();
  let [width, height] = [0, 0];
  const point = (x?: string, y?: string) => ({
    x: Number(x) * POINTS_PER_INCH,
    y: height - Number(y) * POINTS_PER_INCH,
  });
  for (const line of plain.split("\n")) {
    const [what, ...words] = line.split(" ");
    if (what === "graph") {
      width = Number(words[1]) * POINTS_PER_INCH;
      height = Number(words[2]) * POINTS_PER_INCH;
    } else if (what === "node") {
      nodes.set(plan.services[numberOf(words[0]!)]!, point(words[1], words[2]));
    } else if (what === "edge") {
      const count = Number(words[2]);
      const points = Array.from({ length: count }, (_, at) =>
        point(words[3 + 2 * at], words[4 + 2 * at]),
      );
      const key = `${numberOf(words[0]!)} ${numberOf(words[1]!)}`;
      routes.set(key, { points, label: labelOf(points, words.slice(3 + 2 * count), point) });
    }
  }
  if (!plan.routed) height = packColumns(nodes);
  const bounds = placeLoose(plan.services, nodes, width, height);
  const edges = plan.edges.map(
    ([caller, callee]) =>
      (plan.routed ? routes.get(`${caller} ${callee}`) : undefined) ??
      curve(nodes.get(plan.services[caller]!)!, nodes.get(plan.services[callee]!)!),
  );
  return { ...bounds, nodes, edges, labelled: plan.routed };
}

function numberOf(name: string): number {
  return Number(name.slice(1));
}

/** Behind the curve stand the label's text and place, where it has one, then style and colour. */
function labelOf(
  points: readonly Point[],
  rest: readonly string[],
  point: (x?: string, y?: string) => Point,
): Point {
  return rest.length >= 5 ? point(rest.at(-4), rest.at(-3)) : middleOf(points);
}

/**
 * Moves the services of each column together and to the middle, in the order they have: without most
 * of its edges, Graphviz spreads a large map out for a tree that nobody sees. Returns the height.
 */
function packColumns(nodes: Map<string, Point>): number {
  const columns = new Map<number, [string, Point][]>();
  for (const [service, place] of nodes) {
    const column = columns.get(Math.round(place.x)) ?? [];
    columns.set(Math.round(place.x), column);
    column.push([service, place]);
  }
  const rowHeight = NODE_HEIGHT + ROW_GAP;
  const rows = Math.max(0, ...Array.from(columns.values(), (column) => column.length));
  for (const column of columns.values()) {
    const top = ((rows - column.length) * rowHeight + NODE_HEIGHT) / 2;
    column.sort(([, one], [, other]) => one.y - other.y);
    column.forEach(([service, { x }], at) => nodes.set(service, { x, y: top + at * rowHeight }));
  }
  return Math.max(rows * rowHeight - ROW_GAP, 0);
}

/** Services without calls stand in rows below the others. */
function placeLoose(
  services: readonly string[],
  nodes: Map<string, Point>,
  width: number,
  height: number,
): { width: number; height: number } {
  const loose = services.filter((service) => !nodes.has(service));
  if (!loose.length) return { width, height };
  const columnWidth = NODE_WIDTH + LOOSE_GAP;
  const columns = Math.max(Math.floor((width + LOOSE_GAP) / columnWidth), squareColumns(loose));
  const top = height ? height + 2 * LOOSE_GAP : 0;
  loose.forEach((service, at) => {
    nodes.set(service, {
      x: (at % columns) * columnWidth + NODE_WIDTH / 2,
      y: top + Math.floor(at / columns) * (NODE_HEIGHT + LOOSE_GAP) + NODE_HEIGHT / 2,
    });
  });
  const rows = Math.ceil(loose.length / columns);
  return {
    width: Math.max(width, Math.min(columns, loose.length) * columnWidth - LOOSE_GAP),
    height: top + rows * (NODE_HEIGHT + LOOSE_GAP) - LOOSE_GAP,
  };
}

function squareColumns(loose: readonly string[]): number {
  return Math.max(1, Math.ceil(Math.sqrt(loose.length / 2)));
}

/** From the right side of the caller to the left one of the callee; backwards it swings out. */
function curve(caller: Point, callee: Point): EdgeShape {
  const start = { x: caller.x + NODE_WIDTH / 2, y: caller.y };
  const end = { x: callee.x - NODE_WIDTH / 2 - ARROW_LENGTH, y: callee.y };
  const swing = end.x > start.x ? (end.x - start.x) / 2 : 90;
  const lift = end.x > start.x ? 0 : caller.y === callee.y ? -NODE_HEIGHT * 1.6 : 0;
  const points = [
    start,
    { x: start.x + swing, y: start.y + lift },
    { x: end.x - swing, y: end.y + lift },
    end,
  ];
  return { points, label: middleOf(points) };
}

/** The point halfway along the middle curve. */
function middleOf(points: readonly Point[]): Point {
  const curves = Math.max(1, Math.floor((points.length - 1) / 3));
  return pointOnCurve(points, Math.floor(curves / 2) * 3, curves % 2 ? 0.5 : 0);
}

function pointOnCurve(points: readonly Point[], from: number, t: number): Point {
  const [a, b, c, d] = [points[from]!, points[from + 1]!, points[from + 2]!, points[from + 3]!];
  const at = (axis: "x" | "y") =>
    (1 - t) ** 3 * a[axis] +
    3 * (1 - t) ** 2 * t * b[axis] +
    3 * (1 - t) * t ** 2 * c[axis] +
    t ** 3 * d[axis];
  return { x: at("x"), y: at("y") };
}

/** What these services take up, those that are drawn; undefined where none is. */
export function boxAround(layout: Layout, services: readonly string[]): Box | undefined {
  const places = services.flatMap((service) => layout.nodes.get(service) ?? []);
  if (!places.length) return undefined;
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)];
  return {
    left: Math.min(...xs) - NODE_WIDTH / 2,
    right: Math.max(...xs) + NODE_WIDTH / 2,
    top: Math.min(...ys) - NODE_HEIGHT / 2,
    bottom: Math.max(...ys) + NODE_HEIGHT / 2,
  };
}

const SAMPLES = 16;

/** The edge nearest to a point and no farther than `reach`; -1 where there is none. */
export function edgeAt(edges: readonly EdgeShape[], point: Point, reach: number): number {
  let [nearest, best] = [-1, reach];
  edges.forEach(({ points }, index) => {
    if (!isNear(points, point, reach)) return;
    for (let from = 0; from + 3 < points.length; from += 3) {
      let last = points[from]!;
      for (let sample = 1; sample <= SAMPLES; sample++) {
        const next = pointOnCurve(points, from, sample / SAMPLES);
        const distance = distanceToLine(point, last, next);
        if (distance < best) [nearest, best] = [index, distance];
        last = next;
      }
    }
  });
  return nearest;
}

function isNear(points: readonly Point[], { x, y }: Point, reach: number): boolean {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const one of points) {
    left = Math.min(left, one.x);
    right = Math.max(right, one.x);
    top = Math.min(top, one.y);
    bottom = Math.max(bottom, one.y);
  }
  return x >= left - reach && x <= right + reach && y >= top - reach && y <= bottom + reach;
}

function distanceToLine(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length ? ((point.x - from.x) * dx + (point.y - from.y) * dy) / length : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - t * dx, point.y - from.y - t * dy);
}
