/**
 * A whole trace as a picture: time to the right, rows downwards, several rows a line of pixels
 * where there are more. Where they meet, errors win, then what is longest; nothing is too short to
 * be seen. The cost grows with rows and pixels, not with how wide the bars are.
 */

import { at, ERROR, type Trace } from "./trace";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** One 32-bit number a pixel, as in the palette; 0 where nothing is. */
  readonly pixels: Uint32Array;
}

export interface Palette {
  /** By service, `0xAABBGGRR` as canvases have it. */
  readonly services: Uint32Array;
  readonly error: number;
}

/** Errors are at least so wide, so that one among thousands is seen. */
const ERROR_PIXELS = 3;
/** Widest bar in pixels, as a power of two. */
const SIZES = 16;

/** Rows to leave out have a 1 in `hidden`, by service. */
export function paintMinimap(
  trace: Trace,
  width: number,
  height: number,
  palette: Palette,
  hidden: Uint8Array,
): Picture {
  const pixels = new Uint32Array(width * height);
  const scale = width / Math.max(1, trace.end - trace.begin);
  const canvas = { pixels, free: freePixels(width * height) };
  const thickness = Math.max(1, Math.floor(Math.min(4, (height / Math.max(1, trace.count)) * 0.7)));
  const order = byWeight(trace, scale);
  for (let place = 0; place < order.length; place++) {
    const row = at(order, place);
    if (hidden[at(trace.service, row)]) continue;
    const isError = (at(trace.flags, row) & ERROR) !== 0;
    const from = Math.min(width - 1, Math.floor((at(trace.start, row) - trace.begin) * scale));
    const wide = Math.ceil(at(trace.duration, row) * scale);
    const to = Math.min(width, from + Math.max(isError ? ERROR_PIXELS : 1, wide));
    const color = isError ? palette.error : at(palette.services, at(trace.service, row));
    const top = Math.floor((row * height) / trace.count);
    for (let line = top; line < Math.min(height, top + thickness); line++) {
      fill(canvas, line * width + from, line * width + to, color);
    }
  }
  return { width, height, pixels };
}

/** Rows with errors first, then by the size of their bars, the widest first. */
function byWeight(trace: Trace, scale: number): Int32Array {
  const weights = new Uint8Array(trace.count);
  const starts = new Int32Array(SIZES + 3);
  for (let row = 0; row < trace.count; row++) {
    const size = Math.min(SIZES, 32 - Math.clz32(at(trace.duration, row) * scale));
    const weight = at(trace.flags, row) & ERROR ? 0 : SIZES + 1 - size;
    weights[row] = weight;
    starts[weight + 1]!++;
  }
  for (let weight = 1; weight < starts.length; weight++) starts[weight]! += at(starts, weight - 1);
  const order = new Int32Array(trace.count);
  for (let row = 0; row < trace.count; row++) order[starts[at(weights, row)]!++] = row;
  return order;
}

/** For each pixel the next one that is free, itself where it is; see `fill`. */
function freePixels(length: number): Int32Array {
  const free = new Int32Array(length + 1);
  for (let pixel = 0; pixel <= length; pixel++) free[pixel] = pixel;
  return free;
}

/** Colours what is still free: what came before stays, and is passed in one step. */
function fill(
  canvas: { readonly pixels: Uint32Array; readonly free: Int32Array },
  from: number,
  to: number,
  color: number,
): void {
  const { pixels, free } = canvas;
  for (let pixel = nextFree(free, from); pixel < to; pixel = nextFree(free, pixel + 1)) {
    pixels[pixel] = color;
    free[pixel] = pixel + 1;
  }
}

function nextFree(free: Int32Array, pixel: number): number {
  let next = pixel;
  while (free[next] !== next) {
    // Halves the way for whoever comes next.
    free[next] = at(free, at(free, next));
    next = at(free, next);
  }
  return next;
}
