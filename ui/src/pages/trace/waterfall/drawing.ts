/** What is drawn of an item on the time axis, given what the user wants marked. */

import { indexPath } from "@/model/criticalPath";
import { gapsOf, longestUnexplained, type Gap } from "@/model/gaps";
import { at, ERROR } from "@/model/trace";
import type { TraceData } from "@/model/traceData";
import type { Zoom } from "@/model/timeAxis";
import type { Marks } from "../preferences";
import type { BarProps, Stretch } from "./Bar";

/** Draws an item: a span, or the members of a group. */
export type Drawing = (item: {
  readonly row: number;
  readonly members: Int32Array | null;
  readonly expanded: boolean | null;
  readonly zoom: Zoom;
}) => Omit<BarProps, "zoom" | "color">;

/** Bars of siblings that are nearer than this share of the screen are drawn as one. */
const MERGED_SHARE = 1 / 1000;
const NOTHING: readonly never[] = [];

export function drawingOf(trace: TraceData, marks: Marks): Drawing {
  const { begin } = trace;
  const path = marks.criticalPath ? indexPath(trace, trace.criticalPath) : null;
  const longest = longestUnexplained(trace);
  const moved = ({ from, to }: Gap): Gap => ({ from: from - begin, to: to - begin });
  const extent = (row: number): Stretch => {
    const from = at(trace.start, row) - begin;
    const error = (at(trace.flags, row) & ERROR) !== 0;
    return { from, to: from + at(trace.duration, row), error };
  };
  const pathOf = (row: number, closed: boolean): readonly Gap[] => {
    if (!path) return NOTHING;
    const whole = closed ? path.within(row) : null;
    const stretches = (closed ? (whole ? [whole] : NOTHING) : path.of(row)).map(moved);
    return clipped(stretches, extent(row));
  };
  // Kept, as a group may have very many members and is drawn with every step of a zoom.
  const known = new WeakMap<Int32Array, readonly Gap[]>();
  const pathOfAll = (members: Int32Array) => {
    const gaps = known.get(members) ?? [...members].flatMap((row) => [...pathOf(row, true)]);
    known.set(members, gaps);
    return gaps;
  };
  return ({ row, members, expanded, zoom }) => {
    if (members) {
      return {
        stretches: merged(members, extent, pixelOf(zoom)),
        duration: members.reduce((sum, member) => sum + at(trace.duration, member), 0),
        ...{ events: NOTHING, gaps: NOTHING, busy: NOTHING },
        path: expanded ? NOTHING : inSight(pathOfAll(members), zoom),
      };
    }
    const isParent = at(trace.next, row) > row + 1;
    const own = isParent && marks.selfTime ? gapsOf(trace, row, pixelOf(zoom)).map(moved) : NOTHING;
    return {
      stretches: [extent(row)],
      duration: at(trace.duration, row),
      events: marks.events ? trace.eventTimes(row).map((time) => time - begin) : NOTHING,
      path: inSight(pathOf(row, expanded === false), zoom),
      gaps: isParent && marks.gaps ? gapsOf(trace, row, longest).map(moved) : NOTHING,
      busy: isParent && marks.selfTime ? inSight(between(extent(row), own), zoom) : NOTHING,
    };
  };
}

function pixelOf(zoom: Zoom): number {
  return (zoom.to - zoom.from) * MERGED_SHARE;
}

/** Stretches in the order of time that are seen, those less than a pixel apart as one. */
export function inSight(stretches: readonly Gap[], zoom: Zoom): Gap[] {
  const pixel = pixelOf(zoom);
  const seen: { from: number; to: number }[] = [];
  for (const { from, to } of stretches) {
    if (to < zoom.from || from > zoom.to) continue;
    const last = seen.at(-1);
    if (last && from - last.to <= pixel) last.to = Math.max(last.to, to);
    else seen.push({ from, to });
  }
  return seen;
}

/** Bars of siblings, which come by their start, those at most `gap` apart as one. */
export function merged(
  members: Iterable<number>,
  extent: (row: number) => Stretch,
  gap: number,
): Stretch[] {
  const result: { from: number; to: number; failedUntil: number }[] = [];
  for (const row of members) {
    const { from, to, error } = extent(row);
    const failedUntil = error ? to : -Infinity;
    const last = result.at(-1);
    if (last && from - last.to <= gap) {
      last.to = Math.max(last.to, to);
      last.failedUntil = Math.max(last.failedUntil, failedUntil);
    } else {
      result.push({ from, to, failedUntil });
    }
  }
  // The end of a bar tells of an error: only where the one that failed ended there.
  return result.map(({ from, to, failedUntil }) => ({ from, to, error: failedUntil + gap >= to }));
}

/** What lies within a bar: the path is found on aligned clocks, and may reach beyond it. */
export function clipped(stretches: readonly Gap[], bar: Gap): Gap[] {
  return stretches
    .map(({ from, to }) => ({ from: Math.max(from, bar.from), to: Math.min(to, bar.to) }))
    .filter(({ from, to }) => from < to);
}

/** What is left of a stretch without some parts of it. */
function between(whole: Gap, parts: readonly Gap[]): Gap[] {
  const rest: Gap[] = [];
  let from = whole.from;
  for (const part of [...parts, { from: whole.to, to: whole.to }]) {
    if (part.from > from) rest.push({ from, to: part.from });
    from = part.to;
  }
  return rest;
}
