/**
 * Which lines of a long list are on the screen, all of one height.
 *
 * Browsers limit how high an element can be, so lists that are higher scroll on a smaller scale:
 * the lines are moved to where the scroll bar says they are.
 */

import { useLayoutEffect, useState, useSyncExternalStore } from "react";

export const LINE_HEIGHT = 24;
const MAX_HEIGHT = 16_000_000;
/** Lines kept ready above and below. */
const SPARE = 6;
/** Lines are placed relative to the first of so many, which keeps distances small. */
const BLOCK = 10_000;

/** Pixels, as if nothing were scaled. */
interface Place {
  readonly top: number;
  readonly viewport: number;
  /** How far the lines are from where they would be unscaled. */
  readonly shift: number;
}

export class ListScroller {
  private element: HTMLElement | null = null;
  private count = 0;
  private place: Place = { top: 0, viewport: 800, shift: 0 };
  private readonly listeners = new Set<() => void>();

  /** Height of what is scrolled. */
  get height(): number {
    return Math.min(this.count * LINE_HEIGHT, MAX_HEIGHT);
  }

  /** A ref: follows the element that scrolls. */
  readonly attach = (element: HTMLElement | null) => {
    this.element = element;
    if (!element) return undefined;
    const observer = new ResizeObserver(this.read);
    observer.observe(element);
    element.addEventListener("scroll", this.read, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", this.read);
      this.element = null;
    };
  };

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getPlace = () => this.place;

  setCount(count: number): void {
    this.count = count;
    this.read();
  }

  /** Scrolls as little as is needed for a line to be seen below so many covered lines. */
  show(index: number, covered: number, center = false): void {
    const { top, viewport } = this.now();
    const line = index * LINE_HEIGHT;
    const most = line - covered * LINE_HEIGHT;
    const least = line + LINE_HEIGHT - viewport;
    if (top <= most && top >= least) return;
    if (center) this.scrollTo(line - viewport / 2);
    else this.scrollTo(top > most ? most : least);
  }

  scrollBy(lines: number): void {
    this.scrollTo(this.now().top + lines * LINE_HEIGHT);
  }

  private scrollTo(top: number): void {
    this.element?.scrollTo({ top: top / this.scale() });
    this.read();
  }

  private readonly read = () => {
    const { top, viewport } = this.now();
    const shift = (this.element?.scrollTop ?? 0) - top;
    // Until another line comes into sight, the browser moves what is there.
    const isSame =
      lineAt(this.place.top) === lineAt(top) &&
      this.place.viewport === viewport &&
      this.place.shift === shift;
    if (isSame) return;
    this.place = { top, viewport, shift };
    for (const listener of this.listeners) listener();
  };

  private now(): { top: number; viewport: number } {
    const viewport = this.element?.clientHeight ?? this.place.viewport;
    return { top: (this.element?.scrollTop ?? 0) * this.scale(), viewport };
  }

  /** How many pixels of the list a pixel of the scroll bar stands for. */
  private scale(): number {
    const whole = this.count * LINE_HEIGHT;
    const viewport = this.element?.clientHeight ?? 0;
    return whole > this.height ? (whole - viewport) / (this.height - viewport) : 1;
  }
}

export interface ListWindow {
  readonly height: number;
  /** First and last line to draw, the last not included. */
  readonly first: number;
  readonly last: number;
  /** The topmost line that is seen. */
  readonly top: number;
  /** Where the block of lines begins, and which line is its first. */
  readonly offset: number;
  readonly blockStart: number;
}

export function useListScroller(count: number): [ListScroller, ListWindow] {
  const [list] = useState(() => new ListScroller());
  const place = useSyncExternalStore(list.subscribe, list.getPlace);
  useLayoutEffect(() => list.setCount(count), [list, count]);
  const top = Math.max(0, Math.min(lineAt(place.top), count - 1));
  const first = Math.max(0, top - SPARE);
  const last = Math.min(count, top + Math.ceil(place.viewport / LINE_HEIGHT) + SPARE);
  const blockStart = Math.floor(first / BLOCK) * BLOCK;
  const offset = blockStart * LINE_HEIGHT + place.shift;
  const height = Math.min(count * LINE_HEIGHT, MAX_HEIGHT);
  return [list, { height, first, last, top, offset, blockStart }];
}

function lineAt(pixels: number): number {
  return Math.floor(pixels / LINE_HEIGHT);
}
