/**
 * Panning and zooming. The place that is seen is kept outside React: moving it sets one transform
 * and asks for a drawing, so that it follows the pointer however large the map is.
 */

import { NODE_HEIGHT, NODE_WIDTH, type Box, type Point } from "@/model/mapLayout";

const MIN_ZOOM = 0.03;
const MAX_ZOOM = 2;
const MARGIN = 16;
/** At the foot of the frame, which nothing is hidden by when the map is opened. */
const LEGEND_HEIGHT = 20;
const WHEEL_SPEED = 0.0016;
/** Below the first, figures can't be read and names are written larger; below the second, neither. */
const FIGURES_FROM = 0.65;
const NAMES_FROM = 0.4;
/** The smallest zoom that a whole map is opened with: its texts of 14 pixels can just be read. */
const WHOLE_FROM = 0.7;
/** The zoom that a part of a larger one is opened with. */
const PART_ZOOM = 0.85;

export interface View {
  /** Where the corner of the map is, in pixels of the frame. */
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export class Viewport {
  #view: View = { x: 0, y: 0, zoom: 1 };
  #frame: HTMLElement | null = null;
  #layer: HTMLElement | null = null;
  #width = 0;
  #height = 0;
  #draw: (view: View) => void = () => undefined;
  #scheduled = 0;
  /** What the map was opened around; null once it has been moved. */
  #opened: { readonly around: Box | undefined } | null = null;
  /** What must not get out of view when the frame becomes smaller. */
  #kept: Box | undefined;

  get zoom(): number {
    return this.#view.zoom;
  }

  /** Moves `layer` within `frame`, and listens to the wheel; returns what ends that. */
  attach(frame: HTMLElement, layer: HTMLElement): () => void {
    this.#frame = frame;
    this.#layer = layer;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = frame.getBoundingClientRect();
      const around = { x: event.clientX - box.left, y: event.clientY - box.top };
      this.zoomBy(Math.exp(-event.deltaY * WHEEL_SPEED), around);
    };
    // React listens passively to wheels, and could not keep the page from scrolling.
    frame.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      frame.removeEventListener("wheel", onWheel);
      cancelAnimationFrame(this.#scheduled);
    };
  }

  /** Takes another map of this size, drawn by `draw`, and stays where it is. */
  show(width: number, height: number, draw: (view: View) => void): void {
    this.#width = width;
    this.#height = height;
    this.#draw = draw;
    this.redraw();
  }

  /** Draws the same place again, such as in other colours. */
  redraw(): void {
    this.#move(this.#view);
  }

  /** Opens the map anew in a frame of another size, unless it has been moved. */
  resized(): void {
    if (this.#opened) this.open(this.#opened.around);
    else this.keep(this.#kept);
  }

  /** Stays where it is, whatever size the frame gets. */
  stay(): void {
    this.#opened = null;
  }

  /** Moves no farther than is needed to show this, and keeps it in view until it is moved. */
  keep(box: Box | undefined): void {
    this.#kept = box;
    const { x, y, zoom } = this.#view;
    const seen = this.#seen();
    this.#move({
      x: x + (box ? intoView(box.left * zoom + x, box.right * zoom + x, seen.width) : 0),
      y: y + (box ? intoView(box.top * zoom + y, box.bottom * zoom + y, seen.height) : 0),
      zoom,
    });
  }

  zoomBy(factor: number, around?: Point): void {
    this.#leave();
    const { x, y, zoom } = this.#view;
    const seen = this.#seen();
    const point = around ?? { x: seen.width / 2, y: seen.height / 2 };
    const next = Math.min(Math.max(zoom * factor, MIN_ZOOM), MAX_ZOOM);
    const scale = next / zoom;
    this.#move({
      x: point.x - (point.x - x) * scale,
      y: point.y - (point.y - y) * scale,
      zoom: next,
    });
  }

  panBy(dx: number, dy: number): void {
    this.#leave();
    const { x, y, zoom } = this.#view;
    this.#move({ x: x + dx, y: y + dy, zoom });
  }

  /** Shows the whole map. */
  fit(): void {
    this.#leave();
    this.#centre(this.#middle(), this.#fitting(this.#width, this.#height));
  }

  /** Shows the whole map, or as much of it around something as can be read. */
  open(around: Box | undefined): void {
    this.#opened = { around };
    const whole = { left: 0, right: this.#width, top: 0, bottom: this.#height };
    const fitting = this.#fitting(this.#width, this.#height);
    if (fitting >= WHOLE_FROM) {
      this.#centre(this.#middle(), fitting);
      return;
    }
    const { left, right, top, bottom } = around ?? whole;
    const zoom = Math.max(
      Math.min(this.#fitting(right - left, bottom - top), PART_ZOOM),
      WHOLE_FROM,
    );
    const seen = this.#seen();
    this.#centre(
      {
        x: withinMap((left + right) / 2, seen.width / zoom, this.#width, MARGIN / zoom),
        y: withinMap((top + bottom) / 2, seen.height / zoom, this.#height, MARGIN / zoom),
      },
      zoom,
    );
  }

  /** Moves a node of the map into view, where it isn't. */
  reveal(point: Point): void {
    const seen = this.#seen();
    const { x, y, zoom } = this.#view;
    const [left, top] = [point.x * zoom + x, point.y * zoom + y];
    const [sideways, upright] = [(NODE_WIDTH / 2) * zoom, (NODE_HEIGHT / 2) * zoom];
    const isSeen =
      zoom >= NAMES_FROM &&
      left >= sideways &&
      top >= upright &&
      left <= seen.width - sideways &&
      top <= seen.height - upright;
    if (isSeen) return;
    this.#leave();
    this.#centre(point, Math.max(zoom, PART_ZOOM));
  }

  /** A point of the frame as one of the map. */
  toMap(point: Point): Point {
    const { x, y, zoom } = this.#view;
    return { x: (point.x - x) / zoom, y: (point.y - y) / zoom };
  }

  #leave(): void {
    this.#opened = null;
    this.#kept = undefined;
  }

  #seen(): { width: number; height: number } {
    const [width, height] = [this.#frame?.clientWidth ?? 0, this.#frame?.clientHeight ?? 0];
    return { width, height: height - LEGEND_HEIGHT };
  }

  #middle(): Point {
    return { x: this.#width / 2, y: this.#height / 2 };
  }

  /** The zoom at which so much of the map is seen, 1 at most. */
  #fitting(width: number, height: number): number {
    const seen = this.#seen();
    const across = (seen.width - 2 * MARGIN) / Math.max(width, 1);
    const down = (seen.height - 2 * MARGIN) / Math.max(height, 1);
    return Math.max(Math.min(across, down, 1), MIN_ZOOM);
  }

  #centre(point: Point, zoom: number): void {
    const seen = this.#seen();
    this.#move({ x: seen.width / 2 - point.x * zoom, y: seen.height / 2 - point.y * zoom, zoom });
  }

  #move(next: View): void {
    this.#view = next;
    if (this.#layer) {
      this.#layer.style.transform = `translate(${next.x}px, ${next.y}px) scale(${next.zoom})`;
      // Each new value styles all nodes anew, so steps too small to be seen are left out.
      const zoom = next.zoom.toPrecision(1 + Number(next.zoom < 1));
      if (zoom !== this.#layer.style.getPropertyValue("--zoom")) {
        this.#layer.style.setProperty("--zoom", zoom);
        this.#layer.dataset["detail"] = detailAt(next.zoom);
      }
    }
    cancelAnimationFrame(this.#scheduled);
    this.#scheduled = requestAnimationFrame(() => this.#draw(this.#view));
  }
}

/** The middle of what is seen, moved so that no more than a margin beside the map is. */
function withinMap(middle: number, seen: number, size: number, margin: number): number {
  if (seen >= size + 2 * margin) return size / 2;
  return Math.min(Math.max(middle, seen / 2 - margin), size + margin - seen / 2);
}

/** How far something must be moved to be seen; what is larger than the frame, not at all. */
function intoView(from: number, to: number, seen: number): number {
  if (to - from > seen - 2 * MARGIN) return 0;
  return Math.max(MARGIN - from, 0) + Math.min(seen - MARGIN - to, 0);
}

function detailAt(zoom: number): "figures" | "names" | "shapes" {
  if (zoom >= FIGURES_FROM) return "figures";
  return zoom >= NAMES_FROM ? "names" : "shapes";
}
