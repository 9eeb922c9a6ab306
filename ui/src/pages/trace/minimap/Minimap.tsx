/** The whole trace in a strip: where it is long, where it fails, and which part the page shows. */

import { useEffect, useMemo, useRef, useState } from "react";
import type { ServiceColor } from "@/model/colors";
import { paintMinimap } from "@/model/minimap";
import type { TraceData } from "@/model/traceData";
import { useTheme } from "@/parts/theme";
import { useTraceView, useView } from "../store";
import { Brush } from "./Brush";
import { readPalette } from "./palette";
import styles from "./Minimap.module.css";

const HEIGHT = 52;

export function Minimap({ colors }: { readonly colors: ReadonlyMap<string, ServiceColor> }) {
  const { trace } = useTraceView();
  const hidden = useView(({ hiddenServices }) => hiddenServices);
  const [width, setWidth] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current && width) draw(canvas.current, trace, colors, hidden, width);
  }, [trace, colors, hidden, width, theme]);
  const summary = useMemo(() => describe(trace), [trace]);
  return (
    <div className={styles.minimap} ref={box}>
      <canvas
        ref={canvas}
        className={styles.canvas}
        style={{ height: HEIGHT }}
        role="img"
        aria-label={summary}
      />
      <Brush />
    </div>
  );
}

function draw(
  canvas: HTMLCanvasElement,
  trace: TraceData,
  colors: ReadonlyMap<string, ServiceColor>,
  hidden: ReadonlySet<number>,
  width: number,
): void {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  const leftOut = new Uint8Array(trace.serviceNames.length);
  for (const service of hidden) leftOut[service] = 1;
  const palette = readPalette(canvas, trace.serviceNames, colors);
  const { pixels } = paintMinimap(trace, canvas.width, canvas.height, palette, leftOut);
  const bytes = new Uint8ClampedArray(pixels.buffer as ArrayBuffer);
  canvas.getContext("2d")?.putImageData(new ImageData(bytes, canvas.width, canvas.height), 0, 0);
}

function describe({ count, serviceNames, orphans }: TraceData): string {
  const missing = orphans.length ? `, ${orphans.length} without their parent` : "";
  return `Overview of ${count} spans of ${serviceNames.length} services${missing}`;
}
