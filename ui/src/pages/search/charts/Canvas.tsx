/** A canvas as wide as its place: sharp on every screen, redrawn when size, theme or drawing change. */

import { useEffect, useRef, useState } from "react";
import { useTheme } from "@/parts/theme";
import styles from "./Charts.module.css";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Draws in CSS pixels; `ink` gives the colour of a token, such as `--accent`. */
export type Draw = (
  context: CanvasRenderingContext2D,
  size: Size,
  ink: (token: string) => string,
) => void;

export function Canvas({ height, draw }: { readonly height: number; readonly draw: Draw }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(canvas);
  const theme = useTheme();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || !width) return;
    const ratio = devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    context.scale(ratio, ratio);
    const colors = getComputedStyle(element);
    context.font = `11px ${colors.fontFamily}`;
    draw(context, { width, height }, (token) => colors.getPropertyValue(token).trim());
  }, [draw, width, height, theme]);
  return <canvas ref={canvas} className={styles.canvas} style={{ height }} aria-hidden />;
}

/** The width of an element in CSS pixels; 0 before it is laid out. */
export function useWidth(element: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element.current) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
