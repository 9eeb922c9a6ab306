/** Tells a drag from a click, and both from a pointer that passes. */

import { useRef, type PointerEvent } from "react";
import type { Point } from "@/model/mapLayout";

const CLICK_PIXELS = 4;

interface Options {
  onPan(dx: number, dy: number): void;
  onClick(point: Point): void;
  /** Null when the pointer has left. */
  onHover(point: Point | null): void;
}

/** Handlers for an element; points are counted from its corner. Buttons within keep their clicks. */
export function useDragging({ onPan, onClick, onHover }: Options) {
  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const frame = useRef(0);
  return {
    onPointerDown(event: PointerEvent<HTMLElement>) {
      if (event.button !== 0 || isButton(event)) return;
      drag.current = { x: event.clientX, y: event.clientY, moved: false };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent<HTMLElement>) {
      const at = drag.current;
      if (!at) {
        if (isButton(event)) return;
        const point = pointOf(event);
        cancelAnimationFrame(frame.current);
        frame.current = requestAnimationFrame(() => onHover(point));
        return;
      }
      const [dx, dy] = [event.clientX - at.x, event.clientY - at.y];
      if (!at.moved && Math.hypot(dx, dy) < CLICK_PIXELS) return;
      drag.current = { x: event.clientX, y: event.clientY, moved: true };
      onPan(dx, dy);
    },
    onPointerUp(event: PointerEvent<HTMLElement>) {
      const at = drag.current;
      drag.current = null;
      if (at && !at.moved) onClick(pointOf(event));
    },
    onPointerCancel() {
      drag.current = null;
    },
    onPointerLeave() {
      cancelAnimationFrame(frame.current);
      if (!drag.current) onHover(null);
    },
  };
}

function isButton(event: PointerEvent<HTMLElement>): boolean {
  return event.target instanceof Element && event.target.closest("button") !== null;
}

function pointOf(event: PointerEvent<HTMLElement>): Point {
  const box = event.currentTarget.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}
