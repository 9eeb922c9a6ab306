/** Paints the boxes of a flame graph that are in sight. */

import type { ServiceColor } from "@/model/colors";
import { firstBehind, type Extent, type FlamePicture } from "@/model/flamePicture";
import { at } from "@/model/trace";

export const LANE_HEIGHT = 22;
const GAP = 1;
const TEXT_MIN_WIDTH = 34;

export interface FlameColors {
  /** Fill and text of each service. */
  readonly services: ReadonlyMap<string, readonly [fill: string, text: string, striped: boolean]>;
  readonly error: string;
  readonly focus: string;
  readonly text: string;
  readonly background: string;
  readonly font: string;
}

export function readFlameColors(
  element: Element,
  colors: ReadonlyMap<string, ServiceColor>,
): FlameColors {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const services = [...colors].map(([service, { slot, striped }]) => {
    const fill = token(`--service-${slot}`);
    return [service, [fill, isLight(fill) ? "#12161d" : "#ffffff", striped]] as const;
  });
  return {
    services: new Map(services),
    error: token("--error"),
    focus: token("--text"),
    text: token("--text"),
    background: token("--background"),
    font: `12px ${style.fontFamily}`,
  };
}

/** Whether dark text is read better on a colour: by its relative luminance (WCAG 2). */
function isLight(color: string): boolean {
  const [red, green, blue] = [1, 3, 5].map((begin) => {
    const value = parseInt(color.slice(begin, begin + 2), 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}

export interface Scene {
  readonly picture: FlamePicture;
  readonly extent: Extent;
  readonly scrollTop: number;
  readonly width: number;
  readonly height: number;
  readonly colors: FlameColors;
  /** Boxes not to be paled. */
  readonly isLit: (box: number) => boolean;
  readonly focused: number;
  readonly selected: number;
}

export function drawFlame(context: CanvasRenderingContext2D, scene: Scene): void {
  const { picture, width, height, scrollTop } = scene;
  context.clearRect(0, 0, width, height);
  context.font = scene.colors.font;
  context.textBaseline = "middle";
  const first = Math.max(0, Math.floor(scrollTop / LANE_HEIGHT));
  const last = Math.min(picture.lanes - 1, Math.floor((scrollTop + height) / LANE_HEIGHT));
  for (let lane = first; lane <= last; lane++) drawLane(context, scene, lane);
  for (const box of [scene.selected, scene.focused]) {
    if (box >= 0) outline(context, scene, box);
  }
}

function drawLane(context: CanvasRenderingContext2D, scene: Scene, lane: number): void {
  const { picture, extent, width } = scene;
  const boxes = picture.byLane[lane]!;
  const top = lane * LANE_HEIGHT - scene.scrollTop;
  let drawnTo = -1;
  for (let place = firstBehind(picture, lane, extent.from); place < boxes.length; place++) {
    const box = at(boxes, place);
    if (at(picture.from, box) > extent.to) break;
    const { left, right } = edges(scene, box);
    // What falls into a pixel that is painted already is not seen, unless it failed.
    if (right <= drawnTo && !picture.failed(box)) continue;
    drawnTo = Math.max(drawnTo, Math.floor(right));
    drawBox(context, scene, box, Math.max(left, -2), Math.min(right, width + 2), top);
  }
}

function edges({ picture, extent, width }: Scene, box: number): { left: number; right: number } {
  const scale = width / (extent.to - extent.from);
  const left = (at(picture.from, box) - extent.from) * scale;
  const right = (at(picture.to, box) - extent.from) * scale;
  return { left, right: Math.max(left + 1, right - GAP) };
}

function drawBox(
  context: CanvasRenderingContext2D,
  { picture, colors, isLit }: Scene,
  box: number,
  left: number,
  right: number,
  top: number,
): void {
  const [fill, text, striped] = colors.services.get(picture.service(box))!;
  const [width, height] = [right - left, LANE_HEIGHT - GAP];
  const failed = picture.failed(box);
  const lit = isLit(box);
  context.globalAlpha = lit ? 1 : 0.22;
  context.fillStyle = fill;
  context.fillRect(left, top, width, height);
  if (striped && width > 6) stripe(context, colors.background, left, top, width, height);
  if (failed) {
    context.fillStyle = colors.error;
    context.fillRect(left, top + height - 3, width, 3);
  }
  if (width >= TEXT_MIN_WIDTH) {
    context.save();
    context.beginPath();
    context.rect(left, top, width - 3, height);
    context.clip();
    // Upon a pale box the text of the page is read best.
    context.globalAlpha = 1;
    context.fillStyle = lit ? text : colors.text;
    const label = `${failed ? "⚠ " : ""}${picture.name(box)}`;
    context.fillText(label, Math.max(left, 0) + 4, top + height / 2);
    context.restore();
  }
  context.globalAlpha = 1;
}

function stripe(
  context: CanvasRenderingContext2D,
  color: string,
  left: number,
  top: number,
  width: number,
  height: number,
): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.globalAlpha *= 0.4;
  context.beginPath();
  for (let x = left - height; x < left + width; x += 9) {
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
  }
  context.stroke();
  context.restore();
}

function outline(context: CanvasRenderingContext2D, scene: Scene, box: number): void {
  const { left, right } = edges(scene, box);
  const top = at(scene.picture.lane, box) * LANE_HEIGHT - scene.scrollTop;
  context.strokeStyle = scene.colors.background;
  context.lineWidth = 4;
  const [x, width] = [Math.max(left, 0), Math.min(right, scene.width) - Math.max(left, 0)];
  context.strokeRect(x + 1, top + 1, width - 2, LANE_HEIGHT - GAP - 2);
  context.strokeStyle = scene.colors.focus;
  context.lineWidth = 2;
  context.strokeRect(x + 1, top + 1, width - 2, LANE_HEIGHT - GAP - 2);
}
