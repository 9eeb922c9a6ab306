/** Draws the calls of a service map on a canvas. */

import { ARROW_LENGTH, type EdgeShape } from "@/model/mapLayout";
import { healthOf, type Health, type MapEdge } from "@/model/serviceMap";
import type { View } from "./viewport";

const INKS: Record<Health, string> = { fine: "--control", some: "--warning", many: "--error" };
const ARROW_HALF_WIDTH = 4;
const FAINT = 0.12;

export interface EdgeDrawing {
  readonly edges: readonly MapEdge[];
  readonly shapes: readonly EdgeShape[];
  readonly view: View;
  readonly width: number;
  readonly height: number;
  /** Which stand out; none where nothing is chosen. */
  readonly strong: ReadonlySet<number> | null;
  readonly hovered: number;
  /** The colour of a token. */
  ink(token: string): string;
}

export function drawEdges(context: CanvasRenderingContext2D, drawing: EdgeDrawing): void {
  const { edges, shapes, view, strong, hovered, ink } = drawing;
  const ratio = devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, drawing.width, drawing.height);
  context.translate(view.x, view.y);
  context.scale(view.zoom, view.zoom);
  const inks = {
    fine: ink(INKS.fine),
    some: ink(INKS.some),
    many: ink(INKS.many),
    chosen: ink("--accent"),
  };
  shapes.forEach((shape, index) => {
    const edge = edges[index];
    if (!edge || index === hovered) return;
    context.globalAlpha = !strong || strong.has(index) ? (shapes.length > 400 ? 0.55 : 1) : FAINT;
    if (strong?.has(index)) context.globalAlpha = 1;
    drawEdge(context, shape, inks[healthOf(edge.errors, edge.calls)], widthOf(edge), view.zoom);
  });
  const [edge, shape] = [edges[hovered], shapes[hovered]];
  if (edge && shape) {
    context.globalAlpha = 1;
    drawEdge(context, shape, inks.chosen, widthOf(edge) + 1.5, view.zoom);
  }
}

/** One more pixel for each tenfold of calls. */
function widthOf(edge: MapEdge): number {
  return Math.min(1 + Math.log10(Math.max(edge.calls, 1)) * 0.7, 4.5);
}

function drawEdge(
  context: CanvasRenderingContext2D,
  { points }: EdgeShape,
  color: string,
  width: number,
  zoom: number,
): void {
  const [start, end, before] = [points[0], points.at(-1), points.at(-2)];
  if (!start || !end || !before) return;
  context.beginPath();
  context.moveTo(start.x, start.y);
  for (let at = 1; at + 2 < points.length; at += 3) {
    const [first, second, to] = [points[at]!, points[at + 1]!, points[at + 2]!];
    context.bezierCurveTo(first.x, first.y, second.x, second.y, to.x, to.y);
  }
  context.strokeStyle = color;
  // Thinner than a pixel of the screen, lines would vanish.
  context.lineWidth = Math.max(width, 0.7 / zoom);
  context.stroke();
  const angle = Math.atan2(end.y - before.y, end.x - before.x);
  const [along, across] = [Math.cos(angle), Math.sin(angle)];
  const half = ARROW_HALF_WIDTH + width / 2;
  context.beginPath();
  context.moveTo(end.x + along * ARROW_LENGTH, end.y + across * ARROW_LENGTH);
  context.lineTo(end.x - across * half, end.y + along * half);
  context.lineTo(end.x + across * half, end.y - along * half);
  context.fillStyle = color;
  context.fill();
}
