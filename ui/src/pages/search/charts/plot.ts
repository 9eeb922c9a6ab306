/** What the charts of the search page have in common: margins, grid lines, ticks of time. */

import { timeTicks } from "@/model/axis";
import { formatClock, formatDate, offsetOf, type Zone } from "@/model/time";
import type { Size } from "./Canvas";

export const LEFT = 48;
export const RIGHT = 8;
export const TOP = 8;
export const BOTTOM = 20;
const PIXELS_BETWEEN_TICKS = 96;
const DAY_MICROS = 86_400e6;

/** The part of a chart between its margins. */
export function plotOf({ width, height }: Size): Size {
  return { width: Math.max(width - LEFT - RIGHT, 1), height: height - TOP - BOTTOM };
}

type Ink = (token: string) => string;

/** Lines across the plot, each with its text at the left. */
export function drawLevels(
  context: CanvasRenderingContext2D,
  size: Size,
  ink: Ink,
  levels: readonly (readonly [y: number, text: string])[],
): void {
  context.strokeStyle = ink("--line");
  context.fillStyle = ink("--muted");
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  for (const [y, text] of levels) {
    const level = Math.round(TOP + y) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, level);
    context.lineTo(size.width - RIGHT, level);
    context.stroke();
    context.fillText(text, LEFT - 6, level);
  }
}

/** Times below the plot; `placeOf` says where each is, from the plot's left. */
export function drawTimes(
  context: CanvasRenderingContext2D,
  size: Size,
  ink: Ink,
  { start, end, zone }: { readonly start: number; readonly end: number; readonly zone: Zone },
  placeOf: (micros: number) => number,
): void {
  const plot = plotOf(size);
  const most = Math.max(Math.floor(plot.width / PIXELS_BETWEEN_TICKS), 1);
  context.fillStyle = ink("--muted");
  context.strokeStyle = ink("--line");
  context.textBaseline = "top";
  const ticks = timeTicks(start, end, most, eastOf(start, zone));
  const step = (ticks[1] ?? end) - (ticks[0] ?? start);
  for (const tick of ticks) {
    const x = LEFT + placeOf(tick);
    const text = tickText(tick, step, zone);
    const half = context.measureText(text).width / 2;
    // The first stays clear of the lowest level's text at its left, the last of the border.
    context.textAlign = "center";
    context.fillText(
      text,
      Math.min(Math.max(x, LEFT - 2 + half), size.width - half - 2),
      TOP + plot.height + 5,
    );
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, TOP + plot.height);
    context.lineTo(Math.round(x) + 0.5, TOP + plot.height + 3);
    context.stroke();
  }
}

function tickText(micros: number, step: number, zone: Zone): string {
  const clock = formatClock(micros, zone, step < 1e6 ? "millisecond" : "second");
  const date = formatDate(micros, zone).slice(5);
  if (step >= DAY_MICROS) return date;
  const short = step >= 60e6 ? clock.slice(0, 5) : clock;
  return clock.startsWith("00:00:00") ? date : short;
}

/** Microseconds a zone is ahead of UTC. */
function eastOf(micros: number, zone: Zone): number {
  const match = /([+-])(\d\d):(\d\d)/.exec(offsetOf(micros, zone));
  const minutes = match ? Number(match[2]) * 60 + Number(match[3]) : 0;
  return (match?.[1] === "-" ? -1 : 1) * minutes * 60e6;
}

/** A pattern of stripes, for errors: the sign besides their colour. */
export function stripes(
  context: CanvasRenderingContext2D,
  color: string,
  background: string,
): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const inTile = tile.getContext("2d");
  if (!inTile) return color;
  inTile.fillStyle = color;
  inTile.fillRect(0, 0, 6, 6);
  inTile.strokeStyle = background;
  inTile.lineWidth = 1.4;
  for (const offset of [-6, 0, 6]) {
    inTile.beginPath();
    inTile.moveTo(offset, 6);
    inTile.lineTo(offset + 6, 0);
    inTile.stroke();
  }
  return context.createPattern(tile, "repeat") ?? color;
}
