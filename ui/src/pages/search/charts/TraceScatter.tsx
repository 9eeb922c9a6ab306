/** The traces of the list as points: start, duration, size by spans, a diamond where errors are. */

import { useCallback, useMemo, useRef, useState } from "react";
import { useSettings } from "@/app/settings";
import { decades } from "@/model/axis";
import { formatCount, formatDuration, formatDurationTick } from "@/model/format";
import {
  heightOf,
  placeOf,
  pointAt,
  scatterOf,
  type Point,
  type TraceSummary,
} from "@/model/scatter";
import { formatTime } from "@/model/time";
import { Canvas, useWidth, type Draw } from "./Canvas";
import { Tip } from "./CellChart";
import { drawLevels, drawTimes, LEFT, plotOf, TOP } from "./plot";
import styles from "./Charts.module.css";

interface TraceScatterProps {
  readonly traces: readonly TraceSummary[];
  onOpen(trace: TraceSummary, inNewTab: boolean): void;
}

const HEIGHT = 200;

export function TraceScatter({ traces, onOpen }: TraceScatterProps) {
  const zone = useSettings((settings) => settings.zone);
  const root = useRef<HTMLDivElement>(null);
  const width = useWidth(root);
  const [chosen, setChosen] = useState<TraceSummary | null>(null);
  const plot = plotOf({ width, height: HEIGHT });
  const scatter = useMemo(
    () => scatterOf(traces, plot.width, plot.height),
    [traces, plot.width, plot.height],
  );
  const byTime = useMemo(() => scatter.points.toSorted((one, other) => one.x - other.x), [scatter]);
  const point = byTime.find(({ trace }) => trace === chosen) ?? null;
  const draw = useCallback<Draw>(
    (context, size, ink) => {
      const { start, end, shortest, longest } = scatter;
      drawLevels(
        context,
        size,
        ink,
        levelsOf(shortest, longest).map(
          (nanos) => [heightOf(scatter, nanos, plot.height), formatDurationTick(nanos)] as const,
        ),
      );
      drawTimes(context, size, ink, { start, end, zone }, (micros) =>
        placeOf(scatter, micros, plot.width),
      );
      for (const one of scatter.points) {
        drawPoint(context, one, ink(one.failed ? "--error" : "--accent"), one.trace === chosen);
      }
    },
    [scatter, plot.height, plot.width, zone, chosen],
  );
  const under = (event: React.MouseEvent<HTMLElement>) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return pointAt(scatter.points, event.clientX - left - LEFT, event.clientY - top - TOP);
  };
  return (
    <div
      ref={root}
      role="application"
      aria-roledescription="chart"
      aria-label="Traces by start and duration, the same as in the list"
      tabIndex={0}
      className={`${styles.chart} ${point ? styles.pointing : ""}`}
      onPointerMove={(event) => setChosen(under(event)?.trace ?? null)}
      onPointerLeave={() => setChosen(null)}
      onBlur={() => setChosen(null)}
      onClick={(event) => {
        const found = under(event);
        if (found) onOpen(found.trace, event.ctrlKey || event.metaKey);
      }}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (step) {
          const next = point ? byTime.indexOf(point) + step : step > 0 ? 0 : byTime.length - 1;
          setChosen(byTime[Math.min(Math.max(next, 0), byTime.length - 1)]?.trace ?? null);
        } else if (event.key === "Enter" && point) onOpen(point.trace, event.ctrlKey);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <Canvas height={HEIGHT} draw={draw} />
      <Tip x={point ? LEFT + point.x : null} width={width}>
        {point ? describe(point.trace, formatTime(point.trace.start_micros, zone)) : ""}
      </Tip>
    </div>
  );
}

function levelsOf(shortest: number, longest: number): readonly number[] {
  const found = decades(shortest, longest);
  return found.length > 1 ? found : [...new Set([shortest, longest])];
}

function describe(trace: TraceSummary, start: string): string {
  const errors = trace.errors ? `, ${formatCount(trace.errors)} errors` : "";
  return `${trace.root_service} ${trace.root_operation}: ${formatDuration(trace.duration_nanos)}, ${formatCount(trace.spans)} spans${errors}, ${start}`;
}

function drawPoint(
  context: CanvasRenderingContext2D,
  { x, y, radius, failed }: Point,
  color: string,
  isChosen: boolean,
): void {
  const [left, top] = [LEFT + x, TOP + y];
  context.beginPath();
  if (failed) {
    context.moveTo(left, top - radius);
    context.lineTo(left + radius, top);
    context.lineTo(left, top + radius);
    context.lineTo(left - radius, top);
    context.closePath();
  } else {
    context.arc(left, top, radius * 0.85, 0, 2 * Math.PI);
  }
  context.globalAlpha = isChosen ? 0.9 : 0.35;
  context.fillStyle = color;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = color;
  context.lineWidth = isChosen ? 2.5 : 1.25;
  context.stroke();
}
